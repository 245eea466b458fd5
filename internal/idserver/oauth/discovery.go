package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
)

// Discovered is what a discovery document says.
type Discovered struct {
	idserver.Endpoints
	// KeyAlgorithm is that of idserver.Info.
	KeyAlgorithm string
}

// Discover reads the OpenID Connect discovery document of an issuer (OpenID Connect Discovery 1.0 section 4), and checks that it is the
// issuer's own. op is what errors call it.
func (c *Client) Discover(ctx context.Context, op, issuer string) (Discovered, error) {
	a, err := c.Read(ctx, op, strings.TrimRight(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return Discovered{}, Lost(op, false, err)
	}
	found, ok := parseEndpoints(a)
	if !ok {
		return Discovered{}, Undiscovered(op, a, "the identity server does not answer OpenID Connect discovery")
	}
	return found, checkEndpoints(op, issuer, found.Endpoints)
}

// Undiscovered is a document that does not hold what discovery needs.
func Undiscovered(op string, a Answer, message string) *idserver.Error {
	return &idserver.Error{
		Class: idserver.ErrUnavailable, Op: op, Reason: idserver.ReasonDiscoveryFailed, Message: message,
		HTTPStatus: a.Status, RequestID: a.RequestID(),
	}
}

func parseEndpoints(a Answer) (d Discovered, ok bool) {
	var document struct {
		Issuer        string `json:"issuer"`
		Token         string `json:"token_endpoint"`
		Authorization string `json:"authorization_endpoint"`
		EndSession    string `json:"end_session_endpoint"`
		UserInfo      string `json:"userinfo_endpoint"`
		JWKS          string `json:"jwks_uri"`
		Registration  string `json:"registration_endpoint"`

		Methods    []string `json:"token_endpoint_auth_methods_supported"`
		Algorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &document) != nil || document.Issuer == "" || document.Token == "" {
		return d, false
	}
	d.Endpoints = idserver.Endpoints{
		Issuer: document.Issuer, Token: document.Token, Authorization: document.Authorization,
		EndSession: document.EndSession, UserInfo: document.UserInfo, JWKS: document.JWKS, Registration: document.Registration,
	}
	if slices.Contains(document.Methods, MethodKey) {
		d.KeyAlgorithm = keyAlgorithm(document.Algorithms)
	}
	return d, true
}

// keyAlgorithm is the one to use of those that a server announces. One that announces none takes the preferred one, as far as is known.
func keyAlgorithm(announced []string) string {
	for _, a := range idserver.KeyAlgorithms {
		if len(announced) == 0 || slices.Contains(announced, a) {
			return a
		}
	}
	return ""
}

// checkEndpoints makes sure that the document is the issuer's own, and that no secret is sent to another host.
func checkEndpoints(op, issuer string, e idserver.Endpoints) error {
	issuer = strings.TrimRight(issuer, "/")
	if strings.TrimRight(e.Issuer, "/") != issuer {
		return Rejected(op, idserver.ReasonIssuerMismatch, "the identity server announces another issuer than the URL it was reached by (%s): "+
			"use the URL that it announces", issuer)
	}
	home, err := ParseHTTPS(issuer)
	if err != nil {
		return Rejected(op, idserver.ReasonDiscoveryFailed, "the issuer's URL is not a plain https URL")
	}
	for _, endpoint := range []string{e.Token, e.Authorization, e.EndSession, e.UserInfo, e.JWKS, e.Registration} {
		if endpoint == "" {
			continue
		}
		if u, err := ParseHTTPS(endpoint); err != nil || !strings.EqualFold(u.Host, home.Host) {
			return Rejected(op, idserver.ReasonIssuerMismatch,
				"the identity server announces an endpoint that is not https or on another host than its issuer")
		}
	}
	return nil
}
