package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

func TestFleet(t *testing.T) {
	w := newWorld(t, size(t), controlplane.Options{})
	r := report{Instances: len(w.instances), MaxUnavailable: max(len(w.instances)*part/100, 1)}

	w.becomesReady(&r)
	w.rollsOut(&r)
	w.isStopped(&r)
	w.rollsBack(&r)
	w.write(r)

	w.writesNothingWithoutNeed()
	w.followsTheLabels()
	w.namesWhatIsWrong()
	w.keepsAllWhenNothingIsSelected()
	w.endsWithTheSet()
	w.takesOverWhatWasMadeByHand()
}

// becomesReady: one application for each server, each with what its server says.
func (w *world) becomesReady(r *report) {
	started := time.Now()
	w.Expect(w.Admin.Create(w.t.Context(), crm())).To(Succeed())
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonReady))
	r.SecondsToReady = time.Since(started).Round(100 * time.Millisecond).Seconds()
	set := w.get()
	r.Ready = int(set.Status.Ready)
	w.Expect(r.Ready).To(Equal(r.Instances))
	w.Expect(set.Status.Instances).To(Equal(fmt.Sprintf("%d/%d", r.Instances, r.Instances)))
	w.Expect(set.Status.ObservedGeneration).To(Equal(set.Generation))

	for _, instance := range w.instances {
		app, ok, err := instance.Application(w.t.Context(), "com.example.crm/portal")
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(ok).To(BeTrue(), instance.Name)
		w.Expect(app.Name).To(Equal("CRM for customer-" + instance.Name))
		var secret corev1.Secret
		w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: "crm-" + instance.Name}, &secret)).To(Succeed())
		w.Expect(secret.Data).To(HaveKey(v1alpha1.KeyClientSecret))
	}
	for _, app := range w.apps() {
		w.Expect(app.Labels).To(HaveKeyWithValue("customer", "customer-"+name(&app)))
		w.Expect(app.Spec.Interactive.RedirectURIs).To(ConsistOf(v1alpha1.RedirectURI("https://" + name(&app) + ".example.com/signin-oidc")))
	}
}

// rollsOut: never more are unavailable than may be.
func (w *world) rollsOut(r *report) {
	started := time.Now()
	w.rename(second)
	w.Eventually(func(g Gomega) {
		changed, unavailable := 0, 0
		for _, app := range w.apps() {
			if strings.HasPrefix(app.Spec.DisplayName, "CRM 2 ") {
				changed++
				if app.Status.ObservedGeneration != app.Generation {
					unavailable++
				}
			}
		}
		r.MostUnavailable = max(r.MostUnavailable, unavailable)
		g.Expect(changed).To(Equal(r.Instances))
		g.Expect(w.readiness()).To(Equal(v1alpha1.ReasonReady))
	}).Should(Succeed())
	r.SecondsToRollOut = time.Since(started).Round(100 * time.Millisecond).Seconds()
	w.Expect(r.MostUnavailable).To(And(BeNumerically(">", 0), BeNumerically("<=", r.MaxUnavailable)))
	for _, instance := range w.instances {
		app, _, err := instance.Application(w.t.Context(), "com.example.crm/portal")
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(app.Name).To(Equal("CRM 2 for customer-" + instance.Name))
	}
}

// down is the instance that does not answer.
func (w *world) down() int { return len(w.instances) / 2 }

// isStopped: after an instance that is down no other one is changed, and the set says so.
func (w *world) isStopped(r *report) {
	down := w.instances[w.down()]
	w.Expect(down.SetDown(w.t.Context(), true)).To(Succeed())
	w.rename(third)
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonRolloutStopped))
	set := w.get()
	w.Expect(meta.IsStatusConditionTrue(set.Status.Conditions, v1alpha1.ConditionStalled)).To(BeTrue())
	w.Expect(set.Status.Failing).To(ConsistOf(And(HaveField("Server", down.Name), HaveField("Application", "crm-"+down.Name))))
	told := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady).Message
	w.Expect(told).To(And(ContainSubstring("no further one is changed"), ContainSubstring(down.Name)))
	w.t.Log(told)
	w.show("get", "tas", "-n", namespace)
	w.show("get", "ta", "crm-"+down.Name, "-n", namespace)
	var events corev1.EventList
	w.Eventually(func(g Gomega) {
		g.Expect(w.Admin.List(w.t.Context(), &events, client.InNamespace(namespace))).To(Succeed())
		g.Expect(events.Items).To(ContainElement(And(
			HaveField("Reason", v1alpha1.ReasonRolloutStopped), HaveField("InvolvedObject.Kind", "TrustedApplicationSet"))))
	}).Should(Succeed())

	r.StoppedAt = w.withThird()
	w.Expect(r.StoppedAt).To(BeNumerically("<", r.Instances))
	w.Expect(set.Status.Updated).To(BeEquivalentTo(r.StoppedAt))
	w.Consistently(w.withThird).WithTimeout(2 * time.Second).Should(Equal(r.StoppedAt))
}

// show logs what people see.
func (w *world) show(args ...string) {
	w.t.Helper()
	out, err := w.Kubectl(w.t.Context(), args...)
	w.Expect(err).NotTo(HaveOccurred())
	w.t.Logf("kubectl %s\n%s", strings.Join(args, " "), out)
}

// withThird is the number of applications that have the third template.
func (w *world) withThird() (n int) {
	w.t.Helper()
	for _, app := range w.apps() {
		if strings.HasPrefix(app.Spec.DisplayName, "CRM 3 ") {
			n++
		}
	}
	return n
}

// rollsBack: the template as it was reaches those that had another one, in the same way.
func (w *world) rollsBack(r *report) {
	w.rename(second)
	w.Eventually(w.withThird).Should(BeNumerically("<=", r.MaxUnavailable), "an instance that is down holds up its own turn only")
	w.Expect(w.instances[w.down()].SetDown(w.t.Context(), false)).To(Succeed())
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonReady))
	r.RolledBack = r.StoppedAt - w.withThird()
	w.Expect(r.RolledBack).To(Equal(r.StoppedAt))
	for _, instance := range w.instances {
		app, _, err := instance.Application(w.t.Context(), "com.example.crm/portal")
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(app.Name).To(Equal("CRM 2 for customer-"+instance.Name), "also those that were down")
	}
}

// versions are those of everything that the set writes.
func (w *world) versions() map[string]string {
	w.t.Helper()
	all := map[string]string{"the set": w.get().ResourceVersion}
	for _, app := range w.apps() {
		all[app.Name] = app.ResourceVersion
	}
	return all
}

func (w *world) describe(instance int, labels map[string]string) {
	w.t.Helper()
	server := &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: w.instances[instance].Name}}
	w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(server), server)).To(Succeed())
	before := server.DeepCopy()
	server.Labels = labels
	w.Expect(w.Admin.Patch(w.t.Context(), server, client.MergeFrom(before))).To(Succeed())
}

func (w *world) labels(instance int) map[string]string {
	return map[string]string{"fleet": "crm", "customer": "customer-" + w.instances[instance].Name}
}

// writesNothingWithoutNeed: a look that finds nothing writes nothing.
func (w *world) writesNothingWithoutNeed() {
	before := w.versions()
	labels := w.labels(0)
	labels["irrelevant"] = "yes"
	w.describe(0, labels)
	w.Consistently(w.versions).WithTimeout(2 * time.Second).WithPolling(500 * time.Millisecond).Should(Equal(before))
}

// followsTheLabels: a server that loses its label loses its application, and gets it back.
func (w *world) followsTheLabels() {
	last := len(w.instances) - 1
	key := client.ObjectKey{Namespace: namespace, Name: "crm-" + w.instances[last].Name}
	w.describe(last, nil)
	w.Eventually(func(g Gomega) {
		g.Expect(w.Admin.Get(w.t.Context(), key, &v1alpha1.TrustedApplication{})).To(Satisfy(apierrors.IsNotFound))
		_, ok, err := w.instances[last].Application(w.t.Context(), "com.example.crm/portal")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(ok).To(BeFalse())
	}).Should(Succeed())
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonReady))
	w.Expect(w.get().Status.Servers).To(BeEquivalentTo(last))
	w.describe(last, w.labels(last))
	w.Eventually(func() int32 { return w.get().Status.Ready }).Should(BeEquivalentTo(last + 1))
}

// namesWhatIsWrong: a label that is missing, a foreign application and a refusal each have their entry, and hold up nobody else.
func (w *world) namesWhatIsWrong() {
	reasons := func() map[string]string {
		all := map[string]string{}
		for _, f := range w.get().Status.Failing {
			all[f.Server] = f.Reason
		}
		return all
	}
	unlabelled, foreign := w.instances[0].Name, w.instances[1].Name
	w.describe(0, map[string]string{"fleet": "crm"})
	w.Eventually(reasons).Should(Equal(map[string]string{unlabelled: v1alpha1.ReasonTemplateInvalid}))
	w.Expect(w.readiness()).To(Equal(v1alpha1.ReasonInstancesFailing))

	// Somebody takes the name while there is no application of the set.
	w.describe(1, nil)
	key := client.ObjectKey{Namespace: namespace, Name: "crm-" + foreign}
	w.Eventually(func() error { return w.Admin.Get(w.t.Context(), key, &v1alpha1.TrustedApplication{}) }).Should(Satisfy(apierrors.IsNotFound))
	theirs := &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: key.Name, Labels: map[string]string{v1alpha1.SetLabel: "crm"}},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: foreign}, ApplicationURI: "com.example.theirs/sync",
			Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"},
		},
	}
	w.Expect(w.Admin.Create(w.t.Context(), theirs)).To(Succeed())
	w.describe(1, w.labels(1))
	w.Eventually(reasons).Should(Equal(map[string]string{unlabelled: v1alpha1.ReasonTemplateInvalid, foreign: v1alpha1.ReasonNameConflict}))
	w.Expect(w.Admin.Delete(w.t.Context(), theirs)).To(Succeed())
	w.describe(0, w.labels(0))
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonReady))

	// What the API server refuses is tried at nobody else.
	w.change(func(s *v1alpha1.TrustedApplicationSetSpec) {
		s.Template.Spec.Interactive.RedirectURIs[0] = "http://{{ .Server.Name }}"
	})
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonRolloutStopped))
	w.Expect(w.get().Status.Failing[0]).To(And(HaveField("Reason", v1alpha1.ReasonRefused), HaveField("Message", ContainSubstring("use https everywhere else"))))
	w.Expect(w.get().Status.Ready).To(BeEquivalentTo(len(w.instances)))
	w.change(func(s *v1alpha1.TrustedApplicationSetSpec) {
		s.Template.Spec.Interactive.RedirectURIs = crm().Spec.Template.Spec.Interactive.RedirectURIs
	})
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonReady))
}

// keepsAllWhenNothingIsSelected: a selector of nobody is a mistake.
func (w *world) keepsAllWhenNothingIsSelected() {
	w.change(func(s *v1alpha1.TrustedApplicationSetSpec) {
		s.Servers.Selector.MatchLabels = map[string]v1alpha1.LabelValue{"fleet": "typo"}
	})
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonEmptySelection))
	w.Expect(w.apps()).To(And(HaveLen(len(w.instances)), HaveEach(HaveField("DeletionTimestamp", BeNil()))))
	w.change(func(s *v1alpha1.TrustedApplicationSetSpec) { s.Servers = crm().Spec.Servers })
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonReady))
}

// endsWithTheSet: the applications go with it, and their registrations.
func (w *world) endsWithTheSet() {
	w.Expect(w.Admin.Delete(w.t.Context(), w.get(), client.PropagationPolicy(metav1.DeletePropagationBackground))).To(Succeed())
	w.Eventually(w.apps).Should(BeEmpty())
	for _, instance := range w.instances {
		_, ok, err := instance.Application(w.t.Context(), "com.example.crm/portal")
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(ok).To(BeFalse(), instance.Name)
	}
}

// takesOverWhatWasMadeByHand: a fleet that was registered before the operator came is watched first, without a write, and then adopted turn by turn.
func (w *world) takesOverWhatWasMadeByHand() {
	for _, instance := range w.instances {
		_, err := instance.AddApplication(w.t.Context(), standin.Application{
			ApplicationURI: "com.example.crm/portal", Name: "CRM for customer-" + instance.Name, IsEnabled: true, ClientType: "Confidential", Secret: "by-hand",
			ImpersonateAsInternalUserAllowed: true, ImpersonateLoginURL: new("https://" + instance.Name + ".example.com/signin-oidc"),
			SystemUserAllowed: true, SystemUser: "svc.orders", Scope: new("read"),
		})
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(instance.ResetCounts(w.t.Context())).To(Succeed())
	}
	set := crm()
	set.Spec.Template.Spec.AdoptionPolicy, set.Spec.Template.Spec.DriftPolicy = v1alpha1.AdoptIfUnowned, v1alpha1.DriftObserve
	w.Expect(w.Admin.Create(w.t.Context(), set)).To(Succeed())
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonReady))
	for _, app := range w.apps() {
		w.Expect(meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonObserved), app.Name)
	}
	for _, instance := range w.instances {
		counts, err := instance.Counts(w.t.Context())
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(counts.Writes).To(BeZero(), instance.Name)
	}

	w.change(func(s *v1alpha1.TrustedApplicationSetSpec) { s.Template.Spec.DriftPolicy = v1alpha1.DriftEnforce })
	w.Eventually(w.readiness).Should(Equal(v1alpha1.ReasonReady))
	for _, instance := range w.instances {
		app, _, err := instance.Application(w.t.Context(), "com.example.crm/portal")
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(app.ExternalID).NotTo(BeNil(), instance.Name)
	}
	w.endsWithTheSet()
}
