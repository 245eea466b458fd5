package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/test/bed"
)

// restrictOperator restarts the operator with no permission to publish, until the spec ends.
func restrictOperator() {
	GinkgoHelper()
	stopOperator()
	kubectl("delete", "clusterrolebinding", bed.PublisherRole)
	DeferCleanup(func(ctx context.Context) {
		stopOperator()
		Expect(parts.OpenCluster(ctx)).To(Succeed())
		startOperator()
	})
	startOperator()
}
