package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// backup is what a backup tool took of one application.
type backup struct {
	app            *v1alpha1.TrustedApplication
	secret, ledger *corev1.Secret
}

// lose takes a backup of an application and then everything of it from the cluster, at once, as the loss of a cluster does: the operator sees
// nothing of it, and the registration stays at the server.
func (w *world) lose(ctx context.Context, app *v1alpha1.TrustedApplication) backup {
	GinkgoHelper()
	b := backup{app: app.DeepCopy(), secret: w.secret(ctx, app.Status.Binding), ledger: ledgerOf(app)}
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(b.ledger), b.ledger)).To(Succeed())
	stopOperator()
	Expect(admin.Delete(ctx, app.DeepCopy())).To(Succeed())
	force := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	Expect(admin.Patch(ctx, app.DeepCopy(), force)).To(Succeed())
	Expect(admin.Delete(ctx, b.ledger.DeepCopy())).To(Succeed())
	Eventually(func() bool { return w.secret(ctx, app.Status.Binding) == nil }).Should(BeTrue(), "the garbage collector takes what has no owner")
	return b
}

// restored is an object as a backup tool creates it again: with its owner references, which name UIDs that are no more.
func restored[T client.Object](o T) T {
	o.SetUID("")
	o.SetResourceVersion("")
	o.SetGeneration(0)
	o.SetManagedFields(nil)
	o.SetCreationTimestamp(metav1.Time{})
	return o
}

// restore brings back what is not nil, the application last, and starts the operator.
func (w *world) restore(ctx context.Context, b backup) *v1alpha1.TrustedApplication {
	GinkgoHelper()
	if b.ledger != nil {
		Expect(admin.Create(ctx, restored(b.ledger.DeepCopy()))).To(Succeed())
	}
	app := restored(b.app.DeepCopy())
	app.Status = v1alpha1.TrustedApplicationStatus{}
	if b.secret != nil {
		Expect(admin.Create(ctx, restored(b.secret.DeepCopy()))).To(Succeed())
	}
	Expect(admin.Create(ctx, app)).To(Succeed())
	startOperator()
	return app
}

var _ = Describe("an application that is restored from a backup, with another UID", Serial, func() {
	lost := func(ctx context.Context) (*world, backup) {
		GinkgoHelper()
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		return w, w.lose(ctx, app)
	}
	goesOn := func(ctx context.Context, w *world, b backup, app *v1alpha1.TrustedApplication) {
		GinkgoHelper()
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(app.UID).NotTo(Equal(b.app.UID))
		secret := w.secret(ctx, app.Status.Binding)
		Expect(secret.Data).To(Equal(b.secret.Data), "neither a new client nor a new secret")
		Expect(secret.OwnerReferences).To(ConsistOf(HaveField("UID", app.UID)))
		works(ctx, secret)
		all, err := w.instance.Applications(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(all).To(HaveLen(2), "the operator's own, and this")
		Expect(w.found(ctx, app.Spec.ApplicationURI).ExternalID).To(HaveValue(HaveSuffix(string(app.UID))))
	}

	It("goes on with its ledger", func(ctx SpecContext) {
		w, b := lost(ctx)
		app := w.restore(ctx, backup{app: b.app, ledger: b.ledger})
		goesOn(ctx, w, b, app)
		told(ctx, app, "Restored", app.Spec.ApplicationURI)
		Eventually(func() bool {
			return apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(b.ledger), &corev1.Secret{}))
		}).Should(BeTrue(), "the former ledger is not left")
		Expect(admin.Delete(ctx, app)).To(Succeed())
		Eventually(func() bool { _, there := w.registration(ctx, app); return there }).Should(BeFalse(), "it is managed like any other")
	})

	It("goes on with all that was saved", func(ctx SpecContext) {
		w, b := lost(ctx)
		goesOn(ctx, w, b, w.restore(ctx, b))
	})

	It("goes on with its Secret, where the garbage collector did not take it first", func(ctx SpecContext) {
		w, b := lost(ctx)
		b.secret.OwnerReferences = nil // as a backup tool writes it that is told to leave them out
		b.ledger = nil
		own := b.secret.DeepCopy()
		app := restored(b.app.DeepCopy())
		app.Status = v1alpha1.TrustedApplicationStatus{}
		yes := true
		app.Annotations = map[string]string{v1alpha1.PausedAnnotation: "true"}
		Expect(admin.Create(ctx, app)).To(Succeed())
		own.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "TrustedApplication", Name: app.Name, UID: app.UID, Controller: &yes, BlockOwnerDeletion: &yes,
		}}
		Expect(admin.Create(ctx, restored(own))).To(Succeed())
		startOperator()
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Annotations = nil })
		goesOn(ctx, w, b, app)
	})

	It("inherits nothing without proof, and is told", func(ctx SpecContext) {
		w, b := lost(ctx)
		before := w.found(ctx, b.app.Spec.ApplicationURI)
		app := w.restore(ctx, backup{app: b.app})
		ready := w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonOwnershipConflict)
		Expect(ready.Message).To(ContainSubstring("by a former TrustedApplication of the same name"))
		Expect(w.found(ctx, app.Spec.ApplicationURI)).To(Equal(before))

		By("unless the team says so")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.AdoptionPolicy = v1alpha1.AdoptIfUnowned })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(w.found(ctx, app.Spec.ApplicationURI).ID).To(Equal(before.ID))
		works(ctx, w.secret(ctx, app.Status.Binding))
	})

	It("of another cluster needs the word of an administrator", func(ctx SpecContext) {
		w, b := lost(ctx)
		const former = "f0f0f0f0-0000-4000-8000-000000000000"
		registered := w.found(ctx, b.app.Spec.ApplicationURI)
		Expect(w.instance.EditApplication(ctx, registered.ID, map[string]any{"externalSystem": "trustedapps.dev/" + former})).To(Succeed())
		app := w.restore(ctx, b)
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonOwnershipConflict)
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
			w.server.Spec.FormerClusters = []string{former}
			g.Expect(admin.Update(ctx, w.server)).To(Succeed())
		}).Should(Succeed())
		goesOn(ctx, w, b, app)
		Expect(w.found(ctx, app.Spec.ApplicationURI).ExternalSystem).To(HaveValue(Equal("trustedapps.dev/" + cluster)))
	})
})
