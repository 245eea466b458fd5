package erpnet

import (
	"context"

	"trustedapps.dev/operator/internal/idserver"
)

const opVerify = "verifying the credential"

// Verify implements idserver.Server.
func (s *Server) Verify(ctx context.Context, cred idserver.Credential, want idserver.Registration) (idserver.Verdict, error) {
	if want.Public {
		return idserver.Verdict{OK: true}, nil
	}
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Verdict{}, err
	}
	return s.oauth.Verify(ctx, opVerify, at.endpoints.Token, cred, want, hint)
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
