package oauth

import "trustedapps.dev/operator/internal/idserver"

// Grant types of a client (RFC 7591 section 2).
const (
	GrantCode    = "authorization_code"
	GrantRefresh = "refresh_token"
	GrantService = "client_credentials"
	// GrantDisabled stands for none: servers may put a default in the place of an empty list. No flow has this grant type, so every token
	// request is refused.
	GrantDisabled = "urn:trustedapps.dev:disabled"
)

// MethodNone is the token_endpoint_auth_method of a public client, MethodKey that of one that signs assertions.
const (
	MethodNone = "none"
	MethodKey  = "private_key_jwt"
)

// Method is the token_endpoint_auth_method of a registration: how its client proves itself.
func (c *Client) Method(r idserver.Registration) string {
	switch {
	case r.Public:
		return MethodNone
	case r.PrivateKey:
		return MethodKey
	case c.options.ClientAuthentication == "Basic":
		return "client_secret_basic"
	}
	return "client_secret_post"
}
