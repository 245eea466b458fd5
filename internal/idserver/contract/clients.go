package contract

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// Clients are the OAuth 2.0 clients of a server as its administrator sees and edits them, by the names of RFC 7591 section 2: what is behind
// the back of a backend.
type Clients struct {
	// URL is where they are listed; one of them is at URL/ID.
	URL string
	// JSONPatch: an edit is a JSON Patch (RFC 6902), else an object with the members that change.
	JSONPatch bool
	// NoGrant are the grant types of a client that somebody disabled.
	NoGrant []string
}

// Ask sends a request, and returns the status. A refusal fails the test, but that there is no such client.
func (c Clients) Ask(t *testing.T, method, path string, body, told any) int {
	t.Helper()
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), method, c.URL+path, &content)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 && response.StatusCode != http.StatusNotFound {
		t.Fatalf("%s %s: HTTP %d", method, path, response.StatusCode)
	}
	if told != nil && response.StatusCode < 300 {
		if err := json.NewDecoder(response.Body).Decode(told); err != nil {
			t.Fatal(err)
		}
	}
	return response.StatusCode
}

func one(id string) string { return "/" + url.PathEscape(id) }

// Look is for Harness.Look.
func (c Clients) Look(t *testing.T, id string) (Seen, bool) {
	t.Helper()
	var found struct {
		Name   string   `json:"client_name"`
		Grants []string `json:"grant_types"`
		Method string   `json:"token_endpoint_auth_method"`
		URI    string   `json:"client_uri"`
	}
	if c.Ask(t, http.MethodGet, one(id), nil, &found) == http.StatusNotFound {
		return Seen{}, false
	}
	return Seen{
		DisplayName: found.Name, Enabled: len(found.Grants) > 0 && found.Grants[0] != oauth.GrantDisabled, Public: found.Method == oauth.MethodNone,
		HasSecret: strings.HasPrefix(found.Method, "client_secret_"), Unmanaged: found.URI,
	}, true
}

// Edit is for Harness.Edit.
func (c Clients) Edit(t *testing.T, id string, change Edit) {
	t.Helper()
	members := map[string]any{}
	if change.DisplayName != nil {
		members["client_name"] = *change.DisplayName
	}
	if change.Enabled != nil && !*change.Enabled {
		members["grant_types"], members["response_types"] = append([]string{}, c.NoGrant...), []string{}
	}
	if change.Keys != nil {
		members["jwks"] = idserver.NewKeySet(*change.Keys)
	}
	if change.Unmanaged != nil {
		members["client_uri"] = *change.Unmanaged
	}
	if !c.JSONPatch {
		c.Ask(t, http.MethodPatch, one(id), members, nil)
		return
	}
	var patch []map[string]any
	for name, value := range members {
		patch = append(patch, map[string]any{"op": "add", "path": "/" + name, "value": value})
	}
	c.Ask(t, http.MethodPatch, one(id), patch, nil)
}

// Remove is for Harness.Remove.
func (c Clients) Remove(t *testing.T, id string) {
	t.Helper()
	c.Ask(t, http.MethodDelete, one(id), nil, nil)
}
