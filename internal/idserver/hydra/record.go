package hydra

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// record is what the operator reads of a client (https://www.ory.sh/docs/hydra/reference/api#tag/oAuth2/operation/getOAuth2Client). It is
// changed by JSON Patch, so that nothing else is touched.
type record struct {
	ClientID               string                     `json:"client_id"`
	ClientName             string                     `json:"client_name"`
	Owner                  string                     `json:"owner"`
	RedirectURIs           []string                   `json:"redirect_uris"`
	PostLogoutRedirectURIs []string                   `json:"post_logout_redirect_uris"`
	GrantTypes             []string                   `json:"grant_types"`
	ResponseTypes          []string                   `json:"response_types"`
	Scope                  string                     `json:"scope"`
	AuthMethod             string                     `json:"token_endpoint_auth_method"`
	JWKS                   idserver.KeySet            `json:"jwks"`
	Metadata               map[string]json.RawMessage `json:"metadata"`
	CreatedAt              string                     `json:"created_at"`
	UpdatedAt              string                     `json:"updated_at"`
}

// grants are the grant types of a registration.
func grants(r idserver.Registration) []string {
	if !r.Enabled {
		return []string{oauth.GrantDisabled}
	}
	var all []string
	if r.Interactive() {
		all = append(all, oauth.GrantCode, oauth.GrantRefresh)
	}
	if r.Service {
		all = append(all, oauth.GrantService)
	}
	return all
}

// responses are the response types.
func responses(r idserver.Registration) []string {
	if r.Interactive() {
		return []string{"code"}
	}
	return []string{}
}

// note is what the operator keeps in the metadata of a client.
type note struct {
	// Cluster and Owner are the mark, see idserver.Mark.
	Cluster string `json:"cluster"`
	Owner   string `json:"owner"`
	// ID tells this client from another one that took its client id later. Hydra has no such id of its own.
	ID string `json:"id"`
	// Keys is the hash of the public keys that the operator registered: whoever adds one can sign as the client.
	Keys string `json:"keys,omitempty"`
	// Service says that a client is for the Client Credentials flow, also while it is disabled.
	Service bool `json:"service,omitempty"`
}

// noteKey is the member of the metadata that is the operator's. All others belong to others.
const noteKey = "trustedapps.dev"

func newNote(m idserver.Mark, id string, r idserver.Registration) note {
	return note{Cluster: m.Cluster, Owner: m.String(), ID: id, Keys: hash(r), Service: r.Service}
}

// hash names the public keys of a registration; "" where it has none.
func hash(r idserver.Registration) string {
	if !r.PrivateKey {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(r.Normalize().Keys, "\n")))
	return hex.EncodeToString(sum[:8])
}

// note reads it; the zero value where there is none.
func (c record) note() (n note) {
	if raw, ok := c.Metadata[noteKey]; ok && json.Unmarshal(raw, &n) != nil {
		return note{}
	}
	return n
}

// owner reads the mark. foreign describes, without quoting it, one of another form.
func (c record) owner() (m idserver.Mark, foreign string) {
	n := c.note()
	if m, ok := idserver.ParseMark(n.Cluster, n.Owner); ok {
		return m, ""
	}
	if _, ok := c.Metadata[noteKey]; ok {
		return idserver.Mark{}, "metadata." + noteKey + " that names no owner"
	}
	if c.Owner != "" { // Ory's own controller keeps the name of its object there
		return idserver.Mark{}, "the field owner of the client"
	}
	return idserver.Mark{}, ""
}

// registration is what the operator understands of the client.
func (s *Server) registration(c record) idserver.Registration {
	r := idserver.Registration{
		DisplayName: c.ClientName, Enabled: !slices.Contains(c.GrantTypes, oauth.GrantDisabled), Public: c.AuthMethod == oauth.MethodNone,
		RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs, Scopes: strings.Fields(c.Scope),
	}
	if r.PrivateKey = c.AuthMethod == oauth.MethodKey; r.PrivateKey {
		r.Keys = c.JWKS.Public()
	}
	r.Service = slices.Contains(c.GrantTypes, oauth.GrantService)
	if !r.Enabled {
		r.Service = c.note().Service
	}
	r = r.Normalize()
	if !sameSet(c.GrantTypes, grants(r)) {
		r.Unwanted = append(r.Unwanted, "grantTypes")
	}
	if !sameSet(c.ResponseTypes, responses(r)) {
		r.Unwanted = append(r.Unwanted, "responseTypes")
	}
	if c.AuthMethod != s.oauth.Method(r) {
		r.Unwanted = append(r.Unwanted, "clientAuthentication")
	}
	if c.note().Keys != hash(r) {
		r.Unwanted = append(r.Unwanted, "keys")
	}
	return r
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}

// reply is the client for the caller.
func (s *Server) reply(c record) idserver.Reply {
	owner, foreign := c.owner()
	return idserver.Reply{
		Credential:   idserver.Credential{Handle: c.note().ID, ClientID: c.ClientID},
		Registration: s.registration(c), Owner: owner, ForeignOwner: foreign, HasSecret: c.AuthMethod != oauth.MethodNone && c.AuthMethod != oauth.MethodKey,
		Version: c.UpdatedAt, Raw: c,
	}
}
