package contract

import (
	"slices"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var keySpecs = []spec{
	{"registers the public key of a client that signs assertions", keys, func(s scene) {
		for _, name := range []string{"service", "web", "hybrid"} {
			c := s.keyed(name)
			s.Expect(c.want.Diff(c.have.Registration)).To(BeEmpty(), "%s: the reply tells what was registered: %+v", name, c.have.Registration)
			s.Expect(c.have.HasSecret).To(BeFalse(), name)
			s.Expect(c.cred.Secret).To(BeEmpty(), "%s: no secret is kept, whatever the server draws", name)
			s.Expect(c.signs(c.cred)).To(BeTrue(), "%s: the key works", name)
			s.Expect(c.verdict().OK).To(BeTrue(), name)
			other := c.cred
			other.Key, other.PublicKey = s.drawKey()
			s.Expect(c.signs(other)).To(BeFalse(), "%s: no other does", name)
			c.expectFound()
			s.Expect(c.have.HasSecret).To(BeFalse(), name)
			seen, _ := s.Look(s.T, c.cred.ClientID)
			s.Expect(seen.HasSecret).To(BeFalse(), name)
		}
	}},
	{"lets two keys of a client work at the same time", keys, func(s scene) {
		for _, name := range []string{"service", "web", "hybrid"} {
			c := s.keyed(name)
			old := c.cred
			c.cred.Key, c.cred.PublicKey = s.drawKey()
			c.want.Keys = []string{c.cred.PublicKey, old.PublicKey}
			s.Expect(c.update(s.Context())).To(Succeed(), name)
			c.expectFound()
			s.Expect(c.signs(old)).To(BeTrue(), "%s: the old one goes on to work", name)
			s.Expect(c.signs(c.cred)).To(BeTrue(), "%s: the new one works", name)
			c.want.Keys = []string{c.cred.PublicKey}
			s.Expect(c.update(s.Context())).To(Succeed(), name)
			c.expectFound()
			s.Expect(c.signs(old)).To(BeFalse(), "%s: the old one is forgotten", name)
			s.Expect(c.signs(c.cred)).To(BeTrue(), "%s: the new one stays", name)
		}
	}},
	{"refuses a wrong key", keys, func(s scene) {
		c := s.keyed("service")
		right := c.cred
		c.cred.Key, c.cred.PublicKey = s.drawKey()
		c.expectRefused("another key")
		c.cred = right
		c.cred.ClientID = s.Prefix + "unknown"
		c.expectRefused("an unknown client")
		c.cred, c.want.Enabled = right, false
		s.Expect(c.update(s.Context())).To(Succeed())
		c.expectRefused("disabled")
	}},
	{"ends the secret of a client that gets a key, and the key of one that gets a secret", all(keys, clientChosen), func(s scene) {
		c := s.registered("changing", s.kinds()["service"])
		withSecret, secret := c.want, c.cred.Secret
		c.cred.Key, c.cred.PublicKey = s.drawKey()
		c.want.PrivateKey, c.want.Keys = true, []string{c.cred.PublicKey}
		s.Expect(c.update(s.Context())).To(Succeed())
		c.expectFound()
		s.Expect(c.signs(c.cred)).To(BeTrue())
		s.Expect(s.Authenticate(s.T, c.cred.ClientID, secret, true)).To(BeFalse(), "the secret")
		key := c.cred
		c.want, c.cred.Key, c.cred.PublicKey, c.cred.Secret = withSecret, "", "", idserver.DrawSecret()
		s.Expect(c.updateSecret(s.Context(), c.cred.Secret)).To(Succeed())
		c.expectFound()
		s.Expect(c.accepted()).To(BeTrue())
		s.Expect(c.signs(key)).To(BeFalse(), "the key")
	}},
	{"tells of a key that somebody added", all(keys, lookup, editing), func(s scene) {
		c := s.keyed("service")
		_, added := s.drawKey()
		both := []string{added, c.cred.PublicKey}
		s.Edit(s.T, c.cred.ClientID, Edit{Keys: &both})
		s.Expect(c.find(s.Context())).To(Succeed())
		unknown := c.want
		unknown.Keys = nil // as a sweep asks, which does not know them
		s.Expect(slices.Concat(unknown.Diff(c.have.Registration), c.want.Diff(c.have.Registration))).To(ContainElement("keys"))
		s.Expect(c.update(s.Context())).To(Succeed())
		c.expectFound()
		s.Expect(unknown.Diff(c.have.Registration)).To(BeEmpty())
	}},
}

func keys(h Harness) string { return missingIf(h.KeyAlgorithm == "", "clients that sign assertions") }

func (s scene) drawKey() (private idserver.Secret, public string) {
	s.Helper()
	private, public, err := idserver.DrawKey(s.KeyAlgorithm)
	s.Expect(err).NotTo(HaveOccurred())
	return private, public
}

// keyed is a registered client of the kind that has a key.
func (s scene) keyed(kind string) *client {
	s.Helper()
	c := s.newClient("keyed-"+kind, s.kinds()[kind])
	c.cred.Key, c.cred.PublicKey = s.drawKey()
	c.want.PrivateKey, c.want.Keys = true, []string{c.cred.PublicKey}
	s.Expect(c.create(s.Context())).To(Succeed(), "creating %s", kind)
	return c
}

// signs says whether the server takes what the key signs.
func (c *client) signs(cred idserver.Credential) bool {
	c.Helper()
	return c.AuthenticateKey(c.T, cred, c.want.Service)
}
