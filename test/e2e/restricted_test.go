package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/test/bed"
)

// restricted are the namespaces in which the operator is refused something on purpose. The specs run one after another.
var restricted []string

// restrictOperator restarts the operator with no permission to publish, until the spec ends. worlds are those in which it works meanwhile.
func restrictOperator(worlds ...*world) {
	GinkgoHelper()
	for _, w := range worlds {
		restricted = append(restricted, w.namespace)
	}
	stopOperator()
	kubectl("delete", "clusterrolebinding", bed.PublisherRole)
	DeferCleanup(func(ctx context.Context) {
		stopOperator()
		Expect(parts.OpenCluster(ctx)).To(Succeed())
		startOperator()
	})
	startOperator()
}
