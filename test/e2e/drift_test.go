package e2e

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

// sweep asks for a look at all registrations, and waits until it was taken.
func (w *world) sweep(ctx context.Context) {
	GinkgoHelper()
	before := w.sweeps()
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
	patch := client.MergeFrom(w.server.DeepCopy())
	metav1.SetMetaDataAnnotation(&w.server.ObjectMeta, v1alpha1.SweepAnnotation, fmt.Sprint(serial.Add(1)))
	Expect(admin.Patch(ctx, w.server, patch)).To(Succeed())
	Eventually(func() int { return w.sweeps() }).Should(BeNumerically(">", before))
}

// sweeps is how many the operator has logged.
func (w *world) sweeps() int {
	n := 0
	for line := range strings.Lines(logs.String()) {
		sweep := strings.Contains(line, "looked at all registrations") || strings.Contains(line, "the registrations could not be listed")
		if sweep && strings.Contains(line, `"`+w.server.Name+`"`) {
			n++
		}
	}
	return n
}

// inSync waits until the condition is as said.
func (w *world) inSync(ctx context.Context, app *v1alpha1.TrustedApplication, status metav1.ConditionStatus, drift ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		g.Expect(conditionOf(app, v1alpha1.ConditionInSync)).To(HaveValue(HaveField("Status", status)))
		g.Expect(app.Status.Drift).To(ConsistOf(drift))
		g.Expect(readyOf(app).Status).To(Equal(metav1.ConditionTrue), "what the server holds does not stop what works")
	}).Should(Succeed(), func() string { return w.explain(ctx) })
}

func told(ctx context.Context, app *v1alpha1.TrustedApplication, reason, note string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(events(ctx, app.Namespace)).To(ContainElement(And(HaveField("Reason", reason), HaveField("Regarding.Name", app.Name), HaveField("Note", ContainSubstring(note)))))
	}).Should(Succeed())
}

var _ = Describe("a registration that somebody changed at the server", func() {
	It("is brought back, with the same client id and the same secret", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		repaired := func(what string) {
			GinkgoHelper()
			Eventually(logs.String).Should(MatchRegexp(`brought back: ` + what + `".*"` + w.namespace + `"`))
		}
		secret := w.secret(ctx, app.Status.Binding)
		got, _ := w.registration(ctx, app)
		Expect(w.instance.EditApplication(ctx, got.ID, map[string]any{"name": "By hand", "scope": "read update", "isEnabled": false})).To(Succeed())
		w.sweep(ctx)
		told(ctx, app, "DriftRepaired", "displayName, enabled, scopes")
		w.inSync(ctx, app, metav1.ConditionTrue)
		now, _ := w.registration(ctx, app)
		Expect(now).To(And(HaveField("Name", got.Name), HaveField("IsEnabled", true), HaveField("Scope", HaveValue(Equal("read")))))
		works(ctx, secret)

		By("deleted")
		Expect(w.instance.RemoveApplication(ctx, got.ID)).To(Succeed())
		w.sweep(ctx)
		repaired("registration") // further events of a kind are counted, and keep the note of the first
		w.inSync(ctx, app, metav1.ConditionTrue)
		Expect(w.secret(ctx, app.Status.Binding).Data).To(Equal(secret.Data))
		works(ctx, secret)

		By("its secret reset")
		w.sweep(ctx) // from now on its version is known
		got, _ = w.registration(ctx, app)
		Expect(w.instance.EditApplication(ctx, got.ID, map[string]any{"secret": "set-by-hand-0123456789"})).To(Succeed())
		Expect(w.accepts(ctx, secret)).To(BeFalse())
		w.sweep(ctx)
		repaired("secret")
		works(ctx, secret)
	})

	It("is left and told where the policy says so", func(ctx SpecContext) {
		w := newWorld(ctx)
		spec := serviceSpec()
		spec.DriftPolicy = v1alpha1.DriftWarn
		warned := w.app("warned", spec)
		w.create(ctx, warned)
		spec.DriftPolicy = v1alpha1.DriftObserve
		observed := w.app("observed", spec)
		w.create(ctx, observed)
		for _, app := range []*v1alpha1.TrustedApplication{warned, observed} {
			got, _ := w.registration(ctx, app)
			Expect(w.instance.EditApplication(ctx, got.ID, map[string]any{"name": "By hand"})).To(Succeed())
		}
		counts, err := w.instance.Counts(ctx)
		Expect(err).NotTo(HaveOccurred())
		w.sweep(ctx)
		w.inSync(ctx, warned, metav1.ConditionFalse, "displayName")
		w.inSync(ctx, observed, metav1.ConditionFalse, "displayName")
		told(ctx, warned, "Drifted", "displayName")
		Expect(events(ctx, w.namespace)).NotTo(ContainElement(And(HaveField("Reason", "Drifted"), HaveField("Regarding.Name", "observed"))))
		after, err := w.instance.Counts(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(after.Writes).To(Equal(counts.Writes))

		By("put back by hand it is in sync again")
		got, _ := w.registration(ctx, observed)
		Expect(w.instance.EditApplication(ctx, got.ID, map[string]any{"name": w.namespace + "/observed"})).To(Succeed())
		w.sweep(ctx)
		w.inSync(ctx, observed, metav1.ConditionTrue)
		By("and Enforce brings it back")
		edit(ctx, warned, func(a *v1alpha1.TrustedApplication) { a.Spec.DriftPolicy = v1alpha1.DriftEnforce })
		w.sweep(ctx)
		w.inSync(ctx, warned, metav1.ConditionTrue)
		got, _ = w.registration(ctx, warned)
		Expect(got.Name).To(Equal(w.namespace + "/warned"))
	})

	It("is not taken for gone when the list fails", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		for _, fault := range []standin.Fault{
			{Path: "Systems_Security_TrustedApplications", Method: "GET", Status: 200, Body: `{"value":[]`},
			{Path: "Systems_Security_TrustedApplications", Method: "GET", Status: 200, Body: "<html>", ContentType: "text/html"},
			{Path: "Systems_Security_TrustedApplications", Method: "GET", Status: 503},
		} {
			fault.Count = 2
			_, err := w.instance.AddFault(ctx, fault)
			Expect(err).NotTo(HaveOccurred())
			counts, err := w.instance.Counts(ctx)
			Expect(err).NotTo(HaveOccurred())
			w.sweep(ctx)
			after, err := w.instance.Counts(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(after.Writes).To(Equal(counts.Writes))
			Expect(w.instance.RemoveFault(ctx, "")).To(Succeed())
			w.serverReady(ctx)
		}
		Expect(app.Status.Drift).To(BeEmpty())
	})

	It("costs one list for all applications", func(ctx SpecContext) {
		w := newWorld(ctx)
		for i := range 5 {
			w.create(ctx, w.app(fmt.Sprint("orders-", i), serviceSpec()))
		}
		w.sweep(ctx)
		settled(ctx, w)
		Expect(w.instance.ResetCounts(ctx)).To(Succeed())
		w.sweep(ctx)
		settled(ctx, w)
		counts, err := w.instance.Counts(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(counts.Requests["GET Systems_Security_TrustedApplications"]).To(BeNumerically("<=", 2), "that of the probe and the list")
		Expect(counts.Writes).To(BeZero())
	})
})

var _ = Describe("a registration without an application", func() {
	orphaned := func(ctx context.Context, w *world, name string) string {
		GinkgoHelper()
		id := "com.example.former." + w.namespace + "/" + name
		_, err := w.instance.AddApplication(ctx, standin.Application{
			ApplicationURI: id, Name: name, IsEnabled: true, ClientType: "Confidential", Secret: "left-behind-0123456789",
			ExternalSystem: new("trustedapps.dev/" + cluster), ExternalID: new(w.namespace + "/" + name + "/0d5a3c1e-0000-4000-8000-000000000000"),
		})
		Expect(err).NotTo(HaveOccurred())
		return id
	}
	policy := func(ctx context.Context, w *world, p v1alpha1.OrphanPolicy) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
			w.server.Spec.OrphanPolicy = p
			g.Expect(admin.Update(ctx, w.server)).To(Succeed())
		}).Should(Succeed())
	}
	orphans := func(ctx context.Context, w *world, matcher any) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
			g.Expect(w.server.Status.Orphans).To(matcher.(OmegaMatcher))
			g.Expect(int(w.server.Status.Orphaned)).To(Equal(len(w.server.Status.Orphans)))
		}).Should(Succeed())
	}

	It("is reported, and ended only where the policy says so", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		first, second := orphaned(ctx, w, "first"), orphaned(ctx, w, "orders") // the second has the name of one that lives
		w.sweep(ctx)
		w.sweep(ctx)
		orphans(ctx, w, ConsistOf(
			v1alpha1.OrphanedRegistration{ClientID: first, Application: w.namespace + "/first", Enabled: true},
			v1alpha1.OrphanedRegistration{ClientID: second, Application: w.namespace + "/orders", Enabled: true, Successor: true},
		))
		Eventually(func(g Gomega) {
			g.Expect(events(ctx, "")).To(ContainElement(And(HaveField("Reason", "OrphansFound"), HaveField("Regarding.Name", w.server.Name))))
		}).Should(Succeed())
		Expect(w.found(ctx, first).IsEnabled).To(BeTrue())

		policy(ctx, w, v1alpha1.OrphanDisable)
		w.sweep(ctx)
		orphans(ctx, w, ContainElement(v1alpha1.OrphanedRegistration{ClientID: first, Application: w.namespace + "/first"}))
		Expect(w.found(ctx, first).IsEnabled).To(BeFalse())
		Expect(w.found(ctx, second).IsEnabled).To(BeTrue(), "it is left to its successor")

		policy(ctx, w, v1alpha1.OrphanDelete)
		w.sweep(ctx)
		orphans(ctx, w, ConsistOf(HaveField("ClientID", second)))
		_, there, err := w.instance.Application(ctx, first)
		Expect(err).NotTo(HaveOccurred())
		Expect(there).To(BeFalse())
		works(ctx, w.secret(ctx, app.Status.Binding))
		Expect(w.found(ctx, app.Spec.ApplicationURI).IsEnabled).To(BeTrue())
	})

	It("is never one that carries no mark, or that of another cluster", func(ctx SpecContext) {
		w := newWorld(ctx)
		policy(ctx, w, v1alpha1.OrphanDelete)
		for name, mark := range map[string]*string{"unmarked": nil, "elsewhere": new("trustedapps.dev/another-cluster"), "other": new("some-system")} {
			id := new(w.namespace + "/gone/0d5a3c1e-0000-4000-8000-000000000000")
			if mark == nil {
				id = nil
			}
			_, err := w.instance.AddApplication(ctx, standin.Application{ApplicationURI: "com.example/" + name, Name: name, IsEnabled: true, ClientType: "Public", ExternalSystem: mark, ExternalID: id})
			Expect(err).NotTo(HaveOccurred())
		}
		for range 3 {
			w.sweep(ctx)
		}
		orphans(ctx, w, BeEmpty())
		all, err := w.instance.Applications(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(all).To(HaveLen(4))
	})
})
