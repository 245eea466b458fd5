package api_test

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The examples", func() {
	It("cover every rule that a user can break, and no rule that is gone", func() {
		var inSchema, inTable []string
		for _, n := range nodes() {
			if !n.isStatus() {
				inSchema = append(inSchema, n.keys()...)
			}
		}
		for _, r := range allRules() {
			inTable = append(inTable, r.key())
		}
		slices.Sort(inTable)
		Expect(slices.Compact(inTable)).To(ConsistOf(inSchema))
	})

	It("show both sides of every rule", func() {
		for _, r := range allRules() {
			Expect(r.accepted).NotTo(BeEmpty(), "accepted by %s", r.key())
			Expect(r.refused).NotTo(BeEmpty(), "refused by %s", r.key())
		}
	})
})

var _ = Describe("A CEL rule", func() {
	It("has a message of its own", func() {
		for _, n := range nodes() {
			for _, v := range n.XValidations {
				Expect(v.Message).NotTo(BeEmpty(), "%s: %s", n.describe(), v.Rule)
				Expect(v.Message).NotTo(ContainSubstring("failed rule"), n.describe())
			}
		}
	})
})
