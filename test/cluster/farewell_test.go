package cluster

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
)

func farewellSpecs() {
	It("leaves nothing behind when it is removed in the documented order", func(ctx SpecContext) {
		progress("deleting the applications")
		var apps []*v1alpha1.TrustedApplication
		for _, k := range kinds {
			apps = append(apps, k.application(ctx))
		}
		_, err := kubectl(ctx, "delete", "trustedapplications", "--all", "--all-namespaces", "--timeout=90s")
		Expect(err).NotTo(HaveOccurred())
		for _, app := range apps {
			goneWithAll(ctx, app)
		}
		Expect(registered(ctx)).To(BeEmpty())
		Expect(ledgers(ctx)).To(BeEmpty())
		progress("deleting the IdentityServers, the release, the CustomResourceDefinitions and the namespace")
		_, err = kubectl(ctx, "delete", "identityservers", "--all", "--timeout=90s")
		Expect(err).NotTo(HaveOccurred())
		uninstall(ctx)
		_, err = kubectl(ctx, append([]string{"delete", "crd", "--timeout=90s"}, crds...)...)
		Expect(err).NotTo(HaveOccurred())
		_, err = kubectl(ctx, "delete", "namespace", operatorNamespace, "--timeout=90s")
		Expect(err).NotTo(HaveOccurred())
		for _, kind := range []string{"clusterroles", "clusterrolebindings", "rolebindings", "configmaps", "secrets", "deployments"} {
			left, err := kubectl(ctx, "get", kind, "--all-namespaces", "-o", "name", "-l", "app.kubernetes.io/name=trustedapp-operator")
			Expect(err).NotTo(HaveOccurred())
			Expect(left).To(BeEmpty())
		}
	})
}
