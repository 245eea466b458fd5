package e2e

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Serial: it takes a permission from the operator.
var _ = Describe("a namespace that the operator may not publish in", Serial, func() {
	It("says so with a remedy that works, and holds nothing else up", func(ctx SpecContext) {
		open, closed := newWorld(ctx), newWorld(ctx)
		before := len(logs.String())
		restrictOperator(open, closed)
		Expect(parts.OpenNamespace(ctx, open.namespace)).To(Succeed())

		open.create(ctx, open.app("portal", hybridSpec()))
		app := closed.app("portal", hybridSpec())
		Expect(admin.Create(ctx, app)).To(Succeed())
		message := closed.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonNamespaceNotPermitted).Message
		_, registered := closed.registration(ctx, app)
		Expect(registered).To(BeFalse(), "nothing is registered that could not be published")

		Expect(logs.String()[before:]).NotTo(ContainSubstring("Failed to watch"), "nothing is watched that is not permitted")
		_, remedy, found := strings.Cut(message, "else by: kubectl ")
		Expect(found).To(BeTrue(), message)
		kubectl(strings.Fields(remedy)...)
		closed.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		works(ctx, closed.secret(ctx, app.Status.Binding))

		By("taking the permission away again")
		kubectl("delete", "rolebinding", "trustedapp-operator", "-n", closed.namespace)
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Renamed" })
		message = closed.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonNamespaceNotPermitted).Message
		Expect(app.Status.Binding).NotTo(BeNil(), "what was published is still there")
		_, remedy, _ = strings.Cut(message, "else by: kubectl ")
		kubectl(strings.Fields(remedy)...)
		closed.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)

		By("restoring what is deleted there by hand, too")
		secret := closed.secret(ctx, app.Status.Binding)
		Expect(admin.Delete(ctx, secret.DeepCopy())).To(Succeed())
		Eventually(func() any { return closed.secret(ctx, app.Status.Binding) }).Should(HaveField("Data", Equal(secret.Data)))
	})
})
