package contract

import (
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

// claimSpecs are about registrations that change hands.
var claimSpecs = []spec{
	{"claims a registration of nobody, and one of somebody else", planting, func(s scene) {
		for _, foreign := range []bool{false, true} {
			c := s.newClient(map[bool]string{true: "foreign", false: "unmarked"}[foreign], s.kinds()["service"])
			s.Plant(s.T, c.key.ClientID, foreign)
			s.Expect(c.find(s.Context())).To(Succeed())
			before := c.have.Registration
			s.Expect(c.update(s.Context())).To(MatchError(idserver.ErrRejected), "it is nobody's to change")
			got, err := s.Server.Claim(s.Context(), c.have, c.key.Owner)
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(got.Owner).To(Equal(c.key.Owner))
			s.Expect(got.ForeignOwner).To(BeEmpty())
			s.Expect(c.find(s.Context())).To(Succeed())
			s.Expect(c.have.Owner).To(Equal(c.key.Owner))
			s.Expect(before.Diff(c.have.Registration)).To(BeEmpty(), "nothing else changed")
			requests := s.Requests(s.T)
			_, err = s.Server.Claim(s.Context(), c.have, c.key.Owner)
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(s.Requests(s.T).Writes).To(Equal(requests.Writes), "it is claimed already")
			s.Expect(c.updateSecret(s.Context(), c.drawn())).To(Succeed(), "and changed like any other")
			s.Expect(c.accepted()).To(BeTrue())
		}
	}},
	{"hands a registration over", lookup, func(s scene) {
		c := s.registered("handed", s.kinds()["service"])
		s.Expect(c.find(s.Context())).To(Succeed())
		next := c.key.Owner
		next.UID = "another-uid"
		_, err := s.Server.Claim(s.Context(), c.have, next)
		s.Expect(err).NotTo(HaveOccurred())
		s.Expect(c.find(s.Context())).To(Succeed())
		s.Expect(c.have.Owner).To(Equal(next))
		s.Expect(c.accepted()).To(BeTrue())
	}},
	{"claims nothing that somebody changed since it was read", all(editing, locking), func(s scene) {
		c := s.registered("raced-for", s.kinds()["service"])
		s.Expect(c.find(s.Context())).To(Succeed())
		name := "By hand"
		s.Edit(s.T, c.cred.ClientID, Edit{DisplayName: &name})
		next := c.key.Owner
		next.UID = "another-uid"
		_, err := s.Server.Claim(s.Context(), c.have, next)
		s.Expect(err).To(MatchError(idserver.ErrRejected))
		s.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonConflict))
		s.Expect(c.find(s.Context())).To(Succeed())
		s.Expect(c.have.Owner).To(Equal(c.key.Owner))
	}},
	{"claims nothing that is not there", lookup, func(s scene) {
		c := s.registered("gone", s.kinds()["spa"])
		s.Expect(c.find(s.Context())).To(Succeed())
		s.Remove(s.T, c.cred.ClientID)
		_, err := s.Server.Claim(s.Context(), c.have, c.key.Owner)
		s.Expect(err).To(Or(Succeed(), MatchError(idserver.ErrNotFound)), "it is as it was read, or gone")
		next := c.key.Owner
		next.UID = "another-uid"
		_, err = s.Server.Claim(s.Context(), c.have, next)
		s.Expect(err).To(MatchError(idserver.ErrNotFound))
	}},
}
