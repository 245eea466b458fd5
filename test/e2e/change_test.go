package e2e

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

var _ = Describe("changes of the spec", func() {
	It("change the registration, and nothing of the secret", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		before := w.secret(ctx, app.Status.Binding)
		for _, scopes := range [][]v1alpha1.Scope{{"read", "update"}, {"read"}, {"read", "update"}} {
			edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Scopes = scopes })
			w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
			got, _ := w.registration(ctx, app)
			Expect(got.Scope).To(HaveValue(Equal(joined(scopes))))
			after := w.secret(ctx, app.Status.Binding)
			Expect(after.Data).To(HaveKeyWithValue("scope", []byte(joined(scopes))))
			Expect(after.Data["client_secret"]).To(Equal(before.Data["client_secret"]))
			Expect(app.Status.ObservedGeneration).To(Equal(app.Generation))
		}
		works(ctx, before)
	})

	It("keep what other people set on the registration", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		got, _ := w.registration(ctx, app)
		Expect(w.instance.EditApplication(ctx, got.ID, map[string]any{"notes": "call Anna before you change this"})).To(Succeed())
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Another name" })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		got, _ = w.registration(ctx, app)
		Expect(got).To(And(HaveField("Name", "Another name"), HaveField("Notes", HaveValue(Equal("call Anna before you change this")))))
	})

	It("move the Secret to another name, with the same content", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		before := w.secret(ctx, app.Status.Binding)
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Credentials = &v1alpha1.CredentialsSpec{SecretName: "another"}
		})
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(app.Status.Binding.Name).To(Equal("another"))
		Expect(w.secret(ctx, app.Status.Binding).Data).To(Equal(before.Data))
		Expect(w.secret(ctx, &v1alpha1.BindingReference{Name: before.Name})).To(BeNil())
	})

	It("from Confidential to Public end the secret, and back make another", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("shop", interactiveSpec(v1alpha1.ClientTypeConfidential))
		w.create(ctx, app)
		first := w.secret(ctx, app.Status.Binding)

		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.ClientType = v1alpha1.ClientTypePublic })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(app.Status.Binding).To(BeNil())
		Expect(w.secret(ctx, &v1alpha1.BindingReference{Name: first.Name})).To(BeNil())
		got, _ := w.registration(ctx, app)
		Expect(got).To(And(HaveField("ClientType", "Public"), HaveField("ApplicationSecretHash", BeNil())))

		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.ClientType = v1alpha1.ClientTypeConfidential })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		second := w.secret(ctx, app.Status.Binding)
		Expect(second).NotTo(BeNil())
		Expect(second.Data["client_secret"]).NotTo(Equal(first.Data["client_secret"]))
	})

	It("of the kind take their objects along", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("portal", serviceSpec())
		w.create(ctx, app)
		secret := w.secret(ctx, app.Status.Binding)
		By("service to hybrid")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.ClientType, a.Spec.Interactive = v1alpha1.ClientTypeConfidential, hybridSpec().Interactive
		})
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(app.Status.Flow).To(Equal(v1alpha1.FlowHybrid))
		Expect(w.configMap(ctx, app.Status.ConfigMapName).Data).To(HaveKey("redirect_uris"))
		works(ctx, secret)
		By("hybrid to interactive")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Service = nil })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(token(ctx, secret, nil).Body).To(HaveKeyWithValue("error", "unauthorized_client"))
		By("interactive to service")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Service, a.Spec.Interactive, a.Spec.ConfigMapName = serviceSpec().Service, nil, ""
		})
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(app.Status.ConfigMapName).To(BeEmpty())
		works(ctx, secret)
		var configMaps corev1.ConfigMapList
		Expect(admin.List(ctx, &configMaps, client.InNamespace(w.namespace), client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})).To(Succeed())
		Expect(configMaps.Items).To(BeEmpty())
	})

	It("that come a hundred at once converge to the last", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		for i := range 100 {
			edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "name " + string(rune('a'+i%26)) })
		}
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		got, _ := w.registration(ctx, app)
		Expect(got.Name).To(Equal(app.Spec.DisplayName))
	})
})

var _ = Describe("a Secret that people touch", func() {
	It("is restored with the same credential when it is deleted or edited", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		before := w.secret(ctx, app.Status.Binding)
		writes, err := w.instance.Counts(ctx)
		Expect(err).NotTo(HaveOccurred())

		By("deleted")
		Expect(admin.Delete(ctx, before.DeepCopy())).To(Succeed())
		Eventually(func() *corev1.Secret { return w.secret(ctx, app.Status.Binding) }).Should(HaveField("Data", Equal(before.Data)))
		By("edited")
		edited := w.secret(ctx, app.Status.Binding)
		edited.Data["client_secret"], edited.Data["extra"] = []byte("something else"), []byte("x")
		Expect(admin.Update(ctx, edited)).To(Succeed())
		Eventually(func() *corev1.Secret { return w.secret(ctx, app.Status.Binding) }).Should(HaveField("Data", Equal(before.Data)))
		By("stripped of its labels")
		stripped := w.secret(ctx, app.Status.Binding)
		stripped.Labels = nil
		Expect(admin.Update(ctx, stripped)).To(Succeed())
		Eventually(func() *corev1.Secret { return w.secret(ctx, app.Status.Binding) }).Should(HaveField("Labels", Equal(before.Labels)))

		after, err := w.instance.Counts(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(after.Writes).To(Equal(writes.Writes), "the registration was not touched")
		works(ctx, before)
	})

	It("keeps labels that others add", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		secret := w.secret(ctx, app.Status.Binding)
		secret.Labels["team"] = "orders"
		Expect(admin.Update(ctx, secret)).To(Succeed())
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Scopes = []v1alpha1.Scope{"read", "update"} })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(w.secret(ctx, app.Status.Binding).Labels).To(HaveKeyWithValue("team", "orders"))
	})

	It("is neither read nor touched when it is somebody else's", func(ctx SpecContext) {
		w := newWorld(ctx)
		foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "orders"}, Data: map[string][]byte{"password": []byte("theirs")}}
		Expect(admin.Create(ctx, foreign)).To(Succeed())
		app := w.app("orders", serviceSpec())
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonSecretConflict).Message).To(ContainSubstring("spec.credentials.secretName"))
		Expect(conditionOf(app, v1alpha1.ConditionStalled)).NotTo(BeNil())
		_, registered := w.registration(ctx, app)
		Expect(registered).To(BeFalse())
		now := &corev1.Secret{}
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(foreign), now)).To(Succeed())
		Expect(now.ResourceVersion).To(Equal(foreign.ResourceVersion))

		By("another name mends it")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Credentials = &v1alpha1.CredentialsSpec{SecretName: "orders-credentials"}
		})
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(conditionOf(app, v1alpha1.ConditionStalled)).To(BeNil())
	})
})

var _ = Describe("a registration that belongs to somebody else", func() {
	It("is not touched, and the application says what to do", func(ctx SpecContext) {
		w := newWorld(ctx)
		theirs, err := w.instance.AddApplication(ctx, standin.Application{ApplicationURI: "com.example.taken/app", Name: "theirs", IsEnabled: true, ClientType: "Confidential", Secret: "their-secret"})
		Expect(err).NotTo(HaveOccurred())
		app := w.app("orders", serviceSpec())
		app.Spec.ApplicationURI = "com.example.taken/app"
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonOwnershipConflict).Message).To(And(
			ContainSubstring("com.example.taken/app"), ContainSubstring("no mark"), ContainSubstring("spec.applicationUri")))
		now, _ := w.registration(ctx, app)
		Expect(now).To(Equal(theirs))

		By("deleting the application leaves it alone, too")
		Expect(admin.Delete(ctx, app)).To(Succeed())
		Eventually(func() error { return admin.Get(ctx, client.ObjectKeyFromObject(app), app.DeepCopy()) }).ShouldNot(Succeed())
		now, _ = w.registration(ctx, app)
		Expect(now).To(Equal(theirs))
	})

	It("goes to the first of two applications that claim it", func(ctx SpecContext) {
		w := newWorld(ctx)
		first, second := w.app("first", serviceSpec()), w.app("second", serviceSpec())
		first.Spec.ApplicationURI, second.Spec.ApplicationURI = "com.example.one/app", "com.example.one/app"
		w.create(ctx, first)
		Expect(admin.Create(ctx, second)).To(Succeed())
		Expect(w.becomes(ctx, second, metav1.ConditionFalse, v1alpha1.ReasonOwnershipConflict).Message).To(ContainSubstring("TrustedApplication first"))
		works(ctx, w.secret(ctx, first.Status.Binding))
		Expect(admin.Delete(ctx, second)).To(Succeed())
		Eventually(func() error { return admin.Get(ctx, client.ObjectKeyFromObject(second), second.DeepCopy()) }).ShouldNot(Succeed())
		works(ctx, w.secret(ctx, first.Status.Binding))
	})
})

func joined(scopes []v1alpha1.Scope) string {
	s := ""
	for i, scope := range scopes {
		if i > 0 {
			s += " "
		}
		s += string(scope)
	}
	return s
}
