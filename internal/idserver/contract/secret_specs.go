package contract

import (
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var secretSpecs = []spec{
	{"replaces the secret that it is given, and keeps it otherwise", clientChosen, func(s scene) {
		for _, name := range []string{"service", "web", "hybrid"} {
			c := s.registered(name, s.kinds()[name])
			old := c.cred.Secret
			s.Expect(c.update(s.Context())).To(Succeed())
			s.Expect(c.accepted()).To(BeTrue(), "%s: kept", name)
			c.cred.Secret = idserver.DrawSecret()
			s.Expect(c.updateSecret(s.Context(), c.cred.Secret)).To(Succeed())
			s.Expect(c.accepted()).To(BeTrue(), "%s: the new one works", name)
			if s.Server.Capabilities().SecretSlots == 1 {
				s.Expect(s.Authenticate(s.T, c.cred.ClientID, old, c.want.Service)).To(BeFalse(), "%s: the old one does not", name)
			}
			s.Expect(c.updateSecret(s.Context(), c.cred.Secret)).To(Succeed())
			s.Expect(c.accepted()).To(BeTrue(), "%s: repeated", name)
		}
	}},
	{"makes the secret of a client that becomes public worthless", nil, func(s scene) {
		c := s.registered("flipping", s.kinds()["web"])
		confidential := c.want
		c.want.Public = true
		s.Expect(c.update(s.Context())).To(Succeed())
		c.expectFound()
		s.Expect(c.have.HasSecret).To(BeFalse())
		s.Expect(c.accepted()).To(BeFalse(), "the old secret is refused")
		seen, _ := s.Look(s.T, c.cred.ClientID)
		s.Expect(seen.HasSecret).To(BeFalse())
		if s.Server.Capabilities().SecretOrigin != idserver.ClientChosen {
			return
		}
		old := c.cred.Secret
		c.want, c.cred.Secret = confidential, idserver.DrawSecret()
		s.Expect(c.updateSecret(s.Context(), c.cred.Secret)).To(Succeed())
		s.Expect(c.accepted()).To(BeTrue(), "confidential again, with another secret")
		s.Expect(s.Authenticate(s.T, c.cred.ClientID, old, false)).To(BeFalse())
	}},
}
