package cluster

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func upgradeSpecs() {
	It("is upgraded to the present version without a new secret, a write at the server or a failed token request", func(ctx SpecContext) {
		before, noticed := stateNow(ctx), tokensOf(ctx)
		progress("upgrading to the present version")
		install(ctx, present(), appNamespace)
		d, err := deployment(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Spec.Template.Spec.Containers[0].Image).To(Equal(operatorImage + ":present"))
		revisions, err := helm(ctx, "history", release, "--output=json")
		Expect(err).NotTo(HaveOccurred())
		Expect(revisions).To(And(ContainSubstring(`"revision":1,`), ContainSubstring(`"revision":2,`)), "it was an upgrade")
		working(ctx)
		for _, k := range kinds {
			becomesReady(ctx, k.application(ctx))
			result.Kinds[k.name].Ready = true
		}
		after := stateNow(ctx)
		result.UpgradeNewSecrets = new(newSecrets(before, after))
		unchanged(before, after)
		nobodyNoticed(ctx, noticed)
	})
}
