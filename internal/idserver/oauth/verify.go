package oauth

import (
	"context"
	"net/url"
	"slices"

	"trustedapps.dev/operator/internal/idserver"
)

// UnknownClient is the code for a client that a server does not know, or whose credential it does not take (RFC 6749 section 5.2).
const UnknownClient = "invalid_client"

// Verify proves a credential. A service requests a token, without naming scopes, and drops it. An interactive client exchanges a made-up
// code: invalid_grant says that the client itself was accepted. A public client has nothing to prove. hint tells people what to look at.
func (c *Client) Verify(
	ctx context.Context, op, endpoint string, cred idserver.Credential, want idserver.Registration,
	hint func(code string, want idserver.Registration) string,
) (idserver.Verdict, error) {
	if want.Public {
		return idserver.Verdict{OK: true}, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if !want.Service {
		form = url.Values{
			"grant_type": {"authorization_code"}, "code": {idserver.DrawSecret().Reveal()},
			"code_verifier": {idserver.DrawSecret().Reveal()},
		}
		if uris := slices.Sorted(slices.Values(want.RedirectURIs)); len(uris) > 0 {
			form.Set("redirect_uri", uris[0])
		}
	}
	g, err := c.Token(ctx, op, endpoint, cred, form)
	if err != nil {
		return idserver.Verdict{}, err
	}
	switch {
	case want.Service && g.Code == "", !want.Service && g.Code == "invalid_grant":
		return idserver.Verdict{OK: true}, nil
	case !want.Service && g.Code == "":
		return idserver.Verdict{}, &idserver.Error{
			Class: idserver.ErrUnavailable, Op: op, HTTPStatus: g.Status,
			Message: "the token endpoint exchanged a made-up code, so its answers prove nothing",
		}
	}
	return idserver.Verdict{Code: g.Code, Hint: hint(g.Code, want)}, nil
}

// Hint says what to look at where a server without a catalogue of its own refuses a token.
func Hint(code string, want idserver.Registration) string {
	switch code {
	case UnknownClient:
		if want.PrivateKey {
			return "the server does not know the client, or not this key"
		}
		return "the server does not know the client, or holds another secret"
	case "unauthorized_client", "unsupported_grant_type":
		if want.Service {
			return "the client may not use Client Credentials: it is disabled, was changed by hand, or the server keeps that from registered clients"
		}
		return "the client is disabled, or may not use the Authorization Code flow"
	case "invalid_scope":
		return "the server does not grant one of the registered scopes"
	case "invalid_request":
		if want.PrivateKey {
			return "the server does not take the signed assertion: it may not know the key, or want another algorithm or audience than the token endpoint"
		}
	}
	return "the server's own log tells more"
}
