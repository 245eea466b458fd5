package execute

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/memory"
)

// planted is a server with one registration of an application with the name and the UID.
func planted(t *testing.T, g *WithT, name, uid string) (*memory.Server, idserver.Reply) {
	server := memory.NewClientChosen()
	server.AddByHand(memory.Stored{
		ClientID: "com.example." + name, Secret: "s", Registration: idserver.Registration{Enabled: true},
		Owner: idserver.Mark{Cluster: "c", Namespace: "shop", Name: name, UID: uid},
	})
	found, err := List(t.Context(), server, "c")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(HaveLen(1))
	return server, found[0]
}

func TestOrphansBelongToNobody(t *testing.T) {
	for name, c := range map[string]struct {
		known map[types.UID]bool
		lives types.UID
		want  []bool // whether each has a successor
	}{
		"its application is known":     {map[types.UID]bool{"u1": true}, "", nil},
		"the cache does not know it":   {nil, "u1", nil},
		"it is gone":                   {map[types.UID]bool{"u2": true}, "", []bool{false}},
		"it was made again":            {map[types.UID]bool{"u2": true}, "u2", []bool{true}},
		"the cache has the former one": {map[types.UID]bool{"u1": true}, "u2", nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, reply := planted(t, g, "orders", "u1")
			orphans, err := Orphans([]idserver.Reply{reply}, c.known, func(namespace, name string) (types.UID, error) {
				g.Expect(namespace + "/" + name).To(Equal("shop/orders"))
				return c.lives, nil
			})
			g.Expect(err).NotTo(HaveOccurred())
			var got []bool
			for _, o := range orphans {
				got = append(got, o.Successor)
			}
			g.Expect(got).To(Equal(c.want))
		})
	}
	g := NewWithT(t)
	_, reply := planted(t, g, "orders", "u1")
	_, err := Orphans([]idserver.Reply{reply}, nil, func(string, string) (types.UID, error) { return "", errors.New("away") })
	g.Expect(err).To(MatchError("away"))
}

func TestAnOrphanIsEndedOnlyAsItWasFound(t *testing.T) {
	other := idserver.Mark{Cluster: "c", Namespace: "shop", Name: "orders", UID: "u2"}
	for name, c := range map[string]struct {
		meanwhile       func(*memory.Server, idserver.Reply)
		wantDeleted     bool
		deleted, exists bool
		enabled         bool
		reason          string
	}{
		"deleted":  {func(*memory.Server, idserver.Reply) {}, true, true, false, false, ""},
		"disabled": {func(*memory.Server, idserver.Reply) {}, false, false, true, false, ""},
		"something refers to it": {func(s *memory.Server, r idserver.Reply) {
			s.EditByHand(r.Credential.ClientID, func(m *memory.Stored) { m.Referenced = true })
		}, true, false, true, false, ""},
		"gone already": {func(s *memory.Server, r idserver.Reply) { s.RemoveByHand(r.Credential.ClientID) }, true, true, false, false, ""},
		"taken over": {func(s *memory.Server, r idserver.Reply) {
			_, _ = s.Claim(t.Context(), r, other)
		}, true, false, true, true, idserver.ReasonConflict},
		"another one took the client id": {func(s *memory.Server, r idserver.Reply) {
			s.RemoveByHand(r.Credential.ClientID)
			s.AddByHand(memory.Stored{ClientID: r.Credential.ClientID, Owner: r.Owner, Registration: idserver.Registration{Enabled: true}})
		}, false, false, true, true, idserver.ReasonConflict},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			server, reply := planted(t, g, "orders", "u1")
			c.meanwhile(server, reply)
			deleted, err := EndOrphan(t.Context(), server, reply, c.wantDeleted)
			g.Expect(idserver.ReasonOf(err)).To(Equal(c.reason))
			g.Expect(deleted).To(Equal(c.deleted))
			left := server.Registrations()
			g.Expect(left).To(HaveLen(map[bool]int{true: 1}[c.exists]))
			if c.exists {
				g.Expect(left[0].Registration.Enabled).To(Equal(c.enabled))
			}
		})
	}
}
