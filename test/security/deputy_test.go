package security

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

var _ = Describe("a confused deputy: the operator", Serial, func() {
	It("tells nothing of the tenant that a registration belongs to, of this cluster or of another", Label(threat), func(ctx SpecContext) {
		const uri = "com.example.shared/elsewhere"
		added, err := guarded.instance.AddApplication(ctx, standin.Application{
			ApplicationURI: uri, Name: "The secret project", IsEnabled: true, ClientType: "Confidential", Secret: "of-somebody-else-0123456789",
			ExternalSystem: new("trustedapps.dev/0b5a6bd0-5f6e-4a52-8d0a-2f6d1e7c9a11"), ExternalID: new("secret-project/hidden/uid-17"),
		})
		Expect(err).NotTo(HaveOccurred())
		for name, clientID := range map[string]string{"elsewhere": uri, "here": victimURI} {
			app := application(attackers, name, service("svc.team-a"))
			app.Spec.ApplicationURI = clientID
			Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
			message := guarded.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonOwnershipConflict).Message
			Expect(message).To(ContainSubstring(clientID))
			for _, detail := range []string{"secret-project", "hidden", "uid-17", "0b5a6bd0", "The secret project", victims, "svc.team-b"} {
				Expect(message).NotTo(ContainSubstring(detail))
			}
			Expect(app.Status.ClientID).To(BeEmpty())
			guarded.gone(ctx, app)
		}
		now, there, err := guarded.instance.Application(ctx, uri)
		Expect(err).NotTo(HaveOccurred())
		Expect(there).To(BeTrue())
		Expect(now).To(Equal(added), "first owner wins, also across clusters")
		Expect(guarded.instance.RemoveApplication(ctx, added.ID)).To(Succeed())
	})

	It("takes no secret that a tenant plants where its own will be published", Label(threat), func(ctx SpecContext) {
		const weak = "a-secret-that-a-tenant-chose-0123456789"
		app := application(attackers, "planted", service("svc.team-a"))
		// The UID of an application is known only once it exists: a Secret for it, written in the name of the operator, comes first all the same.
		app.Annotations = map[string]string{v1alpha1.PausedAnnotation: v1alpha1.PausedValue}
		Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
		Expect(guarded.bed.Admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: attackers, Name: app.Name, Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue},
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(app, v1alpha1.GroupVersion.WithKind("TrustedApplication"))},
				Annotations:     map[string]string{v1alpha1.RevisionAnnotation: "abcdef.0123456789abcdef.1"},
			},
			Data: map[string][]byte{v1alpha1.KeyClientID: []byte(app.Spec.ApplicationURI), v1alpha1.KeyClientSecret: []byte(weak)},
		})).To(Succeed())
		unpause := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":null}}`))
		Expect(guarded.bed.Admin.Patch(ctx, app, unpause)).To(Succeed())
		guarded.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(string(guarded.published(ctx, app).Data[v1alpha1.KeyClientSecret])).NotTo(Equal(weak))
		guarded.plant(ctx, app)
		guarded.gone(ctx, app)
	})
})

var _ = Describe("finalizer abuse: finalizers", Serial, func() {
	It("that a tenant takes away leave a registration that is told, and not forgotten", Label(threat), func(ctx SpecContext) {
		app := application(attackers, "torn", service("svc.team-a"))
		app.Finalizers = []string{"example.com/of-the-tenant"}
		Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
		guarded.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		guarded.plant(ctx, app)
		Expect(guarded.instance.SetDown(ctx, true)).To(Succeed()) // so that its end has to wait
		Expect(guarded.bed.Admin.Delete(ctx, app)).To(Succeed())
		out, err := guarded.asTenant(ctx, "", "patch", "ta", app.Name, "-n", attackers, "--type=merge", `-p={"metadata":{"finalizers":null}}`)
		Expect(err).NotTo(HaveOccurred(), out)
		Eventually(func() error { return guarded.bed.Admin.Get(ctx, client.ObjectKeyFromObject(app), app.DeepCopy()) }).ShouldNot(Succeed())
		Expect(guarded.instance.SetDown(ctx, false)).To(Succeed())
		var ids v1alpha1.IdentityServer
		Eventually(func(g Gomega) {
			g.Expect(guarded.bed.Admin.Get(ctx, client.ObjectKey{Name: guarded.instance.Name}, &ids)).To(Succeed())
			sweep := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1alpha1.SweepAnnotation+`":"`+time.Now().String()+`"}}}`))
			g.Expect(guarded.bed.Admin.Patch(ctx, &ids, sweep)).To(Succeed())
			g.Expect(ids.Status.Orphans).To(ContainElement(HaveField("ClientID", app.Spec.ApplicationURI)))
		}).WithPolling(time.Second).Should(Succeed())
	})

	It("of a tenant do not keep a credential alive", Label(threat), func(ctx SpecContext) {
		app := application(attackers, "kept", service("svc.team-a"))
		app.Finalizers = []string{"example.com/of-the-tenant"}
		Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
		guarded.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		guarded.plant(ctx, app)
		Expect(guarded.bed.Admin.Delete(ctx, app)).To(Succeed())
		Eventually(func() bool {
			_, registered, err := guarded.instance.Application(ctx, app.Spec.ApplicationURI)
			return registered || err != nil
		}).Should(BeFalse())
		Expect(guarded.bed.Admin.Patch(ctx, app, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
	})
})

var _ = Describe("the overwrite of an existing Secret", Serial, func() {
	It("does not happen, also to one that is labelled as the operator's, and the application says what to do", Label(threat), func(ctx SpecContext) {
		labels := map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue}
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: attackers, Name: "existing", Labels: labels}, StringData: map[string]string{"tls.key": "of somebody else"},
		}
		settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: attackers, Name: "existing", Labels: labels}, Data: map[string]string{"a": "b"}}
		for _, o := range []client.Object{secret, settings} {
			Expect(guarded.bed.Admin.Create(ctx, o)).To(Succeed())
		}
		one := service("svc.team-a")
		one.Credentials = &v1alpha1.CredentialsSpec{SecretName: "existing"}
		other := v1alpha1.TrustedApplicationSpec{
			ClientType: v1alpha1.ClientTypeConfidential, Scopes: []v1alpha1.Scope{"read"}, ConfigMapName: "existing",
			Interactive: &v1alpha1.InteractiveSpec{RedirectURIs: []v1alpha1.RedirectURI{"https://team-a.example.com/cb"}},
		}
		for reason, spec := range map[string]v1alpha1.TrustedApplicationSpec{v1alpha1.ReasonSecretConflict: one, v1alpha1.ReasonConfigMapConflict: other} {
			app := application(attackers, "overwriting", spec)
			Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
			Expect(guarded.becomes(ctx, app, metav1.ConditionFalse, reason).Message).To(ContainSubstring("set spec."))
			_, registered, err := guarded.instance.Application(ctx, app.Spec.ApplicationURI)
			Expect(err).NotTo(HaveOccurred())
			Expect(registered).To(BeFalse(), "nothing is begun that could not be published")
			guarded.gone(ctx, app)
		}
		for _, before := range []client.Object{secret, settings} {
			now := before.DeepCopyObject().(client.Object)
			Expect(guarded.bed.Admin.Get(ctx, client.ObjectKeyFromObject(before), now)).To(Succeed())
			Expect(now.GetResourceVersion()).To(Equal(before.GetResourceVersion()), "it was not touched")
		}
	})
})
