package cluster

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func failoverSpecs() {
	It("goes on when its leader is lost: the other replica takes over, and nothing is written anew", func(ctx SpecContext) {
		before, noticed := stateNow(ctx), tokensOf(ctx)
		first, err := leader(ctx)
		Expect(err).NotTo(HaveOccurred())
		progress("ending the leader")
		Expect(machine.endLeader(ctx)).To(Succeed())
		Eventually(leader).WithContext(ctx).ShouldNot(Equal(first))
		working(ctx)
		unchanged(before, stateNow(ctx))
		nobodyNoticed(ctx, noticed)
		Expect(machine.settle(ctx)).To(Succeed(), "two replicas again")
	})
}
