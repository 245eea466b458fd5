package contract

import (
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var registrationSpecs = []spec{
	{"creates each kind as wanted", nil, func(s scene) {
		for name, want := range s.kinds() {
			c := s.registered(name, want)
			s.Expect(want.Diff(c.have.Registration)).To(BeEmpty(), "%s: the reply tells what was registered: %+v", name, c.have.Registration)
			s.Expect(c.have.HasSecret).To(Equal(!want.Public), name)
			s.Expect(c.cred.ClientID).NotTo(BeEmpty())
			s.Expect(c.cred.Handle).NotTo(BeEmpty())
			seen, ok := s.Look(s.T, c.cred.ClientID)
			s.Expect(ok).To(BeTrue(), name)
			s.Expect(seen.Public).To(Equal(want.Public), name)
			s.Expect(seen.HasSecret).To(Equal(!want.Public), name)
			if !want.Public {
				s.Expect(c.accepted()).To(BeTrue(), "%s: the credential works", name)
				s.Expect(s.Authenticate(s.T, c.cred.ClientID, idserver.DrawSecret(), want.Service)).To(BeFalse(), "%s: no other does", name)
			}
			c.expectFound()
			s.Expect(c.have.HasSecret).To(Equal(!want.Public), name)
		}
	}},
	{"lets a service act as an administrator only where that is allowed", administrators, func(s scene) {
		want := s.kinds()["service"]
		want.SystemUser = s.AdminUser
		c := s.newClient("powerful", want)
		refused := func(err error) {
			s.Helper()
			s.Expect(err).To(MatchError(idserver.ErrRejected))
			s.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonAdministrator))
		}
		refused(c.create(s.Context()))
		s.Expect(c.exists()).To(BeFalse())
		c.want.AdminUser = true
		s.Expect(c.create(s.Context())).To(Succeed())
		c.expectFound()
		s.Expect(c.accepted()).To(BeTrue())

		c.want.AdminUser = false
		s.Expect(c.want.Diff(c.have.Registration)).To(ConsistOf("systemUser"), "a sweep sees it")
		refused(c.update(s.Context()))
		refused(c.updateSecret(s.Context(), idserver.DrawSecret()))
		s.Expect(c.accepted()).To(BeTrue(), "nothing was changed")
		c.want.Enabled = false
		s.Expect(c.update(s.Context())).To(Succeed(), "the kill switch is not held up")
		c.expectFound()
		s.Expect(c.accepted()).To(BeFalse())

		harmless := s.registered("harmless", s.kinds()["service"])
		harmless.want.SystemUser = s.AdminUser
		refused(harmless.update(s.Context()))
		harmless.want = s.kinds()["service"]
		harmless.expectFound()
	}},
	{"creates with exactly the chosen id and mark", all(chosenID, lookup), func(s scene) {
		for name, want := range s.kinds() {
			c := s.registered(name, want)
			s.Expect(c.have.Credential.ClientID).To(Equal(c.key.ClientID))
			s.Expect(c.have.Owner).To(Equal(c.key.Owner), name)
			c.expectFound()
			s.Expect(c.have.Owner).To(Equal(c.key.Owner), name)
			s.Expect(c.have.ForeignOwner).To(BeEmpty())
		}
	}},
	{"takes client ids with characters that need quoting", all(chosenID, lookup), func(s scene) {
		for _, name := range []string{"it's", "a b&c=d%2F+#?", "'' or 1 eq 1", "ünï"} {
			c, id := s.newClient("quoted", s.kinds()["service"]), s.Prefix+name
			c.key.ClientID, c.cred.ClientID = id, id
			s.Expect(c.find(s.Context())).To(MatchError(idserver.ErrNotFound), id)
			s.Expect(c.create(s.Context())).To(Succeed(), id)
			c.expectFound()
			s.Expect(c.accepted()).To(BeTrue(), id)
			s.Expect(c.remove(s.Context())).To(Succeed(), id)
			s.Expect(c.exists()).To(BeFalse(), id)
		}
	}},
	{"proves absence", lookup, func(s scene) {
		s.registered("present", s.kinds()["service"])
		s.Expect(s.newClient("absent", idserver.Registration{}).find(s.Context())).To(MatchError(idserver.ErrNotFound))
		s.Expect(s.newClient("presen", idserver.Registration{}).find(s.Context())).To(MatchError(idserver.ErrNotFound))
	}},
	{"tells client ids apart by case", all(chosenID, lookup), func(s scene) {
		upper := s.registered("CASED", s.kinds()["service"])
		lower := s.newClient("cased", s.kinds()["service"])
		s.Expect(lower.find(s.Context())).To(MatchError(idserver.ErrNotFound))
		s.Expect(lower.remove(s.Context())).To(Succeed())
		if err := lower.create(s.Context()); err != nil { // a server that takes both for the same
			s.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonTaken), "%v", err)
		} else {
			s.Expect(lower.remove(s.Context())).To(Succeed())
		}
		upper.expectFound()
		s.Expect(upper.accepted()).To(BeTrue())
	}},
	{"never takes a client id that is taken", chosenID, func(s scene) {
		first := s.registered("twice", s.kinds()["service"])
		second := s.newClient("twice", s.kinds()["web"])
		err := second.create(s.Context())
		s.Expect(err).To(MatchError(idserver.ErrRejected))
		s.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonTaken))
		first.expectFound()
		s.Expect(first.accepted()).To(BeTrue(), "the first is untouched")
	}},
	{"touches nothing without its mark", all(chosenID, lookup, planting), func(s scene) {
		for name, foreign := range map[string]bool{"unmarked": false, "foreign": true} {
			c := s.newClient(name, s.kinds()["service"])
			s.Plant(s.T, c.key.ClientID, foreign)
			before, _ := s.Look(s.T, c.key.ClientID)
			s.Expect(c.find(s.Context())).To(Succeed())
			s.Expect(c.have.Owner).To(BeZero(), name)
			told := c.have.ForeignOwner != ""
			s.Expect(told).To(Equal(foreign), name)
			writes := s.Requests(s.T).Writes
			s.Expect(c.update(s.Context())).To(MatchError(idserver.ErrRejected), name)
			s.Expect(c.updateSecret(s.Context(), idserver.DrawSecret())).To(MatchError(idserver.ErrRejected), name)
			s.Expect(c.remove(s.Context())).To(MatchError(idserver.ErrRejected), name)
			s.Expect(s.Requests(s.T).Writes).To(Equal(writes), "%s: no write was even tried", name)
			err := c.create(s.Context())
			s.Expect(err).To(MatchError(idserver.ErrRejected), name)
			s.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonTaken), name)
			after, _ := s.Look(s.T, c.key.ClientID)
			s.Expect(after).To(Equal(before), name)
		}
	}},
}
