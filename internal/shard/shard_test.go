package shard

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

func parse(t *testing.T, selector string) Shard {
	t.Helper()
	s, err := Parse(selector)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return s
}

// servers are one of each kind; "gone" is not among them.
var servers = []v1alpha1.IdentityServer{
	{ObjectMeta: metav1.ObjectMeta{Name: "plain"}},
	{ObjectMeta: metav1.ObjectMeta{Name: "east", Labels: map[string]string{"shard": "east"}}},
	{ObjectMeta: metav1.ObjectMeta{Name: "west", Labels: map[string]string{"shard": "west", "tier": "gold"}}},
	{ObjectMeta: metav1.ObjectMeta{Name: "empty", Labels: map[string]string{"shard": ""}}},
}

func TestWhatAShardHas(t *testing.T) {
	for selector, want := range map[string][]string{
		"":                             {"plain", "east", "west", "empty", "gone"},
		"  ":                           {"plain", "east", "west", "empty", "gone"},
		"shard=east":                   {"east"},
		"shard==east":                  {"east"},
		"shard!=east":                  {"plain", "west", "empty", "gone"},
		"shard in (east, west)":        {"east", "west"},
		"shard notin (east, west)":     {"plain", "empty", "gone"},
		"shard":                        {"east", "west", "empty"},
		"!shard":                       {"plain", "gone"},
		"shard,shard!=east,tier=gold":  {"west"},
		"shard=":                       {"empty"},
		"shard in (east),shard=nobody": nil,
	} {
		t.Run(selector, func(t *testing.T) {
			g := NewWithT(t)
			s := parse(t, selector)
			var got []string
			for _, server := range servers {
				if s.Has(server.Labels) {
					got = append(got, server.Name)
				}
			}
			if s.Has(nil) {
				got = append(got, "gone")
			}
			g.Expect(got).To(Equal(want))
			g.Expect(s.Everything()).To(Equal(len(want) == 5))

			here := s.Among(servers)
			var named []string
			for _, name := range []string{"plain", "east", "west", "empty", "gone"} {
				if here(name) {
					named = append(named, name)
				}
			}
			g.Expect(named).To(Equal(want), "an application is where its server is")
		})
	}
}

// Selectors that divide the labels divide the servers, and those that do not exist.
func TestEachServerIsInOneShardOfASetThatDivides(t *testing.T) {
	for _, set := range [][]string{
		{""},
		{"shard=east", "shard!=east"},
		{"shard=east", "shard=west", "shard notin (east, west)"},
		{"shard", "!shard"},
	} {
		for _, name := range []string{"plain", "east", "west", "empty", "gone"} {
			n := 0
			for _, selector := range set {
				if parse(t, selector).Among(servers)(name) {
					n++
				}
			}
			NewWithT(t).Expect(n).To(Equal(1), "%s, of %v", name, set)
		}
	}
}

func TestTheZeroValueIsEverything(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Shard{}.Everything()).To(BeTrue())
	g.Expect(Shard{}.Has(nil)).To(BeTrue())
	g.Expect(Shard{}.Has(map[string]string{"shard": "east"})).To(BeTrue())
	g.Expect(Shard{}.Among(nil)("gone")).To(BeTrue())
	g.Expect(Shard{}.Moved(nil, map[string]string{"shard": "east"})).To(BeFalse())
}

func TestAServerMovesByTheLabelsThatTheSelectorLooksAt(t *testing.T) {
	g := NewWithT(t)
	s := parse(t, "shard=east")
	east, west := map[string]string{"shard": "east"}, map[string]string{"shard": "west"}
	g.Expect(s.Moved(nil, east)).To(BeTrue())
	g.Expect(s.Moved(east, west)).To(BeTrue())
	g.Expect(s.Moved(west, nil)).To(BeFalse())
	g.Expect(s.Moved(east, map[string]string{"shard": "east", "helm.sh/chart": "2"})).To(BeFalse(), "what an upgrade of a chart writes costs no probe")
}

func TestASelectorThatIsNoneIsRefused(t *testing.T) {
	for _, selector := range []string{"=east", "shard=east=west", "shard in east", "shard in (east", "east/west/shard=1", "-shard", "shard=ea st"} {
		_, err := Parse(selector)
		NewWithT(t).Expect(err).To(HaveOccurred(), selector)
	}
}
