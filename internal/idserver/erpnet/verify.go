package erpnet

import (
	"context"
	"net/url"
	"slices"

	"trustedapps.dev/operator/internal/idserver"
)

const opVerify = "verifying the credential"

// Verify implements idserver.Server. A service requests a token, without naming scopes, and drops it. An interactive client
// exchanges a made-up code: invalid_grant says that the client itself was accepted. A public client has nothing to prove.
func (s *Server) Verify(ctx context.Context, cred idserver.Credential, want idserver.Registration) (idserver.Verdict, error) {
	if want.Public {
		return idserver.Verdict{OK: true}, nil
	}
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Verdict{}, err
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
	g, err := s.requestToken(ctx, opVerify, at.endpoints.Token, cred.ClientID, cred.Secret, form)
	if err != nil {
		return idserver.Verdict{}, err
	}
	switch {
	case want.Service && g.code == "", !want.Service && g.code == "invalid_grant":
		return idserver.Verdict{OK: true}, nil
	case !want.Service && g.code == "":
		return idserver.Verdict{}, &idserver.Error{
			Class: idserver.ErrUnavailable, Op: opVerify, HTTPStatus: g.status,
			Message: "the token endpoint exchanged a made-up code, so its answers prove nothing",
		}
	}
	return idserver.Verdict{Code: g.code, Hint: hint(g.code, want)}, nil
}

// hint says what to look at, by the error catalogue of the documentation.
func hint(code string, want idserver.Registration) string {
	switch code {
	case "invalid_client":
		return "the instance does not know the client, has it disabled, or holds another secret"
	case "unauthorized_client", "unsupported_grant_type":
		if want.Service {
			return "the client may not use Client Credentials: check that its system user is active; some versions also want " +
				"spec.service.internalUserImpersonation: Allowed"
		}
		return "the client is disabled, or may not use the Authorization Code flow"
	case "invalid_scope":
		return "the registered scopes are not all known to the instance"
	case "invalid_grant", "invalid_request":
		return "the instance does not accept this way of sending the credential: check the server's clientAuthentication"
	case "invalid_redirect_uri":
		return "the redirect URI is not registered"
	}
	return "the instance's own log tells more"
}
