package e2e

import (
	"time"

	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

// refuseTokens makes the instance refuse every credential, of services at least, from now on.
func refuseTokens(ctx SpecContext, w *world) {
	GinkgoHelper()
	_, err := w.instance.AddFault(ctx, standin.Fault{
		ID: "refused", Method: http.MethodPost, Path: "/id/connect/token", Status: http.StatusBadRequest,
		Body: `{"error":"unauthorized_client"}`, ContentType: "application/json",
	})
	Expect(err).NotTo(HaveOccurred())
}

// Serial: the operator is restarted, and others would be counted, too.
var _ = Describe("metrics", Serial, func() {
	It("are those of the documentation, with these types and labels", func(ctx SpecContext) {
		w := newWorld(ctx)
		scheduled := rotating(v1alpha1.RotationInPlace, time.Hour, time.Hour)
		scheduled.Credentials.Rotation.Interval = &metav1.Duration{Duration: 2160 * time.Hour}
		w.create(ctx, w.app("orders", scheduled))
		refuseTokens(ctx, w)
		broken := w.app("broken", serviceSpec())
		Expect(admin.Create(ctx, broken)).To(Succeed())
		w.becomes(ctx, broken, metav1.ConditionFalse, v1alpha1.ReasonVerificationFailed)
		want := documented()
		Expect(want).NotTo(BeEmpty())
		Eventually(func() any { return describe(scrape(ctx)) }).Should(Equal(want))
	})

	It("tell how applications, credentials and servers are, also after a restart, and nothing of what is gone", func(ctx SpecContext) {
		w := newWorld(ctx)
		orders, board := w.app("orders", serviceSpec()), w.app("board", interactiveSpec(v1alpha1.ClientTypePublic))
		w.create(ctx, orders)
		w.create(ctx, board)
		here := func(more ...string) map[string]string {
			labels := map[string]string{"server": w.server.Name}
			for i := 0; i < len(more); i += 2 {
				labels[more[i]] = more[i+1]
			}
			return labels
		}
		expect := func(name string, labels map[string]string, want any) {
			GinkgoHelper()
			Eventually(func() float64 { v, _ := value(scrape(ctx), name, labels); return v }).Should(BeEquivalentTo(want), "%s %v", name, labels)
		}
		expect("trustedapp_applications", here("condition", "Ready", "status", "True", "reason", "Ready"), 2)
		expect("trustedapp_applications", here("condition", "CredentialsVerified", "reason", "PublicClient"), 1)
		expect("trustedapp_credential_age_seconds", here(), 1) // a public application has none
		expect("trustedapp_server_ready", here("reason", "Ready"), 1)
		expect("trustedapp_verifications_total", here("result", "accepted"), 1)
		expect("trustedapp_server_requests_total", here("operation", "create", "code", "201"), 2)
		expect("trustedapp_server_requests_total", here("operation", ""), 0)
		expect("trustedapp_leading", nil, 1)

		By("restarting the operator")
		issued := w.secret(ctx, orders.Status.Binding).Annotations[v1alpha1.IssuedAtAnnotation]
		Expect(issued).NotTo(BeEmpty())
		before, found := value(scrape(ctx), "trustedapp_credential_oldest_timestamp_seconds", here())
		Expect(found).To(BeTrue())
		stopOperator()
		startOperator()
		served(ctx)
		expect("trustedapp_credential_oldest_timestamp_seconds", here(), before)
		expect("trustedapp_applications", here("condition", "Ready", "status", "True"), 2)
		Expect(w.secret(ctx, orders.Status.Binding).Annotations[v1alpha1.IssuedAtAnnotation]).To(Equal(issued))

		By("breaking something")
		conflict := w.app("conflict", serviceSpec())
		Expect(admin.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: conflict.Name}})).To(Succeed())
		Expect(admin.Create(ctx, conflict)).To(Succeed())
		w.becomes(ctx, conflict, metav1.ConditionFalse, v1alpha1.ReasonSecretConflict)
		expect("trustedapp_applications_not_ready", here("app_namespace", w.namespace, "state", "Stalled", "reason", "SecretConflict"), 1)

		By("deleting everything")
		for _, app := range []*v1alpha1.TrustedApplication{orders, board, conflict} {
			Expect(admin.Delete(ctx, app)).To(Succeed())
		}
		Eventually(func(g Gomega) {
			var apps v1alpha1.TrustedApplicationList
			g.Expect(admin.List(ctx, &apps, client.InNamespace(w.namespace))).To(Succeed())
			g.Expect(apps.Items).To(BeEmpty())
		}).Should(Succeed())
		Eventually(func(g Gomega) {
			families := scrape(ctx)
			for _, name := range []string{"trustedapp_applications", "trustedapp_applications_not_ready", "trustedapp_credential_oldest_timestamp_seconds"} {
				_, found := value(families, name, here())
				g.Expect(found).To(BeFalse(), name)
			}
			ages, _ := value(families, "trustedapp_credential_age_seconds", here())
			g.Expect(ages).To(BeZero())
		}).Should(Succeed())
		Expect(admin.Delete(ctx, w.server.DeepCopy())).To(Succeed())
		Eventually(func() []string {
			var left []string
			for name, family := range scrape(ctx) {
				for _, m := range family.Metric {
					if hasLabels(m, here()) {
						left = append(left, name)
					}
				}
			}
			return left
		}).Should(BeEmpty(), "series of a server that is gone")
		Expect(admin.Create(ctx, &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: w.server.Name}, Spec: w.server.Spec})).To(Succeed())
	})
})
