package e2e

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

// grants sets the grants of the server, and its policy, and waits until the operator goes by them.
func (w *world) grants(ctx context.Context, policy v1alpha1.AccessPolicy, grants ...v1alpha1.AccessGrant) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
		w.server.Spec.Access, w.server.Spec.AccessPolicy = grants, policy
		g.Expect(admin.Update(ctx, w.server)).To(Succeed())
	}).Should(Succeed())
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
		g.Expect(w.server.Status.ObservedGeneration).To(Equal(w.server.Generation))
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

		By("a place that comes free")
		fourth := w.app("d", serviceSpec())
		Expect(admin.Create(ctx, fourth)).To(Succeed())
		w.becomes(ctx, fourth, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)
		Expect(admin.Delete(ctx, third)).To(Succeed())
		w.becomes(ctx, fourth, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})

	It("is nothing as long as nothing is granted", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.grants(ctx, v1alpha1.AccessFreeze)
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
			g.Expect(w.server.Status.Warnings).To(ContainElement(HavePrefix("spec.access: nobody may register anything")))
		}).Should(Succeed())
		app := w.app("orders", serviceSpec())
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied).Message).To(ContainSubstring("grants nothing to anybody"))
		_, registered := w.registration(ctx, app)
		Expect(registered).To(BeFalse())
		w.grants(ctx, v1alpha1.AccessFreeze, bed.Everyone()...)
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})

	It("follows the labels of namespaces", func(ctx SpecContext) {
		w := newWorld(ctx)
		selecting := w.own()
		selecting.Namespaces, selecting.NamespaceSelector = nil, &v1alpha1.NamespaceSelector{MatchLabels: map[string]v1alpha1.LabelValue{"team": "shop"}}
		w.grants(ctx, v1alpha1.AccessFreeze, selecting)
		app := w.app("orders", serviceSpec())
		Expect(admin.Create(ctx, app)).To(Succeed())
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)
		label := func(value string) {
			patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"team":`+value+`}}}`))
			Expect(admin.Patch(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}, patch)).To(Succeed())
		}
		label(`"shop"`)
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		label(`null`)
		w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)
		works(ctx, w.secret(ctx, app.Status.Binding))
	})

	It("takes a name for what opens the instance itself", func(ctx SpecContext) {
		w := newWorld(ctx)
		grant := bed.Everyone()[0]
		security := serviceSpec()
		security.Scopes = append(security.Scopes, "sec")
		app := w.app("sec", security)
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied).Message).To(ContainSubstring("the scope sec, which has to be granted by its name"))
		powerful := serviceSpec()
		powerful.Service.SystemUser = "svc.boss"
		boss := w.app("boss", powerful)
		Expect(admin.Create(ctx, boss)).To(Succeed())
		Expect(w.becomes(ctx, boss, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied).Message).To(ContainSubstring("administrators: Allowed"))
		for _, denied := range []*v1alpha1.TrustedApplication{app, boss} {
			_, registered := w.registration(ctx, denied)
			Expect(registered).To(BeFalse())
		}

		By("granting it")
		grant.Scopes, grant.Administrators = []v1alpha1.TextPattern{"*", "sec"}, v1alpha1.AdministratorsAllowed
		w.grants(ctx, v1alpha1.AccessFreeze, grant)
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		w.becomes(ctx, boss, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(boss.Status.Warnings).To(ContainElement(ContainSubstring("database administrator")))
		secret := w.secret(ctx, boss.Status.Binding)

		By("taking the grant for administrators away, frozen and disabled")
		grant.Administrators = v1alpha1.AdministratorsForbidden
		w.grants(ctx, v1alpha1.AccessFreeze, grant)
		w.becomes(ctx, boss, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)
		works(ctx, secret)
		w.grants(ctx, v1alpha1.AccessDisable, grant)
		Eventually(func() int { return token(ctx, secret, nil).Status }).ShouldNot(Equal(http.StatusOK))
		w.becomes(ctx, boss, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied)
		grant.Administrators = v1alpha1.AdministratorsAllowed
		w.grants(ctx, v1alpha1.AccessDisable, grant)
		w.becomes(ctx, boss, metav1.ConditionTrue, v1alpha1.ReasonReady)
		works(ctx, w.secret(ctx, boss.Status.Binding))
	})
})
