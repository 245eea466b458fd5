package dynreg_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
	version string
	config  dynreg.Config
	// clients is where its clients are seen and edited by hand.
	clients  string
	token    string
	register string
}

func TestContract(t *testing.T) {
	for name, s := range map[string]subject{
		"oidc-provider": {
			version: identityservers.OIDCProviderVersion,
			config:  dynreg.Config{Issuer: provider.Issuer, InitialAccessToken: identityservers.InitialAccessToken, CABundle: provider.CA},
			clients: provider.Control + "/clients", token: "/token", register: "/reg",
		},
		"Ory Hydra, dynamic registration": {
			version: identityservers.HydraVersion,
			config:  dynreg.Config{Issuer: hydra.PublicURL, CABundle: hydra.CA},
			clients: hydra.AdminURL + "/admin/clients", token: "/oauth2/token", register: "/oauth2/register",
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
		Look: s.look,
		Edit: s.edit,
		Remove: func(t *testing.T, clientID string) {
			t.Helper()
			s.behind(t, http.MethodDelete, clientID, nil, nil)
		},
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

// behind asks the server behind the backend's back, and returns the status.
func (s subject) behind(t *testing.T, method, clientID string, body, told any) int {
	t.Helper()
	var content bytes.Buffer
	if body != nil {
		must(t, json.NewEncoder(&content).Encode(body))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.clients+"/"+url.PathEscape(clientID), &content)
	must(t, err)
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 && response.StatusCode != http.StatusNotFound {
		t.Fatalf("%s %s: HTTP %d", method, clientID, response.StatusCode)
	}
	if told != nil && response.StatusCode < 300 {
		must(t, json.NewDecoder(response.Body).Decode(told))
	}
	return response.StatusCode
}

func (s subject) look(t *testing.T, clientID string) (contract.Seen, bool) {
	t.Helper()
	var c struct {
		Name   string   `json:"client_name"`
		Grants []string `json:"grant_types"`
		Method string   `json:"token_endpoint_auth_method"`
	}
	if s.behind(t, http.MethodGet, clientID, nil, &c) == http.StatusNotFound {
		return contract.Seen{}, false
	}
	public := c.Method == "none"
	return contract.Seen{DisplayName: c.Name, Enabled: len(c.Grants) > 0, Public: public, HasSecret: !public && c.Method != "private_key_jwt"}, true
}

// edit changes metadata, as an administrator of the server can.
func (s subject) edit(t *testing.T, clientID string, change contract.Edit) {
	t.Helper()
	fields := map[string]any{}
	if change.DisplayName != nil {
		fields["client_name"] = *change.DisplayName
	}
	if change.Enabled != nil && !*change.Enabled {
		fields["grant_types"], fields["response_types"] = []string{}, []string{}
	}
	if s.register != "/oauth2/register" {
		s.behind(t, http.MethodPatch, clientID, fields, nil)
		return
	}
	var patch []map[string]any // Hydra's is a JSON Patch
	for name, value := range fields {
		patch = append(patch, map[string]any{"op": "add", "path": "/" + name, "value": value})
	}
	s.behind(t, http.MethodPatch, clientID, patch, nil)
}
