package security

import (
	"net/http"
	"os/exec"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/canary"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

var _ = Describe("leakage, into logs and elsewhere: secrets", Serial, func() {
	It("are nowhere but in Secrets: not in logs, a crash, metrics, profiles, arguments, etcd, or what the chart renders", Label(threat), func(ctx SpecContext) {
		app := application(victims, "leak", service("svc.team-b"))
		Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
		guarded.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		guarded.plant(ctx, app)
		By("provoking errors that quote")
		const told = "canary-in-the-body-of-an-error-0123456789"
		secrets.Plant("the body of an error", told)
		_, err := guarded.instance.AddFault(ctx, standin.Fault{ID: "quoting", Path: "/*", Status: http.StatusBadRequest, Body: `{"error":"` + told + `","error_description":"` + told + `"}`, Count: 6})
		Expect(err).NotTo(HaveOccurred())
		broken := application(victims, "broken", service("svc.team-b"))
		Expect(guarded.bed.Admin.Create(ctx, broken)).To(Succeed())
		guarded.becomes(ctx, broken, metav1.ConditionTrue, v1alpha1.ReasonReady)
		guarded.plant(ctx, broken)

		By("looking at the running operator")
		var places []canary.Place
		for _, path := range []string{"/metrics", "/debug/pprof/heap?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/vars"} {
			places = append(places, must(canary.Served(ctx, "http://"+guarded.operator.Metrics+path)))
		}
		Expect(string(places[0].Content)).To(ContainSubstring("trustedapp"), "there are metrics to look at")
		places = append(places, must(canary.Process(guarded.operator.PID()))...)

		By("looking at its last words")
		Expect(syscall.Kill(guarded.operator.PID(), syscall.SIGQUIT)).To(Succeed())
		Eventually(guarded.operator.Ended).Should(BeTrue())
		Eventually(guarded.log.String).Should(ContainSubstring("goroutine 1"), "it crashed with a dump")
		places = append(places, canary.Place{Name: "the operator's log", Content: []byte(guarded.log.String())},
			canary.Place{Name: "the stand-in's log", Content: []byte(guarded.standinLog.String())})
		_ = guarded.operator.Stop()
		guarded.start(ctx)

		By("looking at the cluster and the chart")
		places = append(places, must(canary.Etcd(ctx, guarded.bed.Plane))...)
		places = append(places, must(canary.Secrets(ctx, guarded.bed.Admin))...)
		rendered, err := exec.CommandContext(ctx, bed.Path("bin/helm"), "template", "ops", bed.Path("charts/trustedapp-operator"),
			"--values", bed.Path("charts/trustedapp-operator/ci/everything-values.yaml")).Output()
		Expect(err).NotTo(HaveOccurred())
		places = append(places, canary.Place{Name: "what the chart renders", Content: rendered})

		findings := secrets.Search(places...)
		found.CanariesPlanted, found.CanariesFound = secrets.Count(), len(findings)
		Expect(findings).To(BeEmpty())

		By("seeing that the search finds what is there")
		there := 0
		for key, value := range must(guarded.bed.Plane.EtcdDump(ctx)) {
			if strings.HasPrefix(key, controlplane.SecretsPrefix) && len(secrets.In(value)) > 0 {
				there++
			}
		}
		Expect(there).To(BeNumerically(">=", 7), "three published, three ledgers, and the operator's own")
		guarded.gone(ctx, app)
		guarded.gone(ctx, broken)
	})
})
