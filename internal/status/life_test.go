package status

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// drifted is a run that looked at a registration that somebody renamed.
func drifted() (plan.Desired, plan.Observed) {
	d, o := want(), observed()
	d.Suspect, d.Capabilities.Lookup, d.Target = true, true, "t"
	o.Ledger.Target, o.Ledger.Staged = "t", 1
	o.Output.Revisions = []string{o.Ledger.Revision()}
	renamed := d.Want
	renamed.DisplayName = "By hand"
	o.Found = map[string]*idserver.Reply{id: {Owner: d.Key.Owner, Registration: renamed}}
	o.Applied = false
	return d, o
}

func TestDriftIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		enforce bool
		end     plan.Step
		want    string
	}{
		"where it is left":                   {false, plan.Done{}, "differs in displayName, and spec.driftPolicy leaves it"},
		"where it could not be brought back": {true, plan.Fail{Reason: v1alpha1.ReasonOwnershipConflict, Message: "no"}, "differs in displayName, and could not be brought back: no"},
		"nor yet":                            {true, plan.Wait{Reason: v1alpha1.ReasonServerUnavailable, Message: "away"}, "differs in displayName, and could not be brought back: away"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			d, o := drifted()
			d.Enforce = c.enforce
			s := Application(app(), d, c.end, o, nil, later)
			g.Expect(s.Drift).To(Equal([]string{"displayName"}))
			inSync := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionInSync)
			g.Expect(inSync.Status).To(Equal(metav1.ConditionFalse))
			g.Expect(inSync.Reason).To(Equal(v1alpha1.ReasonDrifted))
			g.Expect(inSync.Message).To(ContainSubstring(c.want))
			back := app()
			back.Status = s
			d, o = drifted()
			o.Found[id].Registration = d.Want
			s = Application(back, d, plan.Done{}, o, nil, later)
			g.Expect(s.Drift).To(BeNil())
			g.Expect(meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionInSync)).To(BeTrue())
		})
	}
}

func TestTheClientIDInUseIsTold(t *testing.T) {
	g := NewWithT(t)
	o := observed()
	o.Ledger.Next.ClientID = id + v1alpha1.AlternateSuffix
	s := Application(app(), want(), plan.Done{}, o, nil, later)
	g.Expect(s.ClientID).To(Equal(id + v1alpha1.AlternateSuffix))
	g.Expect(meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionRegistered).Message).To(ContainSubstring(id + v1alpha1.AlternateSuffix + " as"))
	o.Ledger = ledger.Record{}
	g.Expect(Application(app(), want(), plan.Wait{Reason: "x"}, o, nil, later).ClientID).To(BeEmpty(), "an answer that could not be saved yet")
}

func TestPhases(t *testing.T) {
	c := &ledger.Credential{ID: "c"}
	for phase, o := range map[v1alpha1.RotationPhase]plan.Observed{
		v1alpha1.RotationIdle:      {Ledger: ledger.Record{Current: c, Old: c, Parked: true}},
		v1alpha1.RotationSwitching: {Ledger: ledger.Record{Current: c, Next: c, Old: c}},
		v1alpha1.RotationAnnounced: {Ledger: ledger.Record{Next: c, Announced: c}},
		v1alpha1.RotationGrace:     {Ledger: ledger.Record{Current: c, Old: c}},
		v1alpha1.RotationQueued:    {Ledger: ledger.Record{Next: c}, Spaced: &time.Time{}},
	} {
		NewWithT(t).Expect(Phase(o)).To(Equal(phase))
	}
}

func TestAPauseIsNoFailureOfWhatWasReady(t *testing.T) {
	g := NewWithT(t)
	ready := app()
	ready.Status = Application(ready, want(), plan.Done{}, observed(), nil, then)
	s := PausedApplication(ready, "paused by X", nil, later)
	g.Expect(meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)).To(And(
		HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonPaused), HaveField("Message", "paused by X")))
	g.Expect(meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionPaused)).To(BeTrue())

	edited := ready.DeepCopy()
	edited.Generation++
	gone := ready.DeepCopy()
	gone.DeletionTimestamp = &later
	for _, a := range []*v1alpha1.TrustedApplication{edited, gone, app()} {
		g.Expect(meta.IsStatusConditionFalse(PausedApplication(a, "paused", nil, later).Conditions, v1alpha1.ConditionReady)).To(BeTrue())
	}
	ready.Status = s
	g.Expect(meta.FindStatusCondition(Application(ready, want(), plan.Done{}, observed(), nil, later).Conditions, v1alpha1.ConditionPaused)).To(BeNil())
}

func TestTheFirstOrphansAreListedAndAllAreCounted(t *testing.T) {
	g := NewWithT(t)
	var found []v1alpha1.OrphanedRegistration
	for i := range v1alpha1.MaxOrphans + 10 {
		found = append(found, v1alpha1.OrphanedRegistration{ClientID: fmt.Sprintf("com.example/%03d", i), Application: "shop/a"})
	}
	found = append(found, found[3]) // pages that overlap list one twice
	apps := []v1alpha1.TrustedApplication{*app()}
	apps[0].Status.Orphans = []string{"Order sync"}
	var first, again v1alpha1.IdentityServerStatus
	Orphans(&first, found, apps)
	rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	Orphans(&again, found, apps)
	g.Expect(again).To(Equal(first), "in whatever order they come")
	g.Expect(first.Orphaned).To(BeEquivalentTo(v1alpha1.MaxOrphans + 10))
	g.Expect(first.Orphans).To(HaveLen(v1alpha1.MaxOrphans))
	g.Expect(first.Orphans[3].ClientID).To(Equal("com.example/003"))
	g.Expect(first.DeclaredOrphans).To(Equal([]string{"shop/orders: Order sync"}))
	Orphans(&first, nil, nil)
	g.Expect(first).To(BeZero())
}

func TestWhatIsAbandonedIsRecordedOnce(t *testing.T) {
	g := NewWithT(t)
	var s v1alpha1.IdentityServerStatus
	a := app()
	a.UID = "u"
	both := []string{id, id + v1alpha1.AlternateSuffix}
	g.Expect(Abandon(&s, a, both, then)).To(BeTrue())
	g.Expect(Abandon(&s, a, both, later)).To(BeFalse())
	g.Expect(s.Abandoned).To(HaveLen(2))
	g.Expect(s.Abandoned[0]).To(Equal(v1alpha1.AbandonedRegistration{ClientID: id, Application: "shop/orders", UID: "u", Time: then}))
	for i := range v1alpha1.MaxAbandoned {
		a.Name = fmt.Sprint(i)
		a.UID += "u"
		g.Expect(Abandon(&s, a, both[:1], later)).To(BeTrue())
	}
	g.Expect(s.Abandoned).To(HaveLen(v1alpha1.MaxAbandoned))
	g.Expect(s.Abandoned[0].Application).To(Equal("shop/0"), "the oldest go first")
}

func TestWarningsFitIntoAStatus(t *testing.T) {
	g := NewWithT(t)
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("%02d %s", i, strings.Repeat("я", 400)))
	}
	s := Application(app(), want(), plan.Done{}, observed(), append(many, many...), later)
	g.Expect(s.Warnings).To(HaveLen(16))
	g.Expect(slices.IsSorted(s.Warnings)).To(BeTrue())
	for _, w := range s.Warnings {
		g.Expect(len(w)).To(BeNumerically("<=", 512))
		g.Expect(w).To(HaveSuffix("я..."))
	}
	g.Expect(PausedApplication(app(), "paused", nil, later).Warnings).To(BeNil())
}

func TestAServerTellsOfAnAnnotationWithoutEffect(t *testing.T) {
	g := NewWithT(t)
	ids := &v1alpha1.IdentityServer{}
	ids.Spec.Access = []v1alpha1.AccessGrant{{Name: "everyone", Namespaces: []v1alpha1.NamespacePattern{"*"}}}
	ids.Annotations = map[string]string{v1alpha1.PausedAnnotation: "yes"}
	ids.Status = Server(ids, Probe{Reason: v1alpha1.ReasonServerUnavailable}, then)
	g.Expect(ids.Status.Warnings).To(ConsistOf(ContainSubstring("pauses with the value true only")))
	g.Expect(Server(ids, Probe{Reason: v1alpha1.ReasonServerUnavailable}, then).Warnings).To(Equal(ids.Status.Warnings))
	ids.Annotations = nil
	g.Expect(Server(ids, Probe{Reason: v1alpha1.ReasonServerUnavailable}, then).Warnings).To(BeNil())
}

func TestAServerTellsOfGrantsThatLetNobodyIn(t *testing.T) {
	g := NewWithT(t)
	ids := &v1alpha1.IdentityServer{}
	ids.Status = Server(ids, ProbeOf(found, caps, nil), then)
	g.Expect(ids.Status.Warnings).To(ContainElement(HavePrefix("spec.access: nobody may register anything")))
	ready := meta.FindStatusCondition(ids.Status.Conditions, v1alpha1.ConditionReady)
	g.Expect(*ready).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Message", ContainSubstring("grants nothing to anybody"))))
	g.Expect(Server(ids, ProbeOf(found, caps, nil), later)).To(Equal(ids.Status), "the same again is no write")
	ids.Spec.Access = []v1alpha1.AccessGrant{{Name: "teams", NamespaceSelector: &v1alpha1.NamespaceSelector{}}}
	g.Expect(Server(ids, ProbeOf(found, caps, nil), then).Warnings).To(Equal([]string{"x", "y"}))
}

func TestWhatTheServerAlteredIsTold(t *testing.T) {
	g := NewWithT(t)
	d, o := drifted()
	o.Found[id].Registration = d.Want
	o.Ledger.Altered = []string{"scopes", "service"}
	s := Application(app(), d, plan.Done{}, o, nil, later)
	inSync := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionInSync)
	g.Expect(inSync.Status).To(Equal(metav1.ConditionFalse))
	g.Expect(inSync.Reason).To(Equal(v1alpha1.ReasonAltered))
	g.Expect(inSync.Message).To(ContainSubstring("changed or left out scopes, service: change that in the spec"))
	g.Expect(meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionReady)).To(BeTrue(), "it works, as far as the server lets it")
}
