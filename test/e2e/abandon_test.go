package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

// goes waits until an application is gone, and its ledger with it.
func goes(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	Eventually(func() bool {
		return apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(app), app.DeepCopy()))
	}).Should(BeTrue())
	Expect(apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(ledgerOf(app)), &corev1.Secret{}))).To(BeTrue())
}

// isStuck waits until a deletion says what keeps it.
func isStuck(ctx context.Context, app *v1alpha1.TrustedApplication, reason string) string {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		g.Expect(app.DeletionTimestamp).NotTo(BeNil())
		g.Expect(readyOf(app)).To(And(HaveField("Reason", reason), HaveField("Message", ContainSubstring("still registered at the identity server: "+app.Spec.ApplicationURI))))
	}).Should(Succeed())
	return readyOf(app).Message
}

var _ = Describe("a deletion that is stuck", func() {
	It("says which registration and why, and has a way out that is recorded", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", rotating(v1alpha1.RotationAlternate, 3600e9, 3600e9))
		w.create(ctx, app)
		annotate(ctx, app, v1alpha1.RotateAnnotation, "now")
		w.inPhase(ctx, app, v1alpha1.RotationGrace, "now")
		Expect(w.instance.SetDown(ctx, true)).To(Succeed())
		Expect(admin.Delete(ctx, app)).To(Succeed())
		message := isStuck(ctx, app, v1alpha1.ReasonServerNotReady)
		Expect(message).To(And(ContainSubstring(app.Spec.ApplicationURI+".alternate"), ContainSubstring("kubectl annotate trustedapplication orders -n "+w.namespace+
			" trustedapps.dev/abandon="+app.Spec.ApplicationURI)))

		By("another client id abandons nothing")
		annotate(ctx, app, v1alpha1.AbandonAnnotation, "com.example.other")
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
			g.Expect(app.Status.Warnings).To(ContainElement(ContainSubstring("does not name the client id " + app.Spec.ApplicationURI)))
		}).Should(Succeed())
		Expect(ledgerOf(app)).To(Satisfy(exists(ctx)))

		By("its own does")
		annotate(ctx, app, v1alpha1.AbandonAnnotation, app.Spec.ApplicationURI)
		goes(ctx, app)
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
		Expect(w.server.Status.Abandoned).To(ConsistOf(
			And(HaveField("ClientID", app.Spec.ApplicationURI), HaveField("Application", w.namespace+"/orders"), HaveField("UID", app.UID)),
			HaveField("ClientID", app.Spec.ApplicationURI+".alternate"),
		))
		Eventually(func(g Gomega) {
			g.Expect(events(ctx, "")).To(ContainElement(And(HaveField("Reason", "RegistrationAbandoned"), HaveField("Regarding.Kind", "IdentityServer"),
				HaveField("Regarding.Name", w.server.Name), HaveField("Regarding.UID", w.server.UID))))
			g.Expect(events(ctx, w.namespace)).To(ContainElement(And(HaveField("Reason", "RegistrationAbandoned"), HaveField("Regarding.Name", "orders"))))
		}).Should(Succeed())

		By("the record stays over probes, until an administrator takes it away")
		Expect(w.instance.SetDown(ctx, false)).To(Succeed())
		w.serverReady(ctx)
		Expect(w.server.Status.Abandoned).To(HaveLen(2))
		_, there := w.registration(ctx, app)
		Expect(there).To(BeTrue(), "it was left")
	})

	It("is ended properly where that is possible, whatever the annotation says", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		app.Annotations = map[string]string{v1alpha1.AbandonAnnotation: "com.example." + w.namespace + "/orders"}
		w.create(ctx, app)
		Expect(app.Status.Warnings).To(ContainElement(ContainSubstring("remove it unless that is meant")))
		Expect(admin.Delete(ctx, app)).To(Succeed())
		goes(ctx, app)
		_, there := w.registration(ctx, app)
		Expect(there).To(BeFalse())
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
		Expect(w.server.Status.Abandoned).To(BeEmpty())
	})

	It("goes where the server refuses the operator, and where there is no server at all", func(ctx SpecContext) {
		w := newWorld(ctx)
		refused, left := w.app("refused", serviceSpec()), w.app("left", serviceSpec())
		w.create(ctx, refused)
		w.create(ctx, left)
		_, err := w.instance.AddFault(ctx, standin.Fault{Method: "DELETE", Status: 403})
		Expect(err).NotTo(HaveOccurred())
		Expect(admin.Delete(ctx, refused)).To(Succeed())
		isStuck(ctx, refused, v1alpha1.ReasonUnauthorized)
		annotate(ctx, refused, v1alpha1.AbandonAnnotation, refused.Spec.ApplicationURI)
		goes(ctx, refused)
		told(ctx, refused, "RegistrationAbandoned", "although its registration could not be ended")

		By("the IdentityServer is taken away by force")
		server := w.again()
		Expect(admin.Delete(ctx, w.server.DeepCopy())).To(Succeed())
		force := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		Expect(admin.Patch(ctx, w.server, force)).To(Succeed())
		Expect(admin.Delete(ctx, left)).To(Succeed())
		isStuck(ctx, left, v1alpha1.ReasonServerNotFound)
		annotate(ctx, left, v1alpha1.AbandonAnnotation, left.Spec.ApplicationURI)
		goes(ctx, left)
		Expect(admin.Create(ctx, server)).To(Succeed()) // for the end of the spec
		w.server = server
	})
})

var _ = Describe("who may abandon", func() {
	It("is decided by the verb abandon", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		as := func(user string, arguments ...string) (string, error) {
			return try(append([]string{"-n", w.namespace, "--as=" + user, "annotate", "ta/orders", "--overwrite"}, arguments...)...)
		}
		kubectl("create", "rolebinding", "team", "-n", w.namespace, "--clusterrole=trustedapp-operator-edit", "--user=jane")
		out, err := as("jane", "example.com/note=x")
		Expect(err).NotTo(HaveOccurred(), out)
		out, err = as("jane", "trustedapps.dev/abandon="+app.Spec.ApplicationURI)
		Expect(err).To(HaveOccurred())
		Expect(out).To(ContainSubstring("the verb abandon on trustedapplications"))

		kubectl("create", "rolebinding", "abandon", "-n", w.namespace, "--clusterrole=trustedapp-operator-abandon", "--user=jane")
		Eventually(func() error { // the authorizer has to see the binding
			_, err := as("jane", "trustedapps.dev/abandon="+app.Spec.ApplicationURI)
			return err
		}).Should(Succeed())
		kubectl("delete", "rolebinding", "abandon", "-n", w.namespace)
		Eventually(func(g Gomega) {
			_, err := as("jane", "trustedapps.dev/abandon=another")
			g.Expect(err).To(HaveOccurred())
		}).Should(Succeed())
		out, err = as("jane", "example.com/note=y")
		Expect(err).NotTo(HaveOccurred(), "what somebody else asked for does not disturb: %s", out)
		out, err = as("jane", "trustedapps.dev/abandon-")
		Expect(err).NotTo(HaveOccurred(), "everybody may take it back: %s", out)
	})
})

// exists says whether an object is there.
func exists(ctx context.Context) func(*corev1.Secret) bool {
	return func(s *corev1.Secret) bool {
		err := admin.Get(ctx, client.ObjectKeyFromObject(s), &corev1.Secret{})
		Expect(client.IgnoreNotFound(err)).To(Succeed())
		return err == nil
	}
}
