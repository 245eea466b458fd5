package e2e

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// grants sets the grants of the server, and its policy.
func (w *world) grants(ctx context.Context, policy v1alpha1.AccessPolicy, grants ...v1alpha1.AccessGrant) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
		w.server.Spec.Access, w.server.Spec.AccessPolicy = grants, policy
		g.Expect(admin.Update(ctx, w.server)).To(Succeed())
	}).Should(Succeed())
}

// own covers the applications of the world's namespace that only read.
func (w *world) own() v1alpha1.AccessGrant {
	return v1alpha1.AccessGrant{
		Name: "teams", Namespaces: []v1alpha1.NamespacePattern{v1alpha1.NamespacePattern(w.namespace)},
		ApplicationURIs: []v1alpha1.TextPattern{"com.example.{namespace}/*"}, Scopes: []v1alpha1.TextPattern{"read"},
		SystemUsers: []v1alpha1.TextPattern{"svc.orders"}, RedirectHosts: []v1alpha1.HostPattern{"app.example.com"},
	}
}

var _ = Describe("who may register what", func() {
	It("is what a grant covers, and nothing of the rest reaches the server", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.grants(ctx, v1alpha1.AccessFreeze, w.own())
		w.create(ctx, w.app("orders", serviceSpec()))
		for what, change := range map[string]func(*v1alpha1.TrustedApplicationSpec){
			"spec.applicationUri com.example.others/x": func(s *v1alpha1.TrustedApplicationSpec) { s.ApplicationURI = "com.example.others/x" },
			"the scope update":                         func(s *v1alpha1.TrustedApplicationSpec) { s.Scopes = append(s.Scopes, "update") },
			"spec.service.systemUser svc.boss":         func(s *v1alpha1.TrustedApplicationSpec) { s.Service.SystemUser = "svc.boss" },
			"the redirect host evil.example.com": func(s *v1alpha1.TrustedApplicationSpec) {
				*s = interactiveSpec(v1alpha1.ClientTypePublic)
				s.Interactive.RedirectURIs = []v1alpha1.RedirectURI{"https://evil.example.com/"}
			},
		} {
			spec := serviceSpec()
			change(&spec)
			app := w.app("refused", spec)
			Expect(admin.Create(ctx, app)).To(Succeed())
			message := w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied).Message
			Expect(message).To(And(ContainSubstring("the grant teams of the IdentityServer "+w.server.Name+" does not cover "+what), ContainSubstring("ask the server's administrators")))
			_, registered := w.registration(ctx, app)
			Expect(registered).To(BeFalse(), what)
			Expect(admin.Delete(ctx, app)).To(Succeed())
			Eventually(func() error { return admin.Get(ctx, client.ObjectKeyFromObject(app), app) }).ShouldNot(Succeed())
		}

		By("another namespace")
		other := w.own()
		other.Namespaces = []v1alpha1.NamespacePattern{"elsewhere-*"}
		w.grants(ctx, v1alpha1.AccessFreeze, other)
		app := w.app("late", serviceSpec())
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied).Message).To(ContainSubstring("is for the namespace " + w.namespace))
	})

	It("freezes what is registered when a grant is taken away, and disables it where that is asked for", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.grants(ctx, v1alpha1.AccessFreeze, w.own())
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		secret := w.secret(ctx, app.Status.Binding)

		By("freezing")
		elsewhere := w.own()
		elsewhere.Namespaces = []v1alpha1.NamespacePattern{"elsewhere"}
		w.grants(ctx, v1alpha1.AccessFreeze, elsewhere)
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)
		works(ctx, secret)
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.DisplayName = "Renamed"
			metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RotateAnnotation, "1")
		})
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)
		Expect(must(w.registration(ctx, app)).Name).NotTo(Equal("Renamed"), "the server is told nothing")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Enabled = new(false) })
		Eventually(func() int { return token(ctx, secret, nil).Status }).ShouldNot(Equal(http.StatusOK), "the kill switch works")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Enabled = nil })
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)

		By("granting again")
		w.grants(ctx, v1alpha1.AccessFreeze, w.own())
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(must(w.registration(ctx, app)).Name).To(Equal("Renamed"))
		works(ctx, w.secret(ctx, app.Status.Binding))

		By("disabling")
		w.grants(ctx, v1alpha1.AccessDisable, elsewhere)
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)
		Eventually(func() int { return token(ctx, w.secret(ctx, app.Status.Binding), nil).Status }).ShouldNot(Equal(http.StatusOK))
		w.grants(ctx, v1alpha1.AccessDisable, w.own())
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		works(ctx, w.secret(ctx, app.Status.Binding))

		By("an end, which needs no grant")
		w.grants(ctx, v1alpha1.AccessFreeze, elsewhere)
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)
		Expect(admin.Delete(ctx, app)).To(Succeed())
		Eventually(func() error { return admin.Get(ctx, client.ObjectKeyFromObject(app), app) }).ShouldNot(Succeed())
		_, registered := w.registration(ctx, app)
		Expect(registered).To(BeFalse())
	})

	It("counts: the oldest are registered", func(ctx SpecContext) {
		w := newWorld(ctx)
		two := w.own()
		two.MaxApplications = new(int32(2))
		w.grants(ctx, v1alpha1.AccessFreeze, two)
		for _, name := range []string{"a", "b"} {
			w.create(ctx, w.app(name, serviceSpec()))
		}
		third := w.app("c", serviceSpec())
		Expect(admin.Create(ctx, third)).To(Succeed())
		Expect(w.becomes(ctx, third, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied).Message).To(ContainSubstring("more than 2 applications"))
		two.MaxApplications = new(int32(3))
		w.grants(ctx, v1alpha1.AccessFreeze, two)
		w.becomes(ctx, third, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})
})
