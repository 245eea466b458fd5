package hydra_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/internal/idserver/hydra"
	"trustedapps.dev/operator/test/identityservers"
)

// server is the Hydra that all tests of this package share.
var server *identityservers.Hydra

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
	contract.Suite(t, contract.Subject{Name: "Ory Hydra", Version: identityservers.HydraVersion}, harness)
}

// harness removes all clients, and shows the server from both sides.
func harness(t *testing.T) contract.Harness {
	t.Helper()
	for {
		var all []struct {
			ID string `json:"client_id"`
		}
		admin(t, http.MethodGet, "?page_size=500", nil, &all)
		if len(all) == 0 {
			break
		}
		for _, c := range all {
			admin(t, http.MethodDelete, "/"+url.PathEscape(c.ID), nil, nil)
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
		Look: look,
		Edit: edit,
		Remove: func(t *testing.T, clientID string) {
			t.Helper()
			admin(t, http.MethodDelete, "/"+url.PathEscape(clientID), nil, nil)
		},
		Plant: func(t *testing.T, clientID string, foreign bool) {
			t.Helper()
			body := map[string]any{"client_id": clientID, "client_name": "By hand", "grant_types": []string{"client_credentials"}, "scope": "read"}
			if foreign {
				body["owner"] = "another-controller/17"
			}
			admin(t, http.MethodPost, "", body, nil)
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

// admin asks the admin API behind the backend's back, and returns the status.
func admin(t *testing.T, method, path string, body, told any) int {
	t.Helper()
	var content bytes.Buffer
	if body != nil {
		must(t, json.NewEncoder(&content).Encode(body))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, server.AdminURL+"/admin/clients"+path, &content)
	must(t, err)
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 && response.StatusCode != http.StatusNotFound {
		t.Fatalf("%s %s: HTTP %d", method, path, response.StatusCode)
	}
	if told != nil && response.StatusCode < 300 {
		must(t, json.NewDecoder(response.Body).Decode(told))
	}
	return response.StatusCode
}

func look(t *testing.T, clientID string) (contract.Seen, bool) {
	t.Helper()
	var c struct {
		Name   string   `json:"client_name"`
		Grants []string `json:"grant_types"`
		Method string   `json:"token_endpoint_auth_method"`
		URI    string   `json:"client_uri"`
	}
	if admin(t, http.MethodGet, "/"+url.PathEscape(clientID), nil, &c) == http.StatusNotFound {
		return contract.Seen{}, false
	}
	public := c.Method == "none"
	return contract.Seen{
		DisplayName: c.Name, Enabled: len(c.Grants) > 0 && !strings.HasPrefix(c.Grants[0], "urn:trustedapps"), Public: public, HasSecret: !public && c.Method != "private_key_jwt", Unmanaged: c.URI,
	}, true
}

func edit(t *testing.T, clientID string, change contract.Edit) {
	t.Helper()
	var patch []map[string]any
	add := func(path string, value any) {
		patch = append(patch, map[string]any{"op": "add", "path": path, "value": value})
	}
	if change.DisplayName != nil {
		add("/client_name", *change.DisplayName)
	}
	if change.Enabled != nil && !*change.Enabled {
		add("/grant_types", []string{"urn:trustedapps.dev:disabled"})
	}
	if change.Keys != nil {
		add("/jwks", idserver.NewKeySet(*change.Keys))
	}
	if change.Unmanaged != nil {
		add("/client_uri", *change.Unmanaged)
	}
	admin(t, http.MethodPatch, "/"+url.PathEscape(clientID), patch, nil)
}
