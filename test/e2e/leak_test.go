package e2e

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

var _ = Describe("secrets", Serial, func() {
	It("are nowhere but in Secrets: not in logs, metrics, events, status or anything else in etcd", func(ctx SpecContext) {
		w := newWorld(ctx)
		for name, spec := range map[string]v1alpha1.TrustedApplicationSpec{
			"orders": serviceSpec(), "shop": interactiveSpec(v1alpha1.ClientTypeConfidential), "portal": hybridSpec(),
		} {
			w.create(ctx, w.app(name, spec))
		}
		By("provoking errors")
		_, err := w.instance.AddFault(ctx, standin.Fault{ID: "broken", Path: "/*", Status: 500, Body: "canary in a body", Count: 5})
		Expect(err).NotTo(HaveOccurred())
		canaries.add("canary in a body")
		broken := w.app("broken", serviceSpec())
		w.create(ctx, broken)
		Expect(w.secrets).To(HaveLen(4))
		Expect(canaries.count()).To(BeNumerically(">=", 6))

		By("searching")
		Expect(canaries.in(logs.String())).To(BeFalse(), "a secret is in the log")
		Expect(canaries.in(scrapeText(ctx))).To(BeFalse(), "a secret is in the metrics")
		dump, err := parts.Plane.EtcdDump(ctx)
		Expect(err).NotTo(HaveOccurred())
		found := 0
		for key, value := range dump {
			if strings.HasPrefix(key, "/registry/secrets/") {
				if canaries.in(string(value)) {
					found++
				}
				continue
			}
			Expect(canaries.in(string(value))).To(BeFalse(), "a secret is in %s", key)
		}
		Expect(found).To(BeNumerically(">=", 9), "the search finds what is there: four Secrets, four ledgers, the operator's own")
		w.becomes(ctx, broken, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})
})
