package contract

import (
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

// raceSpecs are about what somebody else does between a look and the write that builds on it.
var raceSpecs = []spec{
	{"survives an edit between reading and writing", all(editing, locking), func(s scene) {
		c := s.registered("raced", s.kinds()["service"])
		s.Expect(c.find(s.Context())).To(Succeed())
		name, unmanaged := "By hand", "https://example.com/by-hand"
		s.Edit(s.T, c.cred.ClientID, Edit{DisplayName: &name, Unmanaged: &unmanaged})
		c.want.Scopes = []string{"read"}
		s.expectOutrun(c, "")
		s.Expect(c.find(s.Context())).To(Succeed())
		s.Expect(c.update(s.Context())).To(Succeed(), "another look repairs")
		c.expectFound()
		seen, _ := s.Look(s.T, c.cred.ClientID)
		s.Expect(seen.Unmanaged).To(Equal(unmanaged))
	}},
	{"never updates over what another caller wrote since", all(locking, clientChosen), func(s scene) {
		first := s.registered("overtaken", s.kinds()["service"])
		first.expectFound()
		second := *first
		second.cred.Secret, second.want.Scopes = idserver.DrawSecret(), []string{"read"}
		s.Expect(second.updateSecret(s.Context(), second.cred.Secret)).To(Succeed())

		first.want.DisplayName = "Too late"
		s.expectOutrun(first, "")
		s.expectOutrun(first, idserver.DrawSecret())
		second.expectFound()
		s.Expect(second.accepted()).To(BeTrue(), "the secret of the one who was faster works")
	}},
	{"never creates where another caller did since", all(chosenID, lookup), func(s scene) {
		first, second := s.newClient("overtaken", s.kinds()["service"]), s.newClient("overtaken", s.kinds()["web"])
		s.Expect(first.find(s.Context())).To(MatchError(idserver.ErrNotFound))
		s.Expect(second.find(s.Context())).To(MatchError(idserver.ErrNotFound))
		s.Expect(second.create(s.Context())).To(Succeed())
		err := first.create(s.Context())
		s.Expect(err).To(MatchError(idserver.ErrRejected))
		s.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonTaken))
		second.expectFound()
		s.Expect(second.accepted()).To(BeTrue(), "the secret of the one who was faster works")
	}},
}

// expectOutrun wants an update refused, without effect, because somebody changed the registration since the client read it.
func (s scene) expectOutrun(c *client, secret idserver.Secret) {
	s.Helper()
	s.Expect(c.have.Version).NotTo(BeEmpty())
	before, _ := s.Look(s.T, c.cred.ClientID)
	writes := s.Requests(s.T).Writes
	err := c.updateSecret(s.Context(), secret)
	s.Expect(s.Requests(s.T).Writes).To(BeNumerically("<=", writes+1), "it does not try again by itself")
	s.Expect(err).To(MatchError(idserver.ErrRejected))
	s.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonConflict), "%v", err)
	after, _ := s.Look(s.T, c.cred.ClientID)
	s.Expect(after).To(Equal(before))
}
