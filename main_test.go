package main

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestNamespacesToPublishIn(t *testing.T) {
	for flag, want := range map[string][]string{
		"*": nil, " * ": nil, "demo": {"demo"}, "a, b,a": {"a", "b"},
	} {
		t.Run(flag, func(t *testing.T) {
			g := NewWithT(t)
			got, err := published(flag)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(want))
		})
	}
	// What an empty list in a template makes of the flag must not open every namespace.
	for _, flag := range []string{"", " ", ",", "a,", "a,*", "a b", "Demo"} {
		t.Run("refused: "+flag, func(t *testing.T) {
			_, err := published(flag)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring("--namespaces")))
		})
	}
}
