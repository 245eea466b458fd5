package contract

import (
	"context"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

// cluster is the mark of the cluster that the specs play in.
const cluster = "0b5a6bd0-5f6e-4a52-8d0a-2f6d1e7c9a11"

// client is one application and what is known of it, as a caller of a backend would keep it.
type client struct {
	scene
	key  idserver.Key
	want idserver.Registration
	cred idserver.Credential
	have idserver.Reply
}

// kinds of applications, by name: all that the operator registers.
func (s scene) kinds() map[string]idserver.Registration {
	service := idserver.Registration{
		DisplayName: "Order sync", Enabled: true, Service: true, SystemUser: s.SystemUsers[0], Scopes: []string{"read", "update"},
	}
	web := idserver.Registration{
		DisplayName: "Web shop", Enabled: true, InternalUsers: true, CommunityUsers: true, Scopes: []string{"read"},
		RedirectURIs:           []string{"https://shop.example.com/cb", "https://shop.example.com/cb?x=1"},
		PostLogoutRedirectURIs: []string{"https://shop.example.com/"},
	}
	spa := idserver.Registration{
		DisplayName: "Board", Enabled: true, Public: true, InternalUsers: true, Scopes: []string{"read"},
		RedirectURIs: []string{"https://board.example.com/cb"},
	}
	hybrid := web
	hybrid.DisplayName, hybrid.Service, hybrid.SystemUser = "Portal", true, s.SystemUsers[0]
	kinds := map[string]idserver.Registration{"service": service, "web": web, "spa": spa, "hybrid": hybrid}
	for name, r := range kinds {
		kinds[name] = s.Server.Capabilities().Reduce(r)
	}
	return kinds
}

func mark(name string) idserver.Mark {
	return idserver.Mark{Cluster: cluster, Namespace: "team", Name: name, UID: "uid-of-" + name}
}

// newClient names a client that is not registered yet.
func (s scene) newClient(name string, want idserver.Registration) *client {
	key := idserver.Key{ClientID: s.Prefix + name, Owner: mark(name)}
	return &client{scene: s, key: key, want: want, cred: idserver.Credential{ClientID: key.ClientID}}
}

// registered is a client that is.
func (s scene) registered(name string, want idserver.Registration) *client {
	c := s.newClient(name, want)
	s.Expect(c.create(s.Context())).To(Succeed(), "creating %s", name)
	return c
}

// drawn is the secret to send: none where the client is public or the server issues secrets.
func (c *client) drawn() idserver.Secret {
	if c.want.Secretless() || c.Server.Capabilities().SecretOrigin == idserver.ServerIssued {
		return ""
	}
	if c.cred.Secret == "" {
		c.cred.Secret = idserver.DrawSecret()
	}
	return c.cred.Secret
}

// keep stores what a reply brought, as a ledger would.
func (c *client) keep(r idserver.Reply) {
	c.have = r
	c.cred.Handle, c.cred.ClientID = r.Credential.Handle, r.Credential.ClientID
	if r.Credential.Secret != "" {
		c.cred.Secret = r.Credential.Secret
	}
	if r.Credential.Control != "" {
		c.cred.Control = r.Credential.Control
	}
	c.have.Credential = c.cred
}

func (c *client) create(ctx context.Context) error {
	reply, err := c.Server.Create(ctx, c.key, c.want, c.drawn())
	if err == nil {
		c.keep(reply)
	}
	return err
}

func (c *client) find(ctx context.Context) error {
	reply, err := c.Server.Find(ctx, c.key, c.cred)
	if err == nil {
		c.keep(reply)
	}
	return err
}

// update brings the server to want; the secret stays.
func (c *client) update(ctx context.Context) error { return c.updateSecret(ctx, "") }

// updateSecret makes a secret the only one.
func (c *client) updateSecret(ctx context.Context, secret idserver.Secret) error {
	return c.updateSecrets(ctx, secret, "")
}

// updateSecrets lets former work beside the secret, where that can be.
func (c *client) updateSecrets(ctx context.Context, secret, former idserver.Secret) error {
	have := c.have
	if c.Server.Capabilities().SecretOrigin == idserver.ClientChosen {
		have.Credential.Secret = former
	}
	reply, err := c.Server.Update(ctx, have, c.want, secret)
	if err == nil {
		c.keep(reply)
	}
	return err
}

func (c *client) remove(ctx context.Context) error { return c.Server.Delete(ctx, c.cred) }

// expectFound asks the server again, and compares with what is wanted.
func (c *client) expectFound() {
	c.Helper()
	c.Expect(c.find(c.Context())).To(Succeed())
	c.Expect(c.want.Diff(c.have.Registration)).To(BeEmpty(), "found %+v", c.have.Registration)
}

// accepted says whether the server takes the client's present secret.
func (c *client) accepted() bool {
	return c.Authenticate(c.T, c.cred.ClientID, c.cred.Secret, c.want.Service)
}

func (c *client) exists() bool {
	_, ok := c.Look(c.T, c.cred.ClientID)
	return ok
}
