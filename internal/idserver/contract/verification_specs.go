package contract

import (
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var verificationSpecs = []spec{
	{"accepts a right credential", nil, func(s scene) {
		for name, want := range s.kinds() {
			c := s.registered(name, want)
			s.Expect(c.verdict().OK).To(BeTrue(), name)
		}
	}},
	{"asks nothing about a public client", nil, func(s scene) {
		c := s.registered("public", s.kinds()["spa"])
		before := s.Requests(s.T)
		s.Expect(c.verdict().OK).To(BeTrue())
		s.Expect(s.Requests(s.T)).To(Equal(before))
	}},
	{"refuses a wrong one", nil, func(s scene) {
		for _, name := range []string{"service", "web", "hybrid"} {
			c := s.registered(name, s.kinds()[name])
			right := c.cred.Secret
			c.cred.Secret = idserver.DrawSecret()
			c.expectRefused("another secret")
			c.cred.Secret, c.cred.ClientID = right, s.Prefix+"unknown"
			c.expectRefused("an unknown client")
		}
	}},
	{"refuses a disabled or deleted client", nil, func(s scene) {
		for _, name := range []string{"service", "web", "hybrid"} {
			c := s.registered(name, s.kinds()[name])
			c.want.Enabled = false
			s.Expect(c.update(s.Context())).To(Succeed())
			c.expectRefused("disabled")
			s.Expect(c.remove(s.Context())).To(Succeed())
			c.expectRefused("deleted")
		}
	}},
}

func (c *client) verdict() idserver.Verdict {
	c.Helper()
	v, err := c.Server.Verify(c.Context(), c.cred, c.want)
	c.Expect(err).NotTo(HaveOccurred())
	return v
}

func (c *client) expectRefused(why string) {
	c.Helper()
	v := c.verdict()
	c.Expect(v.OK).To(BeFalse(), why)
	c.Expect(v.Code).To(MatchRegexp(`^[a-z_]{1,64}$`), why)
	c.Expect(v.String()).NotTo(ContainSubstring(c.cred.Proof().Reveal()), why)
}
