package identity

import (
	"context"
	"net/http"
	"strings"

	"github.com/ory/fosite"

	"trustedapps.dev/operator/hack/erpnet-standin/session"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// token answers POST /connect/token.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	req, err := parseTokenRequest(w, r)
	if err != nil {
		s.writeTokenError(w, r, err)
		return
	}
	a, err := s.evaluate(req)
	if err != nil {
		s.writeTokenError(w, r, err)
		return
	}
	answer, err := s.issue(r, a)
	if err != nil {
		s.writeTokenError(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, answer)
}

// issue lets the library exchange the approved request for tokens.
func (s *Server) issue(r *http.Request, a approved) (map[string]any, error) {
	s.exchanging.Lock()
	defer s.exchanging.Unlock()
	ctx := context.WithValue(r.Context(), approvedKey{}, a)
	g := s.newGrant()
	if a.grant == grantService {
		g.service, g.system = true, a.systemUser
		r.PostForm.Set("scope", strings.Join(a.scopes, " "))
	}
	ar, err := s.provider.NewAccessRequest(ctx, r, g)
	if err != nil {
		if a.grant == grantCode {
			// A code gets one attempt: whoever could not use it may have guessed or stolen it.
			_ = s.grants.InvalidateAuthorizeCodeSession(ctx, digest(a.form.Get("code")))
		}
		return nil, err
	}
	for _, scope := range a.scopes {
		ar.GrantScope(scope)
	}
	resp, err := s.provider.NewAccessResponse(ctx, ar)
	if err != nil {
		return nil, err
	}
	resp.SetExpiresIn(accessTokenLife)
	resp.SetTokenType("Bearer")
	return resp.ToMap(), s.openSessionEarly(ctx, resp)
}

// openSessionEarly takes the licence slot when the token is issued, where the instance is set to do so.
func (s *Server) openSessionEarly(ctx context.Context, resp fosite.AccessResponder) error {
	if !s.Quirks.SessionAtTokenRequest {
		return nil
	}
	claims, err := s.Checker.AccessToken(resp.GetAccessToken())
	if err != nil || !claims.OpensAPI() {
		return err
	}
	who := claims.Caller()
	leave, err := s.Sessions.Enter(ctx, session.Subject{
		Key: who.SessionKey, Login: who.Login, ClientID: who.ClientID, Service: who.Service,
	})
	if err != nil {
		return failure(temporarilyDown, err.Error())
	}
	leave()
	return nil
}

// bearer reads the access token of a request, whatever its audience.
func (s *Server) bearer(r *http.Request) (token.AccessClaims, error) {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return token.AccessClaims{}, token.ErrUnauthenticated
	}
	return s.Checker.AccessToken(raw)
}
