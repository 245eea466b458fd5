package e2e

import (
	"net/url"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

var _ = Describe("each kind of application", func() {
	It("registers a service, and its Secret opens the API", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)

		Expect(app.Status.Flow).To(Equal(v1alpha1.FlowClientCredentials))
		Expect(app.Status.ClientID).To(Equal(app.Spec.ApplicationURI))
		Expect(app.Status.ObservedGeneration).To(Equal(app.Generation))
		Expect(app.Status.ConfigMapName).To(BeEmpty())
		secret := w.secret(ctx, app.Status.Binding)
		Expect(secret).NotTo(BeNil())
		Expect(secret.Type).To(Equal(corev1.SecretType("servicebinding.io/oauth2")))
		Expect(secret.Data).To(And(
			HaveKeyWithValue("client_id", []byte(app.Spec.ApplicationURI)), HaveKeyWithValue("client-id", []byte(app.Spec.ApplicationURI)),
			HaveKeyWithValue("issuer", []byte(w.instance.Identity)), HaveKeyWithValue("token_endpoint", []byte(w.instance.Identity+"/connect/token")),
			HaveKeyWithValue("scope", []byte("read")), HaveKeyWithValue("type", []byte("oauth2")), HaveKeyWithValue("provider", []byte("erp.net")),
			HaveKeyWithValue("client_secret", HaveLen(43)),
		))
		Expect(secret.Data["client-secret"]).To(Equal(secret.Data["client_secret"]))
		Expect(metav1.IsControlledBy(secret, app)).To(BeTrue())
		works(ctx, secret)

		got, ok := w.registration(ctx, app)
		Expect(ok).To(BeTrue())
		Expect(got).To(And(
			HaveField("ClientType", "Confidential"), HaveField("SystemUserAllowed", true), HaveField("ImpersonateAsInternalUserAllowed", false),
			HaveField("Scope", HaveValue(Equal("read"))), HaveField("ImpersonateLoginURL", BeNil()), HaveField("BasicAuthenticationAllowed", false),
			HaveField("Name", w.namespace+"/orders"), HaveField("ExternalSystem", HaveValue(Equal("trustedapps.dev/"+cluster))),
			HaveField("ExternalID", HaveValue(Equal(w.namespace+"/orders/"+string(app.UID)))),
		))
		By("refusing more than was registered")
		Expect(token(ctx, secret, url.Values{"scope": {"update"}}).Body).To(HaveKeyWithValue("error", "invalid_scope"))
	})

	It("registers a web application: Secret and ConfigMap", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("shop", interactiveSpec(v1alpha1.ClientTypeConfidential))
		w.create(ctx, app)

		Expect(app.Status.Flow).To(Equal(v1alpha1.FlowAuthorizationCode))
		secret := w.secret(ctx, app.Status.Binding)
		Expect(secret).NotTo(BeNil())
		By("proving the secret by a code exchange: a wrong code with the right secret is invalid_grant")
		exchange := url.Values{"grant_type": {"authorization_code"}, "code": {"made-up"}, "redirect_uri": {"https://app.example.com/callback"}}
		Expect(token(ctx, secret, exchange).Body).To(HaveKeyWithValue("error", "invalid_grant"))
		By("refusing the Client Credentials flow, which it did not ask for")
		Expect(token(ctx, secret, nil).Body).To(HaveKeyWithValue("error", "unauthorized_client"))

		configMap := w.configMap(ctx, app.Status.ConfigMapName)
		Expect(configMap.Data).To(And(
			HaveKeyWithValue("client_id", app.Spec.ApplicationURI), HaveKeyWithValue("authority", w.instance.Identity),
			HaveKeyWithValue("redirect_uris", "https://app.example.com/callback"), HaveKeyWithValue("authorization_endpoint", w.instance.Identity+"/connect/authorize"),
		))
		for _, value := range configMap.Data {
			Expect(value).NotTo(ContainSubstring(string(secret.Data["client_secret"])))
		}
	})

	It("registers a single-page application without any secret", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("board", interactiveSpec(v1alpha1.ClientTypePublic))
		w.create(ctx, app)

		Expect(app.Status.Binding).To(BeNil())
		Expect(w.configMap(ctx, app.Status.ConfigMapName).Data).To(HaveKeyWithValue("client_id", app.Spec.ApplicationURI))
		var secrets corev1.SecretList
		Expect(admin.List(ctx, &secrets, client.InNamespace(w.namespace))).To(Succeed())
		Expect(secrets.Items).To(BeEmpty())
		got, _ := w.registration(ctx, app)
		Expect(got).To(And(HaveField("ClientType", "Public"), HaveField("ApplicationSecretHash", BeNil())))
	})

	It("registers a hybrid application with both grants", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("portal", hybridSpec())
		w.create(ctx, app)

		Expect(app.Status.Flow).To(Equal(v1alpha1.FlowHybrid))
		secret := w.secret(ctx, app.Status.Binding)
		works(ctx, secret)
		exchange := url.Values{"grant_type": {"authorization_code"}, "code": {"made-up"}, "redirect_uri": {"https://app.example.com/callback"}}
		Expect(token(ctx, secret, exchange).Body).To(HaveKeyWithValue("error", "invalid_grant"))
		Expect(w.configMap(ctx, app.Status.ConfigMapName).Data).To(HaveKeyWithValue("client_id", app.Spec.ApplicationURI))
	})

	It("works with the versions of ERP.net that differ", func(ctx SpecContext) {
		for _, version := range []string{"23.1.0.0", "24.1.0.89", "26.2.0.16", "26.3.100.4"} {
			By(version)
			w := newWorld(ctx, withVersion(version))
			app := w.app("orders", serviceSpec())
			w.create(ctx, app)
			Expect(w.server.Name).NotTo(BeEmpty())
			works(ctx, w.secret(ctx, app.Status.Binding))
			Expect(admin.Delete(ctx, app)).To(Succeed())
			Eventually(func() bool { _, ok := w.registration(ctx, app); return ok }).Should(BeFalse())
		}
	})
})

var _ = Describe("the kill switch", func() {
	It("makes the server refuse the client at once, and lets it work again", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		secret := w.secret(ctx, app.Status.Binding)

		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Enabled = new(false) })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonDisabled)
		Expect(token(ctx, secret, nil).Body).To(HaveKeyWithValue("error", "invalid_client"))

		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Enabled = new(true) })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		works(ctx, secret)
	})
})

var _ = Describe("deletion", func() {
	gone := func(ctx SpecContext, app *v1alpha1.TrustedApplication) {
		GinkgoHelper()
		Eventually(func() bool {
			return apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(app), app.DeepCopy()))
		}).Should(BeTrue())
	}

	It("deletes registration, Secret and ledger by default", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		secret := w.secret(ctx, app.Status.Binding)

		Expect(admin.Delete(ctx, app)).To(Succeed())
		gone(ctx, app)
		_, ok := w.registration(ctx, app)
		Expect(ok).To(BeFalse())
		Expect(w.secret(ctx, app.Status.Binding)).To(BeNil())
		Expect(apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(ledgerOf(app)), &corev1.Secret{}))).To(BeTrue())
		Expect(token(ctx, secret, nil).Body).To(HaveKeyWithValue("error", "invalid_client"))
	})

	DescribeTable("keeps the registration where the policy says so", func(ctx SpecContext, policy v1alpha1.DeletionPolicy, enabled bool) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		app.Spec.DeletionPolicy = policy
		w.create(ctx, app)
		Expect(admin.Delete(ctx, app)).To(Succeed())
		gone(ctx, app)
		got, ok := w.registration(ctx, app)
		Expect(ok).To(BeTrue())
		Expect(got.IsEnabled).To(Equal(enabled))
		Expect(w.secret(ctx, app.Status.Binding)).To(BeNil())
	},
		Entry("Disable", v1alpha1.DeletionDisable, false),
		Entry("Orphan", v1alpha1.DeletionOrphan, true),
	)

	It("disables what the server refuses to delete", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		registered, _ := w.registration(ctx, app)
		Expect(w.instance.SetReferenced(ctx, registered.ID, true)).To(Succeed())
		Expect(admin.Delete(ctx, app)).To(Succeed())
		gone(ctx, app)
		got, ok := w.registration(ctx, app)
		Expect(ok).To(BeTrue())
		Expect(got.IsEnabled).To(BeFalse())
		Expect(events(ctx, w.namespace)).To(ContainElement(HaveField("Reason", "RegistrationDisabled")))
	})

	It("waits for a server that is away, says which, and ends when it is back", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		Expect(w.instance.SetDown(ctx, true)).To(Succeed())
		Expect(admin.Delete(ctx, app)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
			ready := readyOf(app)
			g.Expect(ready.Reason).To(BeElementOf(v1alpha1.ReasonServerNotReady, v1alpha1.ReasonServerUnavailable))
		}).Should(Succeed())
		w.serverBecomes(ctx, metav1.ConditionFalse, v1alpha1.ReasonServerUnavailable)
		message := w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonServerNotReady).Message
		Expect(message).To(And(ContainSubstring(w.server.Name), ContainSubstring(app.Spec.ApplicationURI), ContainSubstring(v1alpha1.AbandonAnnotation)))

		Expect(w.instance.SetDown(ctx, false)).To(Succeed())
		gone(ctx, app)
		_, ok := w.registration(ctx, app)
		Expect(ok).To(BeFalse())
	})

	It("ends the registration although the ledger was lost, with the operator's namespace say", Serial, func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		withoutOperator(func() {
			Expect(admin.Delete(ctx, ledgerOf(app))).To(Succeed())
			Expect(admin.Delete(ctx, app)).To(Succeed())
		})
		gone(ctx, app)
		_, ok := w.registration(ctx, app)
		Expect(ok).To(BeFalse())
	})

	It("is not what becomes of a credential whose ledger was lost: it is begun anew with what is published", Serial, func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("portal", hybridSpec())
		w.create(ctx, app)
		secret, before := w.secret(ctx, app.Status.Binding), must(w.registration(ctx, app))
		withoutOperator(func() { Expect(admin.Delete(ctx, ledgerOf(app))).To(Succeed()) })
		Eventually(func() error { return admin.Get(ctx, client.ObjectKeyFromObject(ledgerOf(app)), &corev1.Secret{}) }).Should(Succeed())
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		settled(ctx, w)
		Expect(w.secret(ctx, app.Status.Binding).Data).To(Equal(secret.Data))
		Expect(must(w.registration(ctx, app))).To(Equal(before), "nothing was written at the server")
		works(ctx, secret)
	})

	It("lets an application go that never reached a server", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		app.Spec.IdentityServerRef.Name = "nowhere"
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonServerNotFound).Message).To(ContainSubstring("nowhere"))
		Expect(admin.Delete(ctx, app)).To(Succeed())
		gone(ctx, app)
	})
})
