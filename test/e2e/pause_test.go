package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// still asserts that nothing is done for a while: the operator has seen the last change when it is told so in the status.
func (w *world) still(ctx context.Context, start int) {
	GinkgoHelper()
	counts, err := w.instance.Counts(ctx)
	Expect(err).NotTo(HaveOccurred())
	Consistently(func(g Gomega) {
		now, err := w.instance.Counts(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(now.Requests).To(Equal(counts.Requests), "requests to the server")
		for _, write := range counted.since(start) {
			g.Expect(write).To(HaveSuffix("/status"), "writes to Kubernetes")
		}
	}, "1s").Should(Succeed())
}

// Serial: the writes of other applications would be counted, too.
var _ = Describe("a pause", Serial, func() {
	It("of an application stops everything for it, and nothing is lost", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		published := w.secret(ctx, app.Status.Binding)

		start := counted.count()
		annotate(ctx, app, v1alpha1.PausedAnnotation, "true")
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonPaused)
		Expect(readyOf(app).Message).To(ContainSubstring("annotation trustedapps.dev/paused on the TrustedApplication"))
		since := conditionOf(app, v1alpha1.ConditionPaused)
		Expect(since).NotTo(BeNil())

		By("an edit, a request and a Secret that is deleted wait")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Another" })
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonPaused)
		annotate(ctx, app, v1alpha1.RotateAnnotation, "now")
		Expect(admin.Delete(ctx, published.DeepCopy())).To(Succeed())
		w.still(ctx, start)
		Expect(w.secret(ctx, &v1alpha1.BindingReference{Name: published.Name})).To(BeNil())
		Expect(conditionOf(app, v1alpha1.ConditionPaused).LastTransitionTime).To(Equal(since.LastTransitionTime), "it says since when")
		Expect(app.Status.ObservedGeneration).To(BeNumerically("<", app.Generation))

		By("a restart of the operator changes nothing")
		stopOperator()
		before := w.sweeps()
		startOperator()
		Eventually(w.sweeps).Should(BeNumerically(">", before), "the server is not paused, and probed")
		w.still(ctx, counted.count())

		By("a deletion waits visibly")
		Expect(admin.Delete(ctx, app)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
			g.Expect(readyOf(app)).To(And(HaveField("Reason", v1alpha1.ReasonPaused), HaveField("Status", metav1.ConditionFalse), HaveField("Message", ContainSubstring("it is being deleted, and waits"))))
		}).Should(Succeed())
		_, there := w.registration(ctx, app)
		Expect(there).To(BeTrue())

		By("and all goes on at once when the annotation is gone")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { delete(a.Annotations, v1alpha1.PausedAnnotation) })
		Eventually(func() error { return client.IgnoreNotFound(admin.Get(ctx, client.ObjectKeyFromObject(app), app)) }).Should(Succeed())
		Eventually(func(g Gomega) { _, there := w.registration(ctx, app); g.Expect(there).To(BeFalse()) }).Should(Succeed())
	})

	It("of an application that is not registered begins nothing", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		app := w.app("orders", serviceSpec())
		app.Annotations = map[string]string{v1alpha1.PausedAnnotation: "true"}
		start := counted.count()
		Expect(admin.Create(ctx, app)).To(Succeed())
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonPaused)
		Expect(app.Finalizers).To(BeEmpty())
		Expect(counted.since(start)).To(ContainElement(HaveSuffix("/orders/status")))
		_, there := w.registration(ctx, app)
		Expect(there).To(BeFalse())
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Annotations = nil })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(conditionOf(app, v1alpha1.ConditionPaused)).To(BeNil())
	})

	It("of a server stops it and all of its applications", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		pause := func(value string) {
			GinkgoHelper()
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
			patch := client.MergeFrom(w.server.DeepCopy())
			w.server.Annotations = map[string]string{v1alpha1.PausedAnnotation: value}
			if value == "" {
				w.server.Annotations = nil
			}
			Expect(admin.Patch(ctx, w.server, patch)).To(Succeed())
		}
		pause("true")
		w.serverBecomes(ctx, metav1.ConditionTrue, v1alpha1.ReasonPaused)
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonPaused)
		Expect(readyOf(app).Message).To(ContainSubstring("on the IdentityServer " + w.server.Name))
		start := counted.count()
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Another" })
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonPaused)
		w.still(ctx, start)

		By("also after a restart, when it was never probed")
		stopOperator()
		startOperator()
		w.still(ctx, counted.count())
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonPaused)

		pause("")
		w.serverBecomes(ctx, metav1.ConditionTrue, v1alpha1.ReasonReady)
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		got, _ := w.registration(ctx, app)
		Expect(got.Name).To(Equal("Another"))
	})

	It("takes no other value than true", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		app.Annotations = map[string]string{v1alpha1.PausedAnnotation: "yes"}
		w.create(ctx, app)
		Expect(app.Status.Warnings).To(ContainElement(ContainSubstring("pauses with the value true only")))
		kubectl("annotate", "ids", w.server.Name, v1alpha1.PausedAnnotation+"=on")
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
			g.Expect(w.server.Status.Warnings).To(ContainElement(ContainSubstring("pauses with the value true only")))
		}).Should(Succeed())
		w.serverBecomes(ctx, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})
})
