package contract

import (
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var updateSpecs = []spec{
	{"takes a client that the server refuses for disabled, also without its token", replacing, func(s scene) {
		for _, name := range []string{"service", "web", "spa", "hybrid"} {
			c := s.registered(name, s.kinds()[name])
			stale := c.have
			s.Expect(c.update(s.Context())).To(Succeed())
			s.Expect(c.cred.Control).NotTo(Equal(stale.Credential.Control), "%s: this server replaces tokens", name)
			disabled := c.want
			disabled.Enabled = false
			_, err := s.Server.Update(s.Context(), stale, disabled, "")
			s.Expect(err).To(MatchError(idserver.ErrControlLost), "%s: it is not disabled", name)
			c.want = disabled
			s.Expect(c.update(s.Context())).To(Succeed())
			reply, err := s.Server.Update(s.Context(), stale, disabled, "")
			s.Expect(err).NotTo(HaveOccurred(), "%s: it is disabled", name)
			s.Expect(reply.Registration.Enabled).To(BeFalse())
			s.Expect(c.remove(s.Context())).To(Succeed(), name)
		}
	}},
	{"changes every field, and back", nil, func(s scene) {
		for name, want := range s.kinds() {
			c := s.registered(name, want)
			for field, change := range changesOf(s, want) {
				c.want = want
				change(&c.want)
				s.Expect(c.update(s.Context())).To(Succeed(), "%s: %s", name, field)
				s.Expect(c.want.Diff(c.have.Registration)).To(BeEmpty(), "%s: %s", name, field)
				c.expectFound()
				c.want = want
				s.Expect(c.update(s.Context())).To(Succeed(), "%s: %s back", name, field)
				c.expectFound()
			}
			if !want.Public {
				s.Expect(c.accepted()).To(BeTrue(), "%s: the secret stayed", name)
			}
		}
	}},
	{"writes nothing where nothing differs", chosenID, func(s scene) {
		for name, want := range s.kinds() {
			c := s.registered(name, want)
			c.expectFound()
			before := s.Requests(s.T)
			s.Expect(c.update(s.Context())).To(Succeed())
			s.Expect(s.Requests(s.T)).To(Equal(before), "%s: without a secret", name)
			if s.SecretUnreadable {
				continue
			}
			s.Expect(c.updateSecret(s.Context(), c.drawn())).To(Succeed())
			s.Expect(s.Requests(s.T)).To(Equal(before), "%s: with the secret that is stored", name)
		}
	}},
	{"changes between kinds", clientChosen, func(s scene) {
		kinds := s.kinds()
		c := s.registered("changing", kinds["service"])
		for _, name := range []string{"hybrid", "web", "service", "web", "hybrid", "service"} {
			c.want = kinds[name]
			s.Expect(c.update(s.Context())).To(Succeed(), name)
			c.expectFound()
			s.Expect(c.accepted()).To(BeTrue(), name)
		}
	}},
	{"keeps what others set", all(editing, keeping), func(s scene) {
		c := s.registered("shared", s.kinds()["service"])
		unmanaged := "https://example.com/by-hand"
		s.Edit(s.T, c.cred.ClientID, Edit{Unmanaged: &unmanaged})
		s.Expect(c.find(s.Context())).To(Succeed())
		c.want.DisplayName = "Renamed"
		s.Expect(c.update(s.Context())).To(Succeed())
		seen, _ := s.Look(s.T, c.cred.ClientID)
		s.Expect(seen.Unmanaged).To(Equal(unmanaged))
		s.Expect(seen.DisplayName).To(Equal("Renamed"))
	}},
	{"shows what others changed, and repairs it", editing, func(s scene) {
		c := s.registered("drifting", s.kinds()["service"])
		name, disabled := "By hand", false
		s.Edit(s.T, c.cred.ClientID, Edit{DisplayName: &name, Enabled: &disabled})
		s.Expect(c.find(s.Context())).To(Succeed())
		s.Expect(c.want.Diff(c.have.Registration)).To(ConsistOf("displayName", "enabled"))
		s.Expect(c.update(s.Context())).To(Succeed())
		c.expectFound()
		s.Expect(c.accepted()).To(BeTrue())
	}},
	{"disables and enables without losing the secret", nil, func(s scene) {
		for _, name := range []string{"service", "web", "hybrid"} {
			c := s.registered(name, s.kinds()[name])
			c.want.Enabled = false
			s.Expect(c.update(s.Context())).To(Succeed())
			c.expectFound()
			s.Expect(c.accepted()).To(BeFalse(), name)
			c.want.Enabled = true
			s.Expect(c.update(s.Context())).To(Succeed())
			s.Expect(c.accepted()).To(BeTrue(), name)
		}
	}},
	{"knows when the registration to update is gone", lookup, func(s scene) {
		c := s.registered("gone", s.kinds()["service"])
		s.Remove(s.T, c.cred.ClientID)
		c.want.DisplayName = "Renamed"
		s.Expect(c.update(s.Context())).To(MatchError(idserver.ErrNotFound))
		s.Expect(c.exists()).To(BeFalse())
	}},
}

// changesOf are changes of single fields that suit the registration.
func changesOf(s scene, of idserver.Registration) map[string]func(*idserver.Registration) {
	changes := map[string]func(*idserver.Registration){
		"displayName": func(r *idserver.Registration) { r.DisplayName = "Zweiter Name ß 'quoted'" },
		"enabled":     func(r *idserver.Registration) { r.Enabled = false },
		"scopes":      func(r *idserver.Registration) { r.Scopes = []string{"update"} },
	}
	if !s.DefaultScopes {
		changes["no scopes"] = func(r *idserver.Registration) { r.Scopes = nil }
	}
	if of.Interactive() {
		changes["redirectUris"] = func(r *idserver.Registration) {
			r.RedirectURIs = []string{"https://shop.example.com/other", "https://another.example.com/cb"}
		}
		changes["postLogoutRedirectUris"] = func(r *idserver.Registration) { r.PostLogoutRedirectURIs = nil }
	}
	if of.Interactive() && s.Server.Capabilities().UserGroups {
		changes["users"] = func(r *idserver.Registration) { r.InternalUsers, r.CommunityUsers = true, !r.CommunityUsers }
	}
	if of.Service && s.Server.Capabilities().SystemUsers {
		changes["systemUser"] = func(r *idserver.Registration) { r.SystemUser = s.SystemUsers[1] }
	}
	return changes
}
