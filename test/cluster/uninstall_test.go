package cluster

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// crds are the kinds of the operator.
var crds = []string{"trustedapplications.trustedapps.dev", "identityservers.trustedapps.dev"}

func uninstallSpecs() {
	It("is uninstalled with live applications: they and their users notice nothing, and what is needed to go on stays", func(ctx SpecContext) {
		before, noticed, kept := stateNow(ctx), tokensOf(ctx), ledgers(ctx)
		Expect(kept).NotTo(BeEmpty())
		progress("uninstalling with live applications")
		uninstall(ctx)
		Expect(replicas(ctx)).To(BeZero())
		unchanged(before, stateNow(ctx))
		Expect(ledgers(ctx)).To(Equal(kept))
		for _, k := range kinds {
			Expect(k.application(ctx).DeletionTimestamp).To(BeNil())
		}
		_, err := kubectl(ctx, append([]string{"get", "crd"}, crds...)...)
		Expect(err).NotTo(HaveOccurred())
		Expect(admin.Get(ctx, client.ObjectKey{Name: serverName}, &v1alpha1.IdentityServer{})).To(Succeed())
		nobodyNoticed(ctx, noticed)
		backEndWorks(ctx, kinds[0], "svc.orders")
	})

	It("is installed again and adopts everything, without a write at the server", func(ctx SpecContext) {
		before, noticed := stateNow(ctx), tokensOf(ctx)
		progress("installing again")
		install(ctx, present(), appNamespace)
		working(ctx)
		unchanged(before, stateNow(ctx))
		nobodyNoticed(ctx, noticed)
		result.Helm = true
	})
}

// ledgers are the names and versions of the Secrets by which the operator remembers its applications.
func ledgers(ctx context.Context) map[string]string {
	GinkgoHelper()
	var list corev1.SecretList
	Expect(admin.List(ctx, &list, client.InNamespace(operatorNamespace), client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})).To(Succeed())
	found := map[string]string{}
	for _, s := range list.Items {
		found[s.Name] = s.ResourceVersion
	}
	return found
}
