package erpnet

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

const opLogin = "logging in to the instance"

// operatorScopes are what managing registrations takes: read, update, and sec for the security namespace.
var operatorScopes = []string{"read", "update", "sec"}

// login caches the operator's own token. turn lets one caller at a time look at it and, if need be, fetch another, so that
// many callers cost one token request.
type login struct {
	turn    chan struct{}
	token   idserver.Secret
	refresh time.Time
}

// accessToken returns a token that is good for some time, and certainly another one than stale.
func (s *Server) accessToken(ctx context.Context, endpoint string, stale idserver.Secret) (idserver.Secret, error) {
	leave, err := oauth.Take(ctx, s.login.turn)
	if err != nil {
		return "", oauth.Lost(opLogin, false, oauth.GivenUp(err))
	}
	defer leave()
	if s.login.token != "" && s.login.token != stale && s.config.Now().Before(s.login.refresh) {
		return s.login.token, nil
	}
	g, err := s.oauth.Token(ctx, opLogin, endpoint, idserver.Credential{ClientID: s.config.ClientID, Secret: s.config.ClientSecret},
		url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(operatorScopes, " ")}})
	if err != nil {
		return "", err
	}
	if g.Code != "" {
		return "", &idserver.Error{
			Class: idserver.ErrUnauthorized, Op: opLogin, HTTPStatus: g.Status, ServerCode: g.Code, Message: adviseLogin(g.Code),
		}
	}
	if missing := missingScopes(g.Scope); len(missing) > 0 {
		return "", &idserver.Error{
			Class: idserver.ErrUnauthorized, Op: opLogin,
			Message: "the token lacks the scope " + strings.Join(missing, ", ") + ": add it to the operator's own trusted application",
		}
	}
	s.login.token, s.login.refresh = g.Token, s.config.Now().Add(refreshAfter(g.Life))
	return g.Token, nil
}

// refreshAfter is when to fetch another token: after 80 % of its life, and at least a minute before its end where it lives
// long enough for that.
func refreshAfter(life time.Duration) time.Duration {
	after := life * 8 / 10
	if life > 2*time.Minute {
		after = min(after, life-time.Minute)
	}
	return after
}

// missingScopes are the scopes that the operator needs and was not granted; none where the server does not tell.
func missingScopes(scope string) []string {
	if scope == "" {
		return nil
	}
	have := strings.Fields(scope)
	return slices.DeleteFunc(slices.Clone(operatorScopes), func(s string) bool { return slices.Contains(have, s) })
}

// adviseLogin says what to do about a refused login.
func adviseLogin(code string) string {
	switch code {
	case "invalid_client":
		return "the instance does not accept the operator's client id and secret: check the credentials Secret, and that the operator's " +
			"own trusted application is enabled"
	case "unauthorized_client":
		return "the operator's own trusted application must be Confidential, with SystemUserAllowed and an active SystemUser"
	case "invalid_scope":
		return "the operator's own trusted application needs read, update and sec in its Scope"
	}
	return "the instance refuses the operator's own trusted application: check its registration there"
}
