package cluster

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

func permissionSpecs() {
	It("says how to open a namespace that it may not publish in, and the command that it names does it", func(ctx SpecContext) {
		app := inClosedNamespace(ctx, "team-command")
		_, remedy, found := strings.Cut(closed(ctx, app), "else by: kubectl ")
		Expect(found).To(BeTrue())
		progress("running the remedy: kubectl %s", remedy)
		_, err := kubectl(ctx, strings.Fields(remedy)...)
		Expect(err).NotTo(HaveOccurred())
		becomesReady(ctx, app)
		deleteApp(ctx, app)
	})

	It("opens a namespace by the value of the chart that it names", func(ctx SpecContext) {
		app := inClosedNamespace(ctx, "team-value")
		Expect(closed(ctx, app)).To(ContainSubstring("installed with Helm by adding team-value to the value namespaces"))
		progress("upgrading with one more namespace")
		install(ctx, present(), appNamespace, "team-value")
		becomesReady(ctx, app)
		deleteApp(ctx, app)
	})
}

func inClosedNamespace(ctx context.Context, namespace string) *v1alpha1.TrustedApplication {
	GinkgoHelper()
	Expect(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})).To(Succeed())
	app := serviceApp(namespace, "closed")
	Expect(admin.Create(ctx, app)).To(Succeed())
	return app
}

// closed waits until the application says that its namespace is closed, and returns what it says. Nothing was registered.
func closed(ctx context.Context, app *v1alpha1.TrustedApplication) string {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		g.Expect(ready(app)).To(HaveValue(And(
			HaveField("Status", metav1.ConditionFalse), HaveField("Message", ContainSubstring("may not publish")))))
	}).Should(Succeed())
	_, ok, err := instance.Application(ctx, app.Spec.ApplicationURI)
	Expect(err).NotTo(HaveOccurred())
	Expect(ok).To(BeFalse(), "it was registered although its credentials cannot be published")
	return ready(app).Message
}
