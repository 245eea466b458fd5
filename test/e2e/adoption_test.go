package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

const byHand = "a-secret-that-somebody-set-by-hand"

// registerByHand is what an administrator clicked together before there was an operator.
func (w *world) registerByHand(ctx context.Context, app *v1alpha1.TrustedApplication, change ...func(*standin.Application)) standin.Application {
	GinkgoHelper()
	canaries.Plant("a credential", byHand)
	a := standin.Application{
		ApplicationURI: app.Spec.ApplicationURI, Name: "By hand", IsEnabled: true, ClientType: "Confidential", Secret: byHand,
		SystemUserAllowed: true, SystemUser: "svc.orders", Scope: new("read"), Notes: new("call Anna before you change this"),
	}
	for _, c := range change {
		c(&a)
	}
	added, err := w.instance.AddApplication(ctx, a)
	Expect(err).NotTo(HaveOccurred())
	return added
}

func marked(system, id string) func(*standin.Application) {
	return func(a *standin.Application) { a.ExternalSystem, a.ExternalID = &system, &id }
}

// adopting is a service that takes a registration over.
func (w *world) adopting(policy v1alpha1.AdoptionPolicy) *v1alpha1.TrustedApplication {
	spec := serviceSpec()
	spec.AdoptionPolicy = policy
	return w.app("orders", spec)
}

// offer labels a Secret for the adoption by an application.
func (w *world) offer(ctx context.Context, name, application string, data map[string]string) {
	GinkgoHelper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{v1alpha1.AdoptForLabel: application}}, StringData: data}
	Expect(admin.Create(ctx, s)).To(Succeed())
}

func (w *world) allowTakeover(ctx context.Context) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
		w.server.Spec.Takeover = v1alpha1.TakeoverAllowed
		g.Expect(admin.Update(ctx, w.server)).To(Succeed())
	}).Should(Succeed())
}

var _ = Describe("a registration that was there before", func() {
	It("is shown first, then adopted with the secret that is offered", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.adopting(v1alpha1.AdoptIfUnowned)
		app.Spec.DriftPolicy = v1alpha1.DriftObserve
		before := w.registerByHand(ctx, app)
		w.offer(ctx, "from-the-vault", "orders", map[string]string{"client_id": app.Spec.ApplicationURI, "client_secret": byHand})

		Expect(admin.Create(ctx, app)).To(Succeed())
		pending := w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAdoptionPending)
		Expect(pending.Message).To(ContainSubstring("set spec.driftPolicy to Enforce or Warn to adopt it"))
		Expect(app.Status.Drift).To(Equal([]string{"displayName"}))
		Expect(w.found(ctx, app.Spec.ApplicationURI)).To(Equal(before), "nothing was changed")

		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DriftPolicy = v1alpha1.DriftEnforce })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		got := w.found(ctx, app.Spec.ApplicationURI)
		Expect(got).To(And(HaveField("ID", before.ID), HaveField("Name", w.namespace+"/orders"), HaveField("Notes", HaveValue(Equal("call Anna before you change this")))))
		secret := w.secret(ctx, app.Status.Binding)
		Expect(string(secret.Data["client_secret"])).To(Equal(byHand), "who has the secret goes on with it")
		works(ctx, secret)
		told(ctx, app, "Adopted", app.Spec.ApplicationURI)
		var offered corev1.Secret
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: "from-the-vault"}, &offered)).To(Succeed(), "it is not ours")
		Expect(app.Status.Drift).To(BeEmpty())
	})

	It("gets a new secret where none is offered", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.adopting(v1alpha1.AdoptIfUnowned)
		w.registerByHand(ctx, app)
		w.create(ctx, app)
		secret := w.secret(ctx, app.Status.Binding)
		works(ctx, secret)
		Expect(w.accepts(ctx, with(secret, []byte(byHand)))).To(BeFalse())
	})

	It("is not touched when what is offered cannot be used", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.adopting(v1alpha1.AdoptIfUnowned)
		before := w.registerByHand(ctx, app)
		w.offer(ctx, "wrong", "orders", map[string]string{"client_secret": "not-the-one"})
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAdoptionSecretInvalid).Message).To(ContainSubstring("the server refuses the client_secret"))
		w.offer(ctx, "second", "orders", map[string]string{"client_secret": byHand})
		Eventually(func(g Gomega) {
			w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAdoptionSecretInvalid)
			g.Expect(readyOf(app).Message).To(ContainSubstring("several Secrets"))
		}).Should(Succeed())
		Expect(w.found(ctx, app.Spec.ApplicationURI)).To(Equal(before))
		Expect(readyOf(app).Message).NotTo(ContainSubstring(byHand))

		By("it goes on by itself once the wrong one is gone")
		Expect(admin.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "wrong"}})).To(Succeed())
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(w.accepts(ctx, with(w.secret(ctx, app.Status.Binding), []byte(byHand)))).To(BeTrue(), "the offered secret stays")
	})

	It("is left where the policies do not allow it, and the loser is told", func(ctx SpecContext) {
		w := newWorld(ctx)
		other := "trustedapps.dev/0f0f0f0f-another-cluster"
		for name, c := range map[string]struct {
			policy v1alpha1.AdoptionPolicy
			change []func(*standin.Application)
		}{
			"never":           {v1alpha1.AdoptNever, nil},
			"foreign-system":  {v1alpha1.AdoptIfUnowned, []func(*standin.Application){marked("crm", "4711")}},
			"foreign-cluster": {v1alpha1.AdoptIfUnowned, []func(*standin.Application){marked(other, "shop/orders/uid")}},
			"not-allowed":     {v1alpha1.AdoptTakeover, []func(*standin.Application){marked(other, "shop/orders/uid")}},
		} {
			app := w.adopting(c.policy)
			app.Name, app.Spec.ApplicationURI = name, app.Spec.ApplicationURI+"/"+name
			before := w.registerByHand(ctx, app, append(c.change, func(a *standin.Application) { a.Name = name })...)
			Expect(admin.Create(ctx, app)).To(Succeed())
			w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonOwnershipConflict)
			Expect(w.found(ctx, app.Spec.ApplicationURI)).To(Equal(before), name)
		}
	})

	It("is taken over from another cluster where the server allows it, and never from an application that lives", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.allowTakeover(ctx)
		w.serverReady(ctx)
		app := w.adopting(v1alpha1.AdoptTakeover)
		w.registerByHand(ctx, app, marked("trustedapps.dev/0f0f0f0f-another-cluster", "shop/orders/uid"))
		w.create(ctx, app)
		works(ctx, w.secret(ctx, app.Status.Binding))

		thief := w.adopting(v1alpha1.AdoptTakeover)
		thief.Name = "thief"
		thief.Spec.ApplicationURI = app.Spec.ApplicationURI
		Expect(admin.Create(ctx, thief)).To(Succeed())
		Expect(w.becomes(ctx, thief, metav1.ConditionFalse, v1alpha1.ReasonOwnershipConflict).Message).To(ContainSubstring("by the TrustedApplication orders of this namespace"))
		works(ctx, w.secret(ctx, app.Status.Binding))
	})
})
