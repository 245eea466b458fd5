package e2e

import (
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/prometheus"
	"trustedapps.dev/operator/test/standin"
)

const (
	alertsFile    = "charts/trustedapp-operator/files/alerts.yaml"
	dashboardFile = "charts/trustedapp-operator/files/dashboard.json"
)

// Serial: it looks at all that the operator does.
var _ = Describe("dashboard and alerts on a real Prometheus", Serial, func() {
	It("get data from the operator for every query", func(ctx SpecContext) {
		By("starting Prometheus")
		started := time.Now()
		server, err := prometheus.Start(ctx, prometheus.Options{
			Binary: bed.Path("bin/prometheus"), Target: metricsAddress, Interval: time.Second, Rules: bed.Path(alertsFile),
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Expect(server.Stop()).To(Succeed()) })
		AddReportEntry("start of Prometheus", time.Since(started).String())

		By("giving the operator work, and trouble")
		w := newWorld(ctx)
		w.create(ctx, w.app("orders", serviceSpec()))
		_, err = w.instance.AddFault(ctx, standin.Fault{
			ID: "busy", Method: http.MethodPost, Path: "/*/Systems_Security_TrustedApplications", Status: http.StatusServiceUnavailable, Count: 1,
		})
		Expect(err).NotTo(HaveOccurred())
		w.create(ctx, w.app("portal", hybridSpec()))
		refuseTokens(ctx, w)
		broken := w.app("broken", serviceSpec())
		Expect(admin.Create(ctx, broken)).To(Succeed())
		w.becomes(ctx, broken, metav1.ConditionFalse, v1alpha1.ReasonVerificationFailed)

		By("asking each query of the dashboard")
		dashboard, err := prometheus.ReadDashboard(bed.Path(dashboardFile))
		Expect(err).NotTo(HaveOccurred())
		asked := 0
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				Eventually(func() ([]prometheus.Series, error) { return server.Query(ctx, target.Expand("1m")) }).
					ShouldNot(BeEmpty(), "%s: %s", panel.Title, target.Expr)
				asked++
			}
		}
		Expect(asked).To(BeNumerically(">", 15))

		By("looking at the alerts")
		Eventually(func(g Gomega) { alertsWork(ctx, g, server) }).Should(Succeed())
	})
})

// alertsWork asserts that Prometheus evaluates every alert without an error, and saw what is wrong.
func alertsWork(ctx context.Context, g Gomega, server *prometheus.Server) {
	rules, err := server.Rules(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(rules).To(HaveLen(len(alerts())))
	states := map[string]string{}
	for _, r := range rules {
		g.Expect(r.Health).To(Equal("ok"), "%s: %s", r.Name, r.LastError)
		states[r.Name] = r.State
	}
	g.Expect(states).To(HaveKeyWithValue("TrustedAppVerificationFailing", "pending"), "it fires after its time")
	g.Expect(states).To(HaveKeyWithValue("TrustedAppOperatorAbsent", "inactive"))
	g.Expect(states).To(HaveKeyWithValue("TrustedAppOperatorWithoutLeader", "inactive"))
}

// alerts are the expressions of the alerts, by their names.
func alerts() map[string]string {
	GinkgoHelper()
	content, err := os.ReadFile(bed.Path(alertsFile))
	Expect(err).NotTo(HaveOccurred())
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	Expect(yaml.Unmarshal(content, &file)).To(Succeed())
	all := map[string]string{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all[r.Alert] = strings.TrimSpace(r.Expr)
		}
	}
	return all
}
