package e2e

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/canary"
	"trustedapps.dev/operator/test/controlplane"
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
		_, err := w.instance.AddFault(ctx, standin.Fault{ID: "broken", Path: "/*", Status: 500, Body: "canary in a body of an error", Count: 5})
		Expect(err).NotTo(HaveOccurred())
		canaries.Plant("what an error told", "canary in a body of an error")
		broken := w.app("broken", serviceSpec())
		w.create(ctx, broken)
		Expect(w.secrets).To(HaveLen(4))
		Expect(canaries.Count()).To(BeNumerically(">=", 6))

		By("searching")
		places, err := canary.Etcd(ctx, parts.Plane)
		Expect(err).NotTo(HaveOccurred())
		places = append(places, canary.Place{Name: "the log", Content: []byte(logs.String())}, canary.Place{Name: "the metrics", Content: []byte(scrapeText(ctx))})
		Expect(canaries.Search(places...)).To(BeEmpty())
		dump, err := parts.Plane.EtcdDump(ctx)
		Expect(err).NotTo(HaveOccurred())
		found := 0
		for key, value := range dump {
			if strings.HasPrefix(key, controlplane.SecretsPrefix) && len(canaries.In(value)) > 0 {
				found++
			}
		}
		Expect(found).To(BeNumerically(">=", 9), "the search finds what is there: four Secrets, four ledgers, the operator's own")
		w.becomes(ctx, broken, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})
})
