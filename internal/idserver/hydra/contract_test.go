package hydra_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/internal/idserver/hydra"
	"trustedapps.dev/operator/test/identityservers"
)

// server is the Hydra that all tests of this package share, and rotating one that keeps former secrets.
var (
	server   *identityservers.Hydra
	rotating *identityservers.RotatingHydra
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	var err error
	if server, err = identityservers.StartHydra(context.Background(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	if rotating, err = identityservers.StartRotatingHydra(context.Background(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := rotating.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	return m.Run()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	pageSize = 3
	prefix   = "com.example.contract."
)

func TestContract(t *testing.T) {
	contract.Suite(t, contract.Subject{Name: "Ory Hydra", Version: identityservers.HydraVersion}, func(t *testing.T) contract.Harness {
		t.Helper()
		return harness(t, at{server.AdminURL, server.PublicURL, server.CA})
	})
}

func TestContractWithFormerSecrets(t *testing.T) {
	subject := contract.Subject{Name: "Ory Hydra with former secrets (emulated)", Version: identityservers.HydraVersion}
	contract.Suite(t, subject, func(t *testing.T) contract.Harness {
		t.Helper()
		h := harness(t, at{rotating.AdminURL, rotating.PublicURL, rotating.CA})
		if h.Server.Capabilities().SecretSlots < 2 {
			t.Fatal("that it keeps former secrets was not found out")
		}
		return h
	})
}

// at is where a server is.
type at struct {
	AdminURL, PublicURL string
	CA                  []byte
}

// harness removes all clients, and shows the server from both sides.
func harness(t *testing.T, server at) contract.Harness {
	t.Helper()
	clients := contract.Clients{URL: server.AdminURL + "/admin/clients", JSONPatch: true, NoGrant: []string{"urn:trustedapps.dev:disabled"}}
	for {
		var all []struct {
			ID string `json:"client_id"`
		}
		clients.Ask(t, http.MethodGet, "?page_size=500", nil, &all)
		if len(all) == 0 {
			break
		}
		for _, c := range all {
			clients.Remove(t, c.ID)
		}
	}
	wire := &contract.Wire{Target: target}
	s, err := hydra.New(hydra.Config{AdminURL: server.AdminURL, PublicURL: server.PublicURL, CABundle: server.CA, WrapTransport: wire.Around})
	must(t, err)
	info, err := s.Probe(t.Context())
	must(t, err)
	return contract.Harness{
		Server: hydra.Paged(s, pageSize), Prefix: prefix, PageSize: pageSize, Locking: true, SecretUnreadable: true, DefaultScopes: true, Stateless: true,
		Break: wire.Break, Requests: wire.Requests,
		Kinds: []contract.FaultKind{
			contract.Unreachable, contract.CutBefore, contract.AnswerLost, contract.Hang, contract.Status401, contract.Status403,
			contract.Status404, contract.Status429, contract.Status500, contract.Status503, contract.Truncated, contract.HTML,
			contract.OtherJSON, contract.Huge, contract.Endless, contract.Nested, contract.Redirected,
		},
		Authenticate: func(t *testing.T, clientID string, secret idserver.Secret, service bool) bool {
			t.Helper()
			return contract.Authenticate(t, server.CA, server.PublicURL+"/oauth2/token", clientID, secret, service)
		},
		KeyAlgorithm: info.KeyAlgorithm,
		AuthenticateKey: func(t *testing.T, cred idserver.Credential, service bool) bool {
			t.Helper()
			return contract.AuthenticateKey(t, server.CA, server.PublicURL+"/oauth2/token", cred, service)
		},
		Look: clients.Look, Edit: clients.Edit, Remove: clients.Remove,
		Plant: func(t *testing.T, clientID string, foreign bool) {
			t.Helper()
			body := map[string]any{"client_id": clientID, "client_name": "By hand", "grant_types": []string{"client_credentials"}, "scope": "read"}
			if foreign {
				body["owner"] = "another-controller/17"
			}
			clients.Ask(t, http.MethodPost, "", body, nil)
		},
	}
}

func target(r *http.Request) (contract.Target, bool) {
	switch {
	case r.URL.Path == "/oauth2/token":
		return contract.Tokens, true
	case !strings.HasPrefix(r.URL.Path, "/admin/clients"):
		return 0, false
	case r.Method == http.MethodGet:
		return contract.Reads, true
	}
	return contract.Writes, true
}
