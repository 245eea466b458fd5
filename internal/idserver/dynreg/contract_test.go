package dynreg_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/internal/idserver/dynreg"
	"trustedapps.dev/operator/test/identityservers"
)

// The servers that all tests of this package share.
var (
	provider *identityservers.OIDCProvider
	hydra    *identityservers.Hydra
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	var err, problem error
	provider, err = identityservers.StartOIDCProvider(context.Background(), os.Stderr)
	hydra, problem = identityservers.StartHydra(context.Background(), os.Stderr)
	if err = errors.Join(err, problem); err == nil {
		code = m.Run()
	}
	if provider != nil {
		err = errors.Join(err, provider.Stop())
	}
	if hydra != nil {
		err = errors.Join(err, hydra.Stop())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// subject is a real server, and what is behind its back.
type subject struct {
	version  string
	config   dynreg.Config
	clients  contract.Clients
	token    string
	register string
}

func TestContract(t *testing.T) {
	for name, s := range map[string]subject{
		"oidc-provider": {
			version: identityservers.OIDCProviderVersion,
			config:  dynreg.Config{Issuer: provider.Issuer, InitialAccessToken: identityservers.InitialAccessToken, CABundle: provider.CA},
			clients: contract.Clients{URL: provider.Control + "/clients"}, token: "/token", register: "/reg",
		},
		"Ory Hydra, dynamic registration": {
			version: identityservers.HydraVersion,
			config:  dynreg.Config{Issuer: hydra.PublicURL, CABundle: hydra.CA},
			clients: contract.Clients{URL: hydra.AdminURL + "/admin/clients", JSONPatch: true}, token: "/oauth2/token", register: "/oauth2/register",
		},
	} {
		t.Run(name, func(t *testing.T) { contract.Suite(t, contract.Subject{Name: name, Version: s.version}, s.harness) })
	}
}

func (s subject) harness(t *testing.T) contract.Harness {
	t.Helper()
	wire := &contract.Wire{Target: s.target}
	config := s.config
	config.WrapTransport = wire.Around
	server, err := dynreg.New(config)
	must(t, err)
	info, err := server.Probe(t.Context())
	must(t, err)
	return contract.Harness{
		Server: server, Prefix: "com.example.contract.", DefaultScopes: true, Stateless: true, Replaces: true,
		Break: wire.Break, Requests: wire.Requests,
		Kinds: []contract.FaultKind{
			contract.Unreachable, contract.CutBefore, contract.AnswerLost, contract.Hang, contract.Status401, contract.Status403,
			contract.Status404, contract.Status429, contract.Status500, contract.Status503, contract.Truncated, contract.HTML,
			contract.OtherJSON, contract.Huge, contract.Endless, contract.Nested, contract.Redirected,
		},
		Authenticate: func(t *testing.T, clientID string, secret idserver.Secret, service bool) bool {
			t.Helper()
			return contract.Authenticate(t, config.CABundle, config.Issuer+s.token, clientID, secret, service)
		},
		KeyAlgorithm: info.KeyAlgorithm,
		AuthenticateKey: func(t *testing.T, cred idserver.Credential, service bool) bool {
			t.Helper()
			return contract.AuthenticateKey(t, config.CABundle, config.Issuer+s.token, cred, service)
		},
		Look: s.clients.Look, Edit: s.clients.Edit, Remove: s.clients.Remove,
	}
}

func (s subject) target(r *http.Request) (contract.Target, bool) {
	switch {
	case r.URL.Path == s.token:
		return contract.Tokens, true
	case !strings.HasPrefix(r.URL.Path, s.register):
		return 0, false
	case r.Method == http.MethodGet:
		return contract.Reads, true
	}
	return contract.Writes, true
}
