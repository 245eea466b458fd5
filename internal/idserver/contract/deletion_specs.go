package contract

import (
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var deletionSpecs = []spec{
	{"deletes, also twice", nil, func(s scene) {
		for name, want := range s.kinds() {
			c := s.registered(name, want)
			s.Expect(c.remove(s.Context())).To(Succeed(), name)
			s.Expect(c.exists()).To(BeFalse(), name)
			s.Expect(c.remove(s.Context())).To(Succeed(), "%s: gone already", name)
			if !want.Public {
				s.Expect(c.accepted()).To(BeFalse(), name)
			}
		}
	}},
	{"never takes a token that was replaced for absence", replacing, func(s scene) {
		for _, name := range []string{"service", "web", "spa"} {
			c := s.registered(name, s.kinds()[name])
			stale := c.cred
			s.Expect(c.find(s.Context())).To(Succeed())
			s.Expect(c.update(s.Context())).To(Succeed())
			s.Expect(c.cred.Control).NotTo(Equal(stale.Control), "%s: this server replaces tokens", name)
			s.Expect(s.Server.Delete(s.Context(), stale)).To(MatchError(idserver.ErrControlLost), name)
			s.Expect(c.exists()).To(BeTrue(), name)
			s.Expect(c.remove(s.Context())).To(Succeed(), name)
		}
	}},
	{"deletes by client id alone", all(chosenID, lookup), func(s scene) {
		c := s.registered("handleless", s.kinds()["service"])
		c.cred.Handle = ""
		s.Expect(c.remove(s.Context())).To(Succeed())
		s.Expect(c.exists()).To(BeFalse())
	}},
	{"leaves a registration alone that took the client id afterwards", all(chosenID, lookup, planting), func(s scene) {
		c := s.registered("retaken", s.kinds()["service"])
		s.Remove(s.T, c.cred.ClientID)
		s.Plant(s.T, c.cred.ClientID, true)
		s.Expect(c.remove(s.Context())).To(Succeed(), "the one that is meant is gone")
		s.Expect(c.exists()).To(BeTrue())
	}},
	{"says when the server refuses to delete", referring, func(s scene) {
		c := s.registered("referred", s.kinds()["service"])
		s.Refer(s.T, c.cred.ClientID, true)
		err := c.remove(s.Context())
		s.Expect(err).To(MatchError(idserver.ErrRejected))
		s.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonReferenced))
		s.Expect(c.exists()).To(BeTrue())
		s.Refer(s.T, c.cred.ClientID, false)
		s.Expect(c.remove(s.Context())).To(Succeed())
		s.Expect(c.exists()).To(BeFalse())
	}},
}
