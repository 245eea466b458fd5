package oauth

import (
	"strings"
	"testing"
)

// FuzzDiscovery: documents of discovery never lead a secret to another place or in the clear.
func FuzzDiscovery(f *testing.F) {
	for _, seed := range []string{
		`{"issuer":"https://h/id","token_endpoint":"https://h/id/connect/token"}`, `{"issuer":"https://h/id","token_endpoint":"https://h@evil/t"}`,
		`{"issuer":"https://h/id/","token_endpoint":"https://H/t","registration_endpoint":"http://h/reg"}`, `<html>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, ok := parseEndpoints(Answer{Status: 200, Body: body})
		if !ok || checkEndpoints("trying", "https://h/id", e.Endpoints) != nil {
			return
		}
		for _, endpoint := range []string{e.Token, e.Registration} {
			if u, err := ParseHTTPS(endpoint); endpoint != "" && (err != nil || !strings.EqualFold(u.Host, "h")) {
				t.Fatalf("an endpoint elsewhere: %q", endpoint)
			}
		}
	})
}

// FuzzGranted: what is no answer of a token endpoint is not taken for one.
func FuzzGranted(f *testing.F) {
	for _, seed := range []string{`{"access_token":"t","expires_in":1}`, `{"access_token":"t","expires_in":"-1e9"}`, `{"error":"invalid_client"}`, `{"error":"x y"}`, `[]`} {
		f.Add(200, []byte(seed))
		f.Add(401, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		g, ok := parseGranted(Answer{Status: status, Body: body})
		switch {
		case !ok:
		case (g.Token == "") == (g.Code == ""):
			t.Fatal("neither a token nor a refusal, or both")
		case g.Token != "" && (g.Life <= 0 || g.Life > maxTokenLife):
			t.Fatal("a token without a life")
		case g.Code != "" && !oauthCode.MatchString(g.Code):
			t.Fatalf("a code that is none: %q", g.Code)
		}
	})
}
