package servers

import (
	"bytes"
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/identityservers"
)

// lacking is an oidc-provider without a feature, known to the operator by that name.
func lacking(ctx context.Context, feature string) *subject {
	GinkgoHelper()
	provider, err := identityservers.StartOIDCProvider(ctx, GinkgoWriter, feature)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(provider.Stop()).To(Succeed()) })
	ids := &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: "without-" + feature}, Spec: v1alpha1.IdentityServerSpec{Access: bed.Everyone(),
		CABundle: provider.CA, DynamicRegistration: &v1alpha1.DynamicRegistrationServer{
			Issuer: v1alpha1.HTTPSURL(provider.Issuer), CredentialsRef: &v1alpha1.LocalSecretReference{Name: "oidc"},
		},
	}}
	Expect(parts.Admin.Create(ctx, ids)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		Expect(parts.Admin.Delete(ctx, ids)).To(Succeed())
		Eventually(func() error { return parts.Admin.Get(ctx, kube.ObjectKeyFromObject(ids), ids) }).ShouldNot(Succeed())
	})
	return &subject{server: ids.Name, ca: provider.CA, clients: list(provider.Control + "/clients")}
}

// told waits for an event about an application.
func told(ctx context.Context, app *v1alpha1.TrustedApplication, reason string) string {
	GinkgoHelper()
	var note string
	Eventually(func(g Gomega) {
		var all eventsv1.EventList
		g.Expect(parts.Admin.List(ctx, &all, kube.InNamespace(namespace))).To(Succeed())
		for _, e := range all.Items {
			if e.Reason == reason && e.Regarding.UID == app.UID {
				note = e.Note
			}
		}
		g.Expect(note).NotTo(BeEmpty())
	}).Should(Succeed(), "no event %s", reason)
	return note
}

var _ = Describe("what a server does not do", func() {
	for name, s := range subjects {
		if s.chosenID {
			continue // it has no registration access tokens
		}
		It("is survived where it takes a registration access token no more, at "+name, func(ctx SpecContext) {
			before := s.clients(ctx)
			app := s.application(func(spec *v1alpha1.TrustedApplicationSpec) {
				service(spec)
				spec.Credentials = &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{GracePeriod: &metav1.Duration{Duration: 3 * time.Second}}}
			})
			Expect(parts.Admin.Create(ctx, app)).To(Succeed())
			becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
			former := published(ctx, app)
			loseToken(ctx, app)

			edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Renamed" })
			becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
			now := published(ctx, app)
			Expect(now.Data["client_id"]).NotTo(Equal(former.Data["client_id"]), "it was registered anew")
			Expect(s.accepted(ctx, now)).To(Equal(http.StatusOK))
			Expect(s.accepted(ctx, former)).To(Equal(http.StatusOK), "clients that have not read it yet go on")
			Eventually(func(g Gomega) {
				g.Expect(parts.Admin.Get(ctx, kube.ObjectKeyFromObject(app), app)).To(Succeed())
				g.Expect(app.Status.Orphans).To(ConsistOf(string(former.Data["client_id"])))
			}).Should(Succeed())
			Expect(told(ctx, app, "ControlLost")).To(ContainSubstring("have it deleted at the identity server"))
			Expect(meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
			deleted(ctx, app)
			left := s.clients(ctx)
			Expect(left).To(HaveLen(len(before)+1), "the declared orphan, and nothing else")
			Expect(left).To(HaveKey(string(former.Data["client_id"])))
		})
	}

	for name, s := range subjects {
		if s.chosenID {
			continue // there a sweep sees the registrations themselves
		}
		It("is noticed by a sweep where a registration is gone, at "+name, func(ctx SpecContext) {
			app := s.application(service)
			Expect(parts.Admin.Create(ctx, app)).To(Succeed())
			becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
			former := app.Status.ClientID
			s.remove(ctx, former)
			sweep := kube.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1alpha1.SweepAnnotation+`":"`+former+`"}}}`))
			Expect(parts.Admin.Patch(ctx, &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: s.server}}, sweep)).To(Succeed())
			Eventually(func(g Gomega) {
				g.Expect(parts.Admin.Get(ctx, kube.ObjectKeyFromObject(app), app)).To(Succeed())
				g.Expect(app.Status.ClientID).NotTo(Equal(former), "it is registered anew")
				g.Expect(meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
			}).Should(Succeed())
			Expect(s.accepted(ctx, published(ctx, app))).To(Equal(http.StatusOK))
			Expect(told(ctx, app, "DriftRepaired")).To(ContainSubstring("registration"))
			deleted(ctx, app)
		})
	}

	It("is told where it changes what it is asked for", func(ctx SpecContext) {
		s := lacking(ctx, identityservers.WithoutLogout)
		app := s.application(func(spec *v1alpha1.TrustedApplicationSpec) {
			interactive(v1alpha1.ClientTypeConfidential)(spec)
			spec.Interactive.PostLogoutRedirectURIs = []v1alpha1.RedirectURI{"https://shop.example.com/bye"}
		})
		Expect(parts.Admin.Create(ctx, app)).To(Succeed())
		becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		inSync := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionInSync)
		Expect(inSync).To(HaveValue(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonAltered),
			HaveField("Message", ContainSubstring("changed or left out postLogoutRedirectUris")))))
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Interactive.PostLogoutRedirectURIs = nil })
		becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionInSync)).To(BeTrue())
		deleted(ctx, app)
		Expect(s.clients(ctx)).To(BeEmpty())
	})

	It("is told where nobody can change a registration (no RFC 7592)", func(ctx SpecContext) {
		s := lacking(ctx, identityservers.WithoutManagement)
		app := s.application(service)
		Expect(parts.Admin.Create(ctx, app)).To(Succeed())
		becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(s.accepted(ctx, published(ctx, app))).To(Equal(http.StatusOK))
		Expect(app.Status.Warnings).To(ContainElement(ContainSubstring("lets nobody change or delete them (RFC 7592)")))
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Renamed" })
		Expect(becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonInvalid).Message).To(And(ContainSubstring("RFC 7592"), ContainSubstring(app.Status.ClientID)))
		Expect(s.accepted(ctx, published(ctx, app))).To(Equal(http.StatusOK), "nothing was changed")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DeletionPolicy = v1alpha1.DeletionOrphan })
		deleted(ctx, app)
		Expect(s.clients(ctx)).To(HaveLen(1), "as the policy says")
	})

	It("is told to it who is to be asked", func(ctx SpecContext) {
		s := subjects["dynamic registration at oidc-provider"]
		app := s.application(service)
		Expect(parts.Admin.Create(ctx, app)).To(Succeed())
		becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(s.clients(ctx)[app.Status.ClientID].Contacts).To(ConsistOf("platform@example.com"))
		deleted(ctx, app)
	})
})

// loseToken spoils the registration access token in the ledger of an application, as a crash between an answer and its saving does.
func loseToken(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	var ledgers corev1.SecretList
	Expect(parts.Admin.List(ctx, &ledgers, kube.InNamespace(bed.OperatorNamespace))).To(Succeed())
	spoiled := 0
	for i := range ledgers.Items {
		of := &ledgers.Items[i]
		for key, record := range of.Data {
			if !bytes.Contains(record, []byte(app.Status.ClientID)) {
				continue
			}
			of.Data[key] = bytes.Replace(record, []byte(`"control":"`), []byte(`"control":"lost-`), 1)
			Expect(of.Data[key]).NotTo(Equal(record))
			Expect(parts.Admin.Update(ctx, of)).To(Succeed())
			spoiled++
		}
	}
	Expect(spoiled).To(Equal(1))
}
