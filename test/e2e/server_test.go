package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

var _ = Describe("an IdentityServer", func() {
	It("shows what was found out", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		Expect(w.server.Status).To(And(
			HaveField("Type", "ERP.net"), HaveField("Version", "26.2.1.66"), HaveField("ObservedGeneration", w.server.Generation),
			HaveField("Endpoints", HaveValue(And(
				HaveField("Issuer", w.instance.Identity), HaveField("Token", w.instance.Identity+"/connect/token"), HaveField("API", w.instance.DomainAPI)))),
			HaveField("Capabilities", HaveValue(And(
				HaveField("SecretOrigin", v1alpha1.SecretClientChosen), HaveField("SecretSlots", int32(1)), HaveField("Features", ContainElement("ReferenceTokens"))))),
			HaveField("Warnings", Not(BeEmpty())), // the operator's own system user is an administrator: a known risk
		))
	})

	It("says what is wrong with its credentials, and goes on when they are mended", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		app := w.app("orders", serviceSpec())
		var secret corev1.Secret
		key := client.ObjectKey{Namespace: bed.OperatorNamespace, Name: w.server.Name}
		set := func(value string) {
			GinkgoHelper()
			Expect(admin.Get(ctx, key, &secret)).To(Succeed())
			secret.Data["client_secret"] = []byte(value)
			Expect(admin.Update(ctx, &secret)).To(Succeed())
		}
		By("a wrong secret")
		canaries.Plant("a credential", "a-wrong-secret-that-must-not-leak-either")
		set("a-wrong-secret-that-must-not-leak-either")
		Expect(w.serverBecomes(ctx, metav1.ConditionFalse, v1alpha1.ReasonUnauthorized).Message).To(ContainSubstring("invalid_client"))
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonServerNotReady).Message).To(ContainSubstring(w.server.Name))
		By("an empty secret")
		set("")
		Expect(w.serverBecomes(ctx, metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing).Message).To(ContainSubstring("client_secret"))
		By("no Secret at all")
		Expect(admin.Delete(ctx, &secret)).To(Succeed())
		Eventually(func() string {
			return w.serverBecomes(ctx, metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing).Message
		}).Should(ContainSubstring("does not exist"))
		By("the right secret")
		Expect(admin.Create(ctx, bed.Credentials(key.Name))).To(Succeed())
		w.serverReady(ctx)
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})

	It("does not trust a certificate of an unknown authority", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		w.server.Spec.CABundle = nil
		Expect(admin.Update(ctx, w.server)).To(Succeed())
		Expect(w.serverBecomes(ctx, metav1.ConditionFalse, v1alpha1.ReasonServerUnavailable).Message).To(ContainSubstring("caBundle"))
	})

	It("tells an operator without rights what it lacks", func(ctx SpecContext) {
		w := newWorld(ctx, func(s *standin.Spec) { s.Applications[0].Scope = new("read update") })
		Expect(w.serverBecomes(ctx, metav1.ConditionFalse, v1alpha1.ReasonUnauthorized).Message).To(ContainSubstring("sec"))
	})

	It("that goes away lets its applications wait, and wakes them when it is back", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		Expect(w.instance.SetDown(ctx, true)).To(Succeed())
		app := w.app("orders", serviceSpec())
		Expect(admin.Create(ctx, app)).To(Succeed())
		w.serverBecomes(ctx, metav1.ConditionFalse, v1alpha1.ReasonServerUnavailable)
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonServerNotReady).Message).To(ContainSubstring(w.server.Name))
		Expect(conditionOf(app, v1alpha1.ConditionReconciling)).NotTo(BeNil())
		Expect(app.Status.ObservedGeneration).To(Equal(int64(-1)))

		Expect(w.instance.SetDown(ctx, false)).To(Succeed())
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		works(ctx, w.secret(ctx, app.Status.Binding))
	})
})

var _ = Describe("a server that is deleted", func() {
	gone := func(ctx context.Context, o client.Object) {
		GinkgoHelper()
		Eventually(func() bool {
			return apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(o), o))
		}).Should(BeTrue())
	}

	It("together with its applications stays until their registrations have ended", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		Expect(admin.Delete(ctx, w.server)).To(Succeed()) // first, as the worst order
		Expect(admin.Delete(ctx, app)).To(Succeed())
		gone(ctx, app)
		_, ok := w.registration(ctx, app)
		Expect(ok).To(BeFalse())
		gone(ctx, w.server)
		Expect(admin.Create(ctx, w.again())).To(Succeed()) // for the end of the spec
	})

	It("serves the applications that are left, says so, and goes at once when none is", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		Expect(admin.Delete(ctx, w.server)).To(Succeed())
		Eventually(func(g Gomega) {
			ready := w.serverBecomes(ctx, metav1.ConditionTrue, v1alpha1.ReasonReady)
			g.Expect(ready.Message).To(ContainSubstring("until no TrustedApplication names it"))
		}).Should(Succeed())
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Orders, once more" })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(admin.Delete(ctx, app)).To(Succeed())
		gone(ctx, app)
		gone(ctx, w.server)

		w.server = w.again()
		Expect(admin.Create(ctx, w.server)).To(Succeed())
		w.serverReady(ctx)
		Expect(w.server.Finalizers).To(BeEmpty(), "without an application it is not kept")
	})
})

var _ = Describe("trouble at the server", func() {
	It("with the system user is explained, and the registration is not made", func(ctx SpecContext) {
		w := newWorld(ctx)
		for login, say := range map[string]string{"svc.nobody": "svc.nobody", "svc.gone": "active"} {
			app := w.app("for-"+login, serviceSpec())
			app.Spec.Service.SystemUser = login
			Expect(admin.Create(ctx, app)).To(Succeed())
			Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonInvalid).Message).To(ContainSubstring(say))
			_, registered := w.registration(ctx, app)
			Expect(registered).To(BeFalse())
		}
		By("an administrator is accepted with a warning, where a grant allows that")
		powerful := bed.Everyone()
		powerful[0].Administrators = v1alpha1.AdministratorsAllowed
		w.grants(ctx, v1alpha1.AccessFreeze, powerful...)
		app := w.app("boss", serviceSpec())
		app.Spec.Service.SystemUser = "svc.boss"
		w.create(ctx, app)
		Expect(app.Status.Warnings).To(ContainElement(ContainSubstring("administrator")))
	})

	It("with verification keeps the credential unpublished until it is proven", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		_, err := w.instance.AddFault(ctx, standin.Fault{ID: "refuse", Path: "/id/connect/token", Status: 400, Body: `{"error":"invalid_client"}`, ContentType: "application/json"})
		Expect(err).NotTo(HaveOccurred())
		app := w.app("orders", serviceSpec())
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonVerificationFailed).Message).To(ContainSubstring("invalid_client"))
		Expect(conditionOf(app, v1alpha1.ConditionRegistered).Status).To(Equal(metav1.ConditionTrue))
		Expect(w.secret(ctx, &v1alpha1.BindingReference{Name: "orders"})).To(BeNil())
		Expect(w.instance.RemoveFault(ctx, "refuse")).To(Succeed())
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})

	It("says so when verification is off, and proves once it is on again", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		w.server.Spec.Verification = v1alpha1.VerificationOff
		Expect(admin.Update(ctx, w.server)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
			g.Expect(w.server.Status.ObservedGeneration).To(Equal(w.server.Generation))
		}).Should(Succeed())
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		Expect(*conditionOf(app, v1alpha1.ConditionCredentialsVerified)).To(And(HaveField("Status", metav1.ConditionUnknown), HaveField("Reason", v1alpha1.ReasonVerificationOff)))

		Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
		w.server.Spec.Verification = v1alpha1.VerificationRequired
		Expect(admin.Update(ctx, w.server)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
			g.Expect(*conditionOf(app, v1alpha1.ConditionCredentialsVerified)).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonVerified)))
		}).Should(Succeed())
	})

	DescribeTable("of a passing kind is overcome, with one registration and a working Secret",
		func(ctx SpecContext, fault standin.Fault) {
			w := newWorld(ctx)
			w.serverReady(ctx)
			_, err := w.instance.AddFault(ctx, fault)
			Expect(err).NotTo(HaveOccurred())
			app := w.app("orders", serviceSpec())
			w.create(ctx, app)
			works(ctx, w.secret(ctx, app.Status.Binding))
			all, err := w.instance.Applications(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(all).To(HaveLen(2), "the operator's and this one")
		},
		Entry("the answer to the creation is lost", standin.Fault{Method: "POST", Path: "/api/domain/odata/Systems_Security_TrustedApplications*", Drop: standin.DropAfter, Count: 1}),
		Entry("the creation is cut off before", standin.Fault{Method: "POST", Path: "/api/domain/odata/Systems_Security_TrustedApplications*", Drop: standin.DropBefore, Count: 1}),
		Entry("the creation is answered with 503", standin.Fault{Method: "POST", Path: "/api/domain/odata/Systems_Security_TrustedApplications*", Status: 503, Count: 2}),
		Entry("the look-up is answered with HTML and 200", standin.Fault{Method: "GET", Path: "/api/domain/odata/Systems_Security_TrustedApplications*", Status: 200, Body: "<html></html>", ContentType: "text/html", Count: 2}),
		Entry("the look-up is cut short", standin.Fault{Method: "GET", Path: "/api/domain/odata/Systems_Security_TrustedApplications*", Truncate: 20, Count: 2}),
		Entry("the look-up is answered with 401", standin.Fault{Method: "GET", Path: "/api/domain/odata/Systems_Security_TrustedApplications*", Status: 401, Count: 3}),
		Entry("the look-up is answered with 404", standin.Fault{Method: "GET", Path: "/api/domain/odata/Systems_Security_TrustedApplications*", Status: 404, Count: 2}),
		Entry("too many requests", standin.Fault{Path: "/api/domain/odata/*", Status: 429, RetryAfter: "1", Count: 2}),
		Entry("the verification gets no answer", standin.Fault{Path: "/id/connect/token", Drop: standin.DropBefore, Count: 2}),
	)
})

var _ = Describe("one server's outage", func() {
	It("does not disturb the applications of another", func(ctx SpecContext) {
		away, well := newWorld(ctx), newWorld(ctx)
		away.serverReady(ctx)
		well.serverReady(ctx)
		_, err := away.instance.AddFault(ctx, standin.Fault{Path: "/*", Drop: standin.DropHang})
		Expect(err).NotTo(HaveOccurred())
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			Expect(admin.Create(ctx, away.app(name, serviceSpec()))).To(Succeed())
		}
		app := well.app("orders", serviceSpec())
		started := time.Now()
		well.create(ctx, app)
		Expect(time.Since(started)).To(BeNumerically("<", 20*time.Second))
	})
})
