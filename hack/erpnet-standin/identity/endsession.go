package identity

import (
	"net/http"
	"net/url"
	"slices"

	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// hintClaims are what the sign-out reads from an ID token, which may have expired.
type hintClaims struct {
	Issuer   string         `json:"iss"`
	Audience token.Audience `json:"aud"`
	SID      string         `json:"sid"`
}

// endSession answers GET /connect/endsession: it signs out, frees the licence slot, and returns only to a registered
// logout URI of the application that the ID token names.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request) {
	refuseFraming(w)
	var hint hintClaims
	if raw := r.FormValue("id_token_hint"); raw != "" {
		if err := s.Keys.Open(token.IDTokenType, raw, &hint); err != nil || hint.Issuer != s.issuer {
			writeErrorPage(w, r, failure(invalidRequest, "The id_token_hint is not an ID token of this instance."))
			return
		}
		s.signOut(hint.SID)
	}
	if in, ok := s.signIns.find(r); ok {
		s.signOut(in.sid)
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Path: "/id/", MaxAge: -1, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
	target, ok := s.logoutTarget(r, hint)
	switch {
	case ok && s.Quirks.LogoutPage:
		writePage(w, http.StatusOK, messagePage, message{Title: "Signed out", Text: "You are signed out.", Link: target})
	case ok:
		http.Redirect(w, r, target, http.StatusSeeOther)
	default:
		writePage(w, http.StatusOK, messagePage, message{Title: "Signed out", Text: "You are signed out."})
	}
}

func (s *Server) signOut(sid string) {
	s.signIns.end(sid)
	s.Sessions.End(sid)
}

// logoutTarget is where the sign-out returns to, if the request names a registered URI.
func (s *Server) logoutTarget(r *http.Request, hint hintClaims) (string, bool) {
	clientID := r.FormValue("client_id")
	if len(hint.Audience) == 1 {
		clientID = hint.Audience[0]
	}
	app, known := s.application(clientID)
	uri := r.FormValue("post_logout_redirect_uri")
	if !known || !slices.Contains(app.logoutURIs(), uri) {
		return "", false
	}
	target, err := url.Parse(uri)
	if err != nil {
		return "", false
	}
	if state := r.FormValue("state"); state != "" {
		query := target.Query()
		query.Set("state", state)
		target.RawQuery = query.Encode()
	}
	return target.String(), true
}
