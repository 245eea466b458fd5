package status

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

const id = "com.example.orders/sync"

var (
	then  = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	later = metav1.NewTime(then.Add(time.Hour))
)

// app is a service in its third generation, of which the second was reported.
func app() *v1alpha1.TrustedApplication {
	return &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders", Generation: 3},
		Spec:       v1alpha1.TrustedApplicationSpec{ApplicationURI: id, Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}},
		Status:     v1alpha1.TrustedApplicationStatus{ObservedGeneration: 2},
	}
}

func public() *v1alpha1.TrustedApplication {
	a := app()
	a.Spec.Service, a.Spec.ClientType = nil, v1alpha1.ClientTypePublic
	a.Spec.Interactive = &v1alpha1.InteractiveSpec{RedirectURIs: []v1alpha1.RedirectURI{"https://a.example/cb"}}
	return a
}

func want() plan.Desired {
	return plan.Desired{Key: idserver.Key{ClientID: id}, Want: idserver.Registration{Enabled: true, Service: true}, ServerReady: true, Verify: true}
}

func deleting() plan.Desired {
	d := want()
	d.Deleting = true
	return d
}

// observed is a run that told the server, proved and published everything.
func observed(change ...func(*plan.Observed)) plan.Observed {
	o := plan.Observed{
		Finalizer: true, LedgerExists: true, Applied: true, Verified: "a",
		Ledger: ledger.Record{Next: &ledger.Credential{ID: "a", Credential: idserver.Credential{ClientID: id, Secret: "s"}}},
		Output: plan.Output{Secret: plan.Matches},
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

func untold(o *plan.Observed)      { o.Applied, o.Verified = false, "" }
func unproven(o *plan.Observed)    { o.Verified = "" }
func unpublished(o *plan.Observed) { o.Output.Secret = plan.Missing }

// summary renders the conditions in short: the status (True, False, Unknown) and the reason of each.
func summary(conditions []metav1.Condition) map[string]string {
	out := map[string]string{}
	for _, c := range conditions {
		out[c.Type] = string(c.Status[0]) + " " + c.Reason
	}
	return out
}

func TestEveryEndOfARun(t *testing.T) {
	disabled, off := want(), want()
	disabled.Want.Enabled, off.Verify = false, false
	open := want()
	open.Want.Public, open.Want.Service = true, false
	publicRun := observed(unproven, func(o *plan.Observed) { o.Output = plan.Output{ConfigMap: plan.Matches} })
	wait := func(reason string) plan.Step { return plan.Wait{Reason: reason, Message: "wait"} }
	fail := func(reason string) plan.Step { return plan.Fail{Reason: reason, Message: "mend it"} }

	for name, c := range map[string]struct {
		app     *v1alpha1.TrustedApplication
		d       plan.Desired
		end     plan.Step
		o       plan.Observed
		want    []string // Ready, Registered, CredentialsVerified, CredentialsPublished, then Reconciling or Stalled
		reached bool
	}{
		"done":             {app(), want(), plan.Done{}, observed(), []string{"T Ready", "T Registered", "T Verified", "T Published"}, true},
		"nothing to do":    {app(), want(), plan.Done{}, observed(untold), []string{"T Ready", "T Registered", "T Verified", "T Published"}, true},
		"disabled":         {app(), disabled, plan.Done{}, observed(unproven), []string{"T Disabled", "T Registered", "U Disabled", "T Published"}, true},
		"verification off": {app(), off, plan.Done{}, observed(unproven), []string{"T Ready", "T Registered", "U VerificationOff", "T Published"}, true},
		"public":           {public(), open, plan.Done{}, publicRun, []string{"T Ready", "T Registered", "T PublicClient", "T Published"}, true},
		"public, told, then conflict": {public(), open, fail("ConfigMapConflict"), publicRun,
			[]string{"F ConfigMapConflict", "T Registered", "T PublicClient", "F ConfigMapConflict", "Stalled"}, true},
		"told, then refused": {app(), want(), wait("VerificationFailed"), observed(unproven, unpublished),
			[]string{"F VerificationFailed", "T Registered", "F VerificationFailed", "F VerificationFailed", "Reconciling"}, true},
		"proven, then conflict": {app(), want(), fail("SecretConflict"), observed(func(o *plan.Observed) { o.Output.Secret = plan.Foreign }),
			[]string{"F SecretConflict", "T Registered", "T Verified", "F SecretConflict", "Stalled"}, true},
		"proven, then Kubernetes refused": {app(), want(), wait("WriteFailed"), observed(unpublished),
			[]string{"F WriteFailed", "T Registered", "T Verified", "F WriteFailed", "Reconciling"}, true},
		"deleting, waits": {app(), deleting(), wait("IdentityServerNotReady"), observed(untold),
			[]string{"F IdentityServerNotReady", "F IdentityServerNotReady", "F IdentityServerNotReady", "F IdentityServerNotReady", "Reconciling"}, false},
		"deleting, deregistered": {app(), deleting(), wait("WriteFailed"), observed(untold, func(o *plan.Observed) { o.Deleted = []string{""} }),
			[]string{"F WriteFailed", "F Deleting", "F WriteFailed", "F WriteFailed", "Reconciling"}, false},
		"deleting, told in between": {app(), deleting(), wait("ServerUnavailable"), observed(unproven),
			[]string{"F ServerUnavailable", "F ServerUnavailable", "F ServerUnavailable", "F ServerUnavailable", "Reconciling"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, c.app, c.d, c.end, c.o, c.want, c.reached)
		})
	}
	for _, reason := range []string{
		"Progressing", "IdentityServerNotFound", "IdentityServerNotReady", "ServerUnavailable", "OutcomeUnknown", "Unauthorized", "WriteFailed",
	} {
		t.Run("waits before the server was told: "+reason, func(t *testing.T) {
			check(t, app(), want(), wait(reason), observed(untold, unpublished), []string{"F " + reason, "F " + reason, "F " + reason, "F " + reason, "Reconciling"}, false)
		})
	}
	for _, reason := range []string{"OwnershipConflict", "SecretConflict", "ConfigMapConflict", "Invalid", "ControlLost", "TooManyOrphans"} {
		t.Run("stops before the server was told: "+reason, func(t *testing.T) {
			check(t, app(), want(), fail(reason), observed(untold, unpublished), []string{"F " + reason, "F " + reason, "F " + reason, "F " + reason, "Stalled"}, true)
		})
	}
}

// check checks one end: the conditions and the observed generation. What kstatus makes of them is seen by test/gitops, with its library.
func check(t *testing.T, a *v1alpha1.TrustedApplication, d plan.Desired, end plan.Step, o plan.Observed, conditions []string, reached bool) {
	t.Helper()
	g := NewWithT(t)
	former := a.DeepCopy()
	s := Application(a, d, end, o, nil, then)
	g.Expect(a).To(Equal(former), "it is pure")
	expected := map[string]string{"Ready": conditions[0], "Registered": conditions[1], "CredentialsVerified": conditions[2], "CredentialsPublished": conditions[3]}
	expected["InSync"] = strings.Replace(conditions[0], "F Deleting", "F", 1)
	if conditions[1] == "T Registered" {
		expected["InSync"] = "T InSync"
	}
	switch {
	case slices.Contains(conditions, "Reconciling"):
		expected["Reconciling"] = strings.Replace(conditions[0], "F ", "T ", 1)
	case slices.Contains(conditions, "Stalled"):
		expected["Stalled"] = strings.Replace(conditions[0], "F ", "T ", 1)
	}
	g.Expect(summary(s.Conditions)).To(Equal(expected))
	g.Expect(s.Conditions).To(HaveEach(And(HaveField("ObservedGeneration", int64(3)), HaveField("LastTransitionTime", then), HaveField("Message", Not(BeEmpty())))))
	g.Expect(s.ObservedGeneration).To(Equal(map[bool]int64{false: 2, true: 3}[reached]), "it advances when the generation reached the server, or stalled")
	again := a.DeepCopy()
	again.Status = s
	g.Expect(Application(again, d, end, o, nil, later)).To(Equal(s), "the same run again is no write")
}

func TestConditionsComeAndGo(t *testing.T) {
	g := NewWithT(t)
	a := app()
	step := func(end plan.Step, o plan.Observed, now metav1.Time) v1alpha1.TrustedApplicationStatus {
		a.Status = Application(a, want(), end, o, nil, now)
		return a.Status
	}
	g.Expect(summary(step(plan.Wait{Reason: "OutcomeUnknown"}, observed(untold, unpublished), then).Conditions)).To(HaveKeyWithValue("Reconciling", "T OutcomeUnknown"))
	g.Expect(summary(step(plan.Fail{Reason: "Invalid"}, observed(untold, unpublished), then).Conditions)).To(And(HaveKeyWithValue("Stalled", "T Invalid"), Not(HaveKey("Reconciling"))))
	done := step(plan.Done{}, observed(), later)
	g.Expect(summary(done.Conditions)).To(And(Not(HaveKey("Stalled")), Not(HaveKey("Reconciling"))))
	g.Expect(meta.FindStatusCondition(done.Conditions, "Ready").LastTransitionTime).To(Equal(later))
}

func TestWhatIsPublishedIsNamed(t *testing.T) {
	hybrid := app()
	hybrid.Spec.ClientType, hybrid.Spec.Interactive = v1alpha1.ClientTypeConfidential, public().Spec.Interactive
	hybrid.Spec.Credentials, hybrid.Spec.ConfigMapName = &v1alpha1.CredentialsSpec{SecretName: "login"}, "front"
	for name, c := range map[string]struct {
		secret, configMap plan.ObjectState
		binding           string
		named             string
		message           string
	}{
		"both":          {plan.Matches, plan.Matches, "login", "front", "Secret and ConfigMap"},
		"they differ":   {plan.Differs, plan.Differs, "login", "front", "Secret and ConfigMap"},
		"one of them":   {plan.Matches, plan.Missing, "login", "", "the Secret"},
		"the other":     {plan.Missing, plan.Matches, "", "front", "the ConfigMap"},
		"somebody's":    {plan.Foreign, plan.Foreign, "", "", "up to date"},
		"none as yet":   {plan.Missing, plan.Missing, "", "", "up to date"},
		"nobody looked": {plan.Unneeded, plan.Unneeded, "former", "former", "up to date"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			a := hybrid.DeepCopy()
			a.Status.Binding, a.Status.ConfigMapName, a.Status.Orphans = &v1alpha1.BindingReference{Name: "former"}, "former", []string{"lost"}
			s := Application(a, want(), plan.Done{}, observed(func(o *plan.Observed) { o.Output = plan.Output{Secret: c.secret, ConfigMap: c.configMap} }), nil, then)
			g.Expect(s.Flow).To(Equal(v1alpha1.FlowHybrid))
			g.Expect(s.ClientID).To(Equal(id))
			if c.binding == "" {
				g.Expect(s.Binding).To(BeNil())
			} else {
				g.Expect(s.Binding).To(HaveValue(HaveField("Name", c.binding)))
			}
			g.Expect(s.ConfigMapName).To(Equal(c.named))
			g.Expect(s.Orphans).To(HaveLen(map[bool]int{true: 1}[c.named == "former"]))
			g.Expect(meta.FindStatusCondition(s.Conditions, "CredentialsPublished").Message).To(ContainSubstring(c.message))
		})
	}
}

// The schema has a set: twice the same name would make every write of the status fail.
func TestOrphansAreASet(t *testing.T) {
	g := NewWithT(t)
	s := Application(app(), want(), plan.Done{}, observed(func(o *plan.Observed) { o.Ledger.Orphans = []string{"Orders", "Old orders", "Orders"} }), []string{"w"}, then)
	g.Expect(s.Orphans).To(Equal([]string{"Old orders", "Orders"}))
	g.Expect(s.Warnings).To(Equal([]string{"w"}))
}

func TestMessagesThatDifferOnlyByTheRequestAreNoWrite(t *testing.T) {
	refusal := func(class error, status int, request string) string {
		return (&idserver.Error{Class: class, Op: "creating the registration", HTTPStatus: status, ServerCode: "busy", RequestID: request}).Error()
	}
	first := refusal(idserver.ErrUnavailable, 503, "a:1.x-Y")
	for name, c := range map[string]struct {
		message string
		kept    bool
	}{
		"the same":        {first, true},
		"another request": {refusal(idserver.ErrUnavailable, 503, "b:2"), true},
		"no request id":   {refusal(idserver.ErrUnavailable, 503, ""), true},
		"another status":  {refusal(idserver.ErrUnavailable, 502, "a:1.x-Y"), false},
		"another cause":   {"creating the registration: unavailable: the connection was refused", false},
	} {
		for _, end := range []func(string) plan.Step{
			func(m string) plan.Step { return plan.Wait{Reason: v1alpha1.ReasonServerUnavailable, Message: m} },
			func(m string) plan.Step { return plan.Fail{Reason: v1alpha1.ReasonInvalid, Message: m} },
		} {
			t.Run(fmt.Sprintf("%s, %T", name, end("")), func(t *testing.T) {
				g := NewWithT(t)
				a := app()
				o := observed(untold, unpublished)
				a.Status = Application(a, want(), end(first), o, nil, then)
				next := Application(a, want(), end(c.message), o, nil, later)
				if c.kept {
					g.Expect(next).To(Equal(a.Status))
				} else {
					g.Expect(next.Conditions).To(HaveEach(HaveField("Message", c.message)))
				}
			})
		}
	}
}

func TestLongMessagesAreCutBetweenCharacters(t *testing.T) {
	g := NewWithT(t)
	for shift := range 4 {
		a := app()
		end := plan.Wait{Reason: "ServerUnavailable", Message: strings.Repeat("x", shift) + strings.Repeat("я€", maxMessage)}
		a.Status = Application(a, want(), end, observed(untold, unpublished), nil, then)
		g.Expect(a.Status.Conditions).To(HaveEach(HaveField("Message", And(
			Satisfy(utf8.ValidString), Satisfy(func(m string) bool { return len(m) <= maxMessage && len(m) > maxMessage-4 }),
			Not(ContainSubstring(string(utf8.RuneError)))))))
		g.Expect(Application(a, want(), end, observed(untold, unpublished), nil, later)).To(Equal(a.Status), "the cut message again is no write")
	}
}

func TestWhatIsOnlyWatchedIsReadyAndHasNothing(t *testing.T) {
	g := NewWithT(t)
	d := want()
	d.Adoption = plan.Adoption{Unowned: true, Observe: true}
	o := plan.Observed{Finalizer: true, Output: plan.Output{Secret: plan.Missing}, Found: map[string]*idserver.Reply{id: {Registration: d.Want}}}
	before := app()
	before.Status.Drift = []string{"scopes"}
	s := Application(before, d, plan.Observe{}, o, nil, then)
	g.Expect(summary(s.Conditions)).To(Equal(map[string]string{
		"Ready": "T Observed", "Registered": "T Registered", "InSync": "T InSync", "CredentialsPublished": "U Observed", "CredentialsVerified": "U Observed",
	}))
	g.Expect(meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady).Message).To(ContainSubstring("set it to Enforce or Warn to adopt it"))
	g.Expect(s.ObservedGeneration).To(BeEquivalentTo(3), "the server holds what this generation asks")
	g.Expect(s.ClientID).To(Equal(id))
	g.Expect(s.Drift).To(BeEmpty())
	g.Expect(s.Binding).To(BeNil())
}
