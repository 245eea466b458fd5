package idserver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// ReferenceTokens policies, by the names of the API.
const (
	// ReferenceTokensNone forbids reference tokens.
	ReferenceTokensNone = "None"
)

// Registration is what a server shall hold about a client. Lists are sets; Normalize brings them in order.
type Registration struct {
	// DisplayName is what people see.
	DisplayName string `json:"displayName"`
	// Enabled false makes the server refuse the client.
	Enabled bool `json:"enabled"`
	// Public clients have no secret.
	Public bool `json:"public"`
	// PrivateKey: the client signs assertions (RFC 7523) instead of sending a secret, and Keys are the public keys, as JWK, that it may sign
	// with. Keys are not of the spec, so nil says nothing about them.
	PrivateKey bool     `json:"privateKey,omitempty"`
	Keys       []string `json:"-"`
	// RedirectURIs and PostLogoutRedirectURIs of the Authorization Code flow.
	RedirectURIs           []string `json:"redirectUris,omitempty"`
	PostLogoutRedirectURIs []string `json:"postLogoutRedirectUris,omitempty"`
	// InternalUsers and CommunityUsers say who may sign in.
	InternalUsers  bool `json:"internalUsers"`
	CommunityUsers bool `json:"communityUsers"`
	// Service allows the Client Credentials flow, acting as SystemUser (a login).
	Service    bool   `json:"service"`
	SystemUser string `json:"systemUser,omitempty"`
	// AdminUser: SystemUser may be an administrator of the server, or, in a Reply, is one.
	AdminUser bool `json:"adminUser,omitempty"`
	// Scopes are all that the client may ask for.
	Scopes []string `json:"scopes,omitempty"`
	// ReferenceTokens is the policy for opaque tokens.
	ReferenceTokens string `json:"referenceTokens"`
	// Unwanted names what a server holds beyond this, such as a grant that was added by hand. Nothing of it is ever wanted.
	Unwanted []string `json:"-"`
}

// Secretless says whether the client sends no secret: it is public, or has a key.
func (r Registration) Secretless() bool { return r.Public || r.PrivateKey }

// Interactive says whether users can sign in.
func (r Registration) Interactive() bool { return len(r.RedirectURIs) > 0 }

// Normalize returns r with its sets sorted, free of duplicates and never empty but nil, so that equal registrations are equal values.
func (r Registration) Normalize() Registration {
	for _, set := range []*[]string{&r.RedirectURIs, &r.PostLogoutRedirectURIs, &r.Scopes, &r.Keys} {
		sorted := slices.Compact(slices.Sorted(slices.Values(*set)))
		if len(sorted) == 0 {
			sorted = nil
		}
		*set = sorted
	}
	if r.ReferenceTokens == "" {
		r.ReferenceTokens = ReferenceTokensNone
	}
	return r
}

// Hash identifies the registration at the server with the given issuer. It is not a secret.
func (r Registration) Hash(issuer string) string {
	body, err := json.Marshal(r.Normalize())
	if err != nil { // plain strings and booleans always marshal
		panic(err)
	}
	sum := sha256.Sum256(append([]byte(issuer+"\n"), body...))
	return hex.EncodeToString(sum[:8])
}

// Diff names the fields in which have differs from want, by the names of the API; nil where they are equal.
func (r Registration) Diff(have Registration) []string {
	want, got := r.Normalize(), have.Normalize()
	var names []string
	add := func(name string, differs bool) {
		if differs {
			names = append(names, name)
		}
	}
	add("displayName", want.DisplayName != got.DisplayName)
	add("enabled", want.Enabled != got.Enabled)
	add("clientType", want.Public != got.Public)
	add("credentials.method", want.PrivateKey != got.PrivateKey)
	add("keys", want.Keys != nil && !slices.Equal(want.Keys, got.Keys))
	add("redirectUris", !slices.Equal(want.RedirectURIs, got.RedirectURIs))
	add("postLogoutRedirectUris", !slices.Equal(want.PostLogoutRedirectURIs, got.PostLogoutRedirectURIs))
	add("users", want.InternalUsers != got.InternalUsers || want.CommunityUsers != got.CommunityUsers)
	add("service", want.Service != got.Service && (want.Enabled || got.Enabled)) // what is not enabled has no flow
	add("systemUser", !strings.EqualFold(want.SystemUser, got.SystemUser) || got.AdminUser && !want.AdminUser && (want.Enabled || got.Enabled))
	add("scopes", !slices.Equal(want.Scopes, got.Scopes))
	add("referenceTokens", want.ReferenceTokens != got.ReferenceTokens)
	for _, name := range got.Unwanted {
		add(name, !slices.Contains(want.Unwanted, name) && !slices.Contains(names, name))
	}
	return names
}
