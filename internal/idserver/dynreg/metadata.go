package dynreg

import (
	"slices"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// metadata are those of a client that the operator manages (RFC 7591 section 2; post_logout_redirect_uris and application_type are of OpenID
// Connect).
type metadata struct {
	ClientName             string   `json:"client_name"`
	Contacts               []string `json:"contacts,omitempty"`
	RedirectURIs           []string `json:"redirect_uris"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	GrantTypes             []string `json:"grant_types"`
	ResponseTypes          []string `json:"response_types"`
	AuthMethod             string   `json:"token_endpoint_auth_method"`

	// JWKS are the public keys of a client that signs assertions, and SigningAlgorithm is theirs.
	JWKS             *idserver.KeySet `json:"jwks,omitempty"`
	SigningAlgorithm string           `json:"token_endpoint_auth_signing_alg,omitempty"`

	ApplicationType string `json:"application_type,omitempty"`
	Scope           string `json:"scope,omitempty"`
}

// metadata are those of a registration.
func (s *Server) metadata(r idserver.Registration) metadata {
	m := metadata{
		ClientName: r.DisplayName, Contacts: s.config.Contacts,
		RedirectURIs: append([]string{}, r.RedirectURIs...), PostLogoutRedirectURIs: r.PostLogoutRedirectURIs,
		GrantTypes: []string{}, ResponseTypes: []string{}, AuthMethod: s.oauth.Method(r),
		ApplicationType: applicationType(r), Scope: strings.Join(r.Scopes, " "),
	}
	if r.PrivateKey && len(r.Keys) > 0 {
		set := idserver.NewKeySet(r.Keys)
		m.JWKS, m.SigningAlgorithm = &set, idserver.AlgorithmOf(r.Keys[0])
	}
	if !r.Enabled {
		m.GrantTypes = append(m.GrantTypes, oauth.GrantDisabled)
		return m
	}
	if r.Interactive() {
		m.GrantTypes, m.ResponseTypes = append(m.GrantTypes, oauth.GrantCode, oauth.GrantRefresh), append(m.ResponseTypes, "code")
	}
	if r.Service {
		m.GrantTypes = append(m.GrantTypes, oauth.GrantService)
	}
	return m
}

// applicationType is native for clients on a user's device, as OpenID Connect Registration 1.0 section 2 tells them apart: by their redirect
// URIs.
func applicationType(r idserver.Registration) string {
	native := slices.ContainsFunc(r.RedirectURIs, func(u string) bool { return !strings.HasPrefix(u, "https://") })
	if native {
		return "native"
	}
	return "web"
}

// registration is what the server says that it registered. What it does not repeat counts as it was asked for, where RFC 7591 lets it leave
// that out.
func (m metadata) registration(asked idserver.Registration) idserver.Registration {
	r := idserver.Registration{
		DisplayName: m.ClientName, RedirectURIs: m.RedirectURIs, PostLogoutRedirectURIs: m.PostLogoutRedirectURIs,
		Public: m.AuthMethod == oauth.MethodNone, Service: slices.Contains(m.GrantTypes, oauth.GrantService), Scopes: strings.Fields(m.Scope),
		Enabled: len(m.GrantTypes) > 0 && !slices.Contains(m.GrantTypes, oauth.GrantDisabled),
	}
	if r.PrivateKey = m.AuthMethod == oauth.MethodKey; r.PrivateKey && m.JWKS != nil {
		r.Keys = m.JWKS.Public()
	}
	if m.Scope == "" { // "the authorization server MAY register a client with a default set of scopes", and need not tell
		r.Scopes = asked.Scopes
	}
	if !r.Enabled { // no grant is left that could tell
		r.Service = len(r.RedirectURIs) == 0
	}
	r = r.Normalize()
	unwanted := slices.ContainsFunc(m.GrantTypes, func(g string) bool { return g == "implicit" || g == "password" })
	if unwanted || r.Enabled && r.Interactive() != slices.Contains(m.GrantTypes, oauth.GrantCode) {
		r.Unwanted = append(r.Unwanted, "grantTypes")
	}
	return r
}
