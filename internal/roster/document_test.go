package roster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

const cluster = "c1"

var then = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

func surveyed() idserver.Surveyed {
	return idserver.Surveyed{
		Reply: idserver.Reply{
			Credential: idserver.Credential{Handle: "h1", ClientID: "com.example.orders/sync", Secret: "not-to-be-seen-1", Control: "not-to-be-seen-2"},
			Registration: idserver.Registration{
				DisplayName: "Orders", Enabled: true, Service: true, SystemUser: "svc.orders", Scopes: []string{"update", "read"}, Keys: []string{"not-to-be-seen-3"},
				Unwanted: []string{"grantTypes"},
			},
			HasSecret: true, Raw: map[string]string{"ApplicationSecretHash": "not-to-be-seen-4"},
		},
		Created: then,
	}
}

func TestAnEntryHoldsNothingSecret(t *testing.T) {
	g := NewWithT(t)
	written, err := json.Marshal(Of(surveyed(), cluster, nil))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(written)).NotTo(ContainSubstring("not-to-be-seen"))
	g.Expect(string(written)).To(MatchJSON(`{
		"clientId": "com.example.orders/sync", "displayName": "Orders", "enabled": true, "public": false, "internalUsers": false, "communityUsers": false,
		"service": true, "systemUser": "svc.orders", "scopes": ["read", "update"], "referenceTokens": "None", "beyond": ["grantTypes"], "hasSecret": true,
		"created": "2026-11-28T09:00:00Z"}`))
}

func TestWhoseARegistrationIs(t *testing.T) {
	g := NewWithT(t)
	mine := idserver.Mark{Cluster: cluster, Namespace: "shop", Name: "orders", UID: "u1"}
	lives := func(m idserver.Mark) bool { return m == mine }
	owner := func(m idserver.Mark, foreign string) *Owner {
		s := surveyed()
		s.Owner, s.ForeignOwner = m, foreign
		return Of(s, cluster, lives).Owner
	}
	g.Expect(owner(idserver.Mark{}, "")).To(BeNil())
	g.Expect(owner(mine, "")).To(Equal(&Owner{Namespace: "shop", Name: "orders", Lives: true}))
	gone := mine
	gone.UID = "u0"
	g.Expect(owner(gone, "")).To(Equal(&Owner{Namespace: "shop", Name: "orders"}))
	other := mine
	other.Cluster = "c2"
	g.Expect(owner(other, "")).To(Equal(&Owner{Elsewhere: true}), "what another cluster calls it is no business of this one")
	g.Expect(owner(idserver.Mark{}, "of another system")).To(Equal(&Owner{Elsewhere: true}))
}

func TestPagesAreFilledAndPutTogetherAgain(t *testing.T) {
	g := NewWithT(t)
	var entries []Entry
	for i := range 100 {
		e := Of(surveyed(), cluster, nil)
		e.ClientID = fmt.Sprintf("app-%03d", 99-i)
		entries = append(entries, e)
	}
	head := Document{Server: Server{Name: "acme", SystemUsers: true}, Time: then, Expires: then.Add(time.Hour)}
	pages, omitted, err := Paged(head, entries, 8_000, 16)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(omitted).To(BeZero())
	g.Expect(len(pages)).To(BeNumerically(">", 3))
	for _, p := range pages {
		g.Expect(len(p)).To(BeNumerically("<=", 8_000))
		g.Expect(bytes.Count(p, []byte("\n"))).To(BeNumerically(">", 10), "one registration a line")
	}
	pages[0], pages[2] = pages[2], pages[0]
	whole, err := Read(pages)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(whole.Server).To(Equal(head.Server))
	g.Expect(whole.Registrations).To(Equal(entries), "sorted by client id")

	_, err = Read(pages[1:])
	g.Expect(err).To(MatchError(ContainSubstring("but there are")), "a page is missing")
	_, err = Read([][]byte{[]byte("<html>")})
	g.Expect(err).To(HaveOccurred())
}

func TestWhatDoesNotFitIsCounted(t *testing.T) {
	g := NewWithT(t)
	huge := Entry{ClientID: "a-huge-one", Beyond: []string{strings.Repeat("x", 5_000)}}
	var entries []Entry
	for i := range 40 {
		entries = append(entries, Entry{ClientID: fmt.Sprintf("app-%03d", i)})
	}
	pages, omitted, err := Paged(Document{}, append(entries, huge), 2_000, 2)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(pages).To(HaveLen(2))
	whole, err := Read(pages)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(whole.Omitted).To(Equal(omitted))
	g.Expect(len(whole.Registrations) + omitted).To(Equal(41))
	g.Expect(omitted).To(BeNumerically(">", 1))
}

func TestAnEmptyListIsOnePage(t *testing.T) {
	g := NewWithT(t)
	pages, _, err := Paged(Document{Server: Server{Name: "acme"}}, nil, 2_000, 2)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(pages).To(HaveLen(1))
	whole, err := Read(pages)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(whole.Registrations).To(BeEmpty())
}
