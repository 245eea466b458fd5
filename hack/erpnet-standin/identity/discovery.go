package identity

import (
	"net/http"
	"slices"
)

// discovery answers with the OpenID Connect metadata. scopes_supported is as short as in the published example.
func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{
		"issuer":                                s.issuer,
		"jwks_uri":                              s.issuer + "/.well-known/openid-configuration/jwks",
		"authorization_endpoint":                s.issuer + "/connect/authorize",
		"token_endpoint":                        s.issuer + "/connect/token",
		"end_session_endpoint":                  s.issuer + "/connect/endsession",
		"response_types_supported":              []string{"code", "code id_token"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"grant_types_supported":                 []string{grantCode, grantService, grantRefresh},
		"scopes_supported":                      []string{"openid", "profile", "offline_access", "update"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"code_challenge_methods_supported":      []string{"S256"},
	}
	if !s.Quirks.NoUserInfo {
		document["userinfo_endpoint"] = s.issuer + "/connect/userinfo"
	}
	writeJSON(w, http.StatusOK, document)
}

func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.Keys.Public())
}

// userInfo answers with the claims of the user that an access token with the openid scope stands for.
func (s *Server) userInfo(w http.ResponseWriter, r *http.Request) {
	claims, err := s.bearer(r)
	user, known := s.Store.UserByLogin(claims.Subject)
	if err != nil || !known {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, &oauthError{Code: "invalid_token", Description: "The token is not a user's."})
		return
	}
	if !slices.Contains(claims.Scopes, "openid") {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope"`)
		writeJSON(w, http.StatusForbidden, &oauthError{Code: "insufficient_scope", Description: "The scope openid is missing."})
		return
	}
	answer := map[string]any{"sub": user.Login}
	if slices.Contains(claims.Scopes, "profile") {
		answer = s.userClaims(user)
		answer["sub"], answer["id"] = user.Login, user.ID
	}
	writeJSON(w, http.StatusOK, answer)
}
