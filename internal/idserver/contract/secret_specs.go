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
			s.Expect(s.Authenticate(s.T, c.cred.ClientID, old, c.want.Service)).To(BeFalse(), "%s: the old one does not", name)
			s.Expect(c.updateSecret(s.Context(), c.cred.Secret)).To(Succeed())
			s.Expect(c.accepted()).To(BeTrue(), "%s: repeated", name)
		}
	}},
	{"lets a former secret work beside the present one, until it is told the present one alone", all(clientChosen, severalSecrets), func(s scene) {
		for _, name := range []string{"service", "web", "hybrid"} {
			c := s.registered(name, s.kinds()[name])
			old := c.cred.Secret
			c.cred.Secret = idserver.DrawSecret()
			for range s.Server.Capabilities().SecretSlots + 1 { // repeated as often as it would take to push the old one out
				s.Expect(c.updateSecrets(s.Context(), c.cred.Secret, old)).To(Succeed(), name)
			}
			c.want.DisplayName += ", renamed"
			s.Expect(c.updateSecrets(s.Context(), c.cred.Secret, old)).To(Succeed(), name)
			c.expectFound()
			s.Expect(c.accepted()).To(BeTrue(), "%s: the new one works", name)
			s.Expect(s.Authenticate(s.T, c.cred.ClientID, old, c.want.Service)).To(BeTrue(), "%s: the old one goes on to work", name)
			s.Expect(c.updateSecret(s.Context(), c.cred.Secret)).To(Succeed(), name)
			c.expectFound()
			s.Expect(c.accepted()).To(BeTrue(), "%s: the new one stays", name)
			s.Expect(s.Authenticate(s.T, c.cred.ClientID, old, c.want.Service)).To(BeFalse(), "%s: the old one is forgotten", name)
		}
	}},
	{"takes one more secret back with all others", all(clientChosen, severalSecrets), func(s scene) {
		c := s.registered("revoked", s.kinds()["service"])
		first, second := c.cred.Secret, idserver.DrawSecret()
		s.Expect(c.updateSecrets(s.Context(), second, first)).To(Succeed())
		c.cred.Secret = idserver.DrawSecret()
		s.Expect(c.updateSecret(s.Context(), c.cred.Secret)).To(Succeed())
		s.Expect(c.accepted()).To(BeTrue())
		for _, former := range []idserver.Secret{first, second} {
			s.Expect(s.Authenticate(s.T, c.cred.ClientID, former, true)).To(BeFalse())
		}
	}},
	{"forgets all secrets of a client that becomes public", all(clientChosen, severalSecrets), func(s scene) {
		c := s.registered("flipping", s.kinds()["web"])
		first, second := c.cred.Secret, idserver.DrawSecret()
		s.Expect(c.updateSecrets(s.Context(), second, first)).To(Succeed())
		confidential := c.want
		c.want.Public = true
		s.Expect(c.update(s.Context())).To(Succeed())
		c.expectFound()
		c.want, c.cred.Secret = confidential, idserver.DrawSecret()
		s.Expect(c.updateSecret(s.Context(), c.cred.Secret)).To(Succeed())
		s.Expect(c.accepted()).To(BeTrue(), "confidential again, with another secret")
		for _, former := range []idserver.Secret{first, second} {
			s.Expect(s.Authenticate(s.T, c.cred.ClientID, former, false)).To(BeFalse())
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

func severalSecrets(h Harness) string {
	return missingIf(h.Server.Capabilities().SecretSlots < 2, "more than one secret at a time")
}
