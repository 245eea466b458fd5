package cluster

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// addresses are where the workloads serve, by their applications.
var addresses = map[string]string{}

// One installation is used from its first day to its last. A spec that fails does not keep the later ones from being tried.
var _ = Describe("An installation", Ordered, ContinueOnFailure, func() {
	It("installs the previous version with Helm, and registers all kinds of applications", func(ctx SpecContext) {
		progress("installing the previous version with Helm")
		install(ctx, previous(), appNamespace)
		progress("applying config/samples")
		applySamples(ctx)
		for _, k := range kinds {
			progress("starting the workload of %s", k.app)
			address, err := machine.run(ctx, k.workload(k.application(ctx)))
			Expect(err).NotTo(HaveOccurred())
			addresses[k.app] = address
		}
		nobodyNoticed(ctx, map[string]tokens{})
	})

	upgradeSpecs()
	installedSpecs()
	kindSpecs()
	rotationSpecs()
	failoverSpecs()
	permissionSpecs()
	uninstallSpecs()
	wrongOrderSpecs()
	farewellSpecs()
})
