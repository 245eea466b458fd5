package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// signInTimeClaim carries the time of the sign-in, in the instance's time, to the signer of the ID token: the library
// compares auth_time with the real clock.
const signInTimeClaim = "standin_auth_time"

// credentials are what the login page posts beside the authorization request.
type credentials struct {
	login, password string
	given           bool
}

// takeCredentials removes the credentials from the form, so that nothing behind it stores or shows them.
func takeCredentials(form url.Values) credentials {
	c := credentials{login: form.Get(loginField), password: form.Get(passwordField), given: form.Has(passwordField)}
	form.Del(loginField)
	form.Del(passwordField)
	return c
}

// authorize answers GET /connect/authorize, and the login page's POST to it.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	refuseFraming(w)
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		writeErrorPage(w, r, failure(invalidRequest, "The request cannot be parsed."))
		return
	}
	creds := takeCredentials(r.Form)
	app, err := s.returnsSafely(r.Form)
	if err != nil {
		writeErrorPage(w, r, err)
		return
	}
	ar, scopes, err := s.authorizeRequest(r, app)
	if err == nil {
		var in signIn
		var user model.User
		if in, user, err = s.signInFor(w, r, creds); in.sid == "" && err == nil {
			return // the login page was shown
		}
		if err == nil {
			err = s.grantCode(w, r, ar, app, in, user, scopes)
		}
	}
	if err != nil {
		s.provider.WriteAuthorizeError(r.Context(), w, ar, library(err))
	}
}

// returnsSafely finds the application and checks the redirect URI. Until both are good, errors stay on the server's
// own page: redirecting them would send a browser wherever the request says.
func (s *Server) returnsSafely(form url.Values) (registration, error) {
	app, ok := s.application(form.Get("client_id"))
	if !ok || !app.IsEnabled || app.ClientType == model.NoClient {
		return app, failure(unauthorizedClient, "The application is not registered or disabled.")
	}
	if !slices.Contains(app.redirectURIs(), form.Get("redirect_uri")) {
		return app, failure(invalidRedirectURI, "The redirect_uri is not registered for the application.")
	}
	return app, nil
}

// authorizeRequest validates the rest of the request; its errors go to the redirect URI.
func (s *Server) authorizeRequest(r *http.Request, app registration) (fosite.AuthorizeRequester, []string, error) {
	scopes, scopeErr := app.userScopes(r.Form.Get("scope"))
	// The login page repeats the request as it came, the library sees the scopes as they are granted.
	original := r.Form.Get("scope")
	r.Form.Set("scope", strings.Join(scopes, " "))
	defer r.Form.Set("scope", original)
	r.Form.Set("client_id", app.ApplicationURI)
	ar, err := s.provider.NewAuthorizeRequest(r.Context(), r)
	switch {
	case err != nil:
		return ar, nil, err
	case !app.interactive():
		return ar, nil, failure(unsupportedGrantType, "The application may not sign users in.")
	case scopeErr != nil:
		return ar, nil, scopeErr
	case app.ClientType == model.Public && r.Form.Get("code_challenge") == "" && !s.Quirks.PKCEOptionalForPublic:
		return ar, nil, failure(invalidRequest, "A public client must send a code_challenge (S256).")
	}
	return ar, scopes, nil
}

// signInFor finds out who is there: by the posted credentials, else by the cookie, else by showing the login page,
// after which both results are empty.
func (s *Server) signInFor(w http.ResponseWriter, r *http.Request, creds credentials) (signIn, model.User, error) {
	if creds.given {
		user, ok := s.checkPassword(creds)
		if !ok {
			writeLoginPage(w, http.StatusUnauthorized, r.Form, "Login or password is wrong, or the user may not log in.")
			return signIn{}, user, nil
		}
		return s.signIns.start(w, r, user, s.Clock.Now()), user, nil
	}
	prompt := strings.Fields(r.Form.Get("prompt"))
	in, signedIn := s.signIns.find(r)
	user, known := s.Store.User(in.userID)
	if signedIn && known && usable(user, s.Clock.Now()) && !slices.Contains(prompt, "login") {
		return in, user, nil
	}
	if slices.Contains(prompt, "none") {
		return signIn{}, user, failure(loginRequired, "Nobody is signed in.")
	}
	writeLoginPage(w, http.StatusOK, r.Form, "")
	return signIn{}, user, nil
}

func (s *Server) checkPassword(creds credentials) (model.User, bool) {
	user, ok := s.Store.UserByLogin(creds.login)
	canLogIn := user.UserType == model.InternalUser || user.UserType == model.ExternalCommunityUser
	return user, ok && canLogIn && usable(user, s.Clock.Now()) && user.Password != "" && user.Password == creds.password
}

// grantCode lets the library issue the code (and, for a hybrid response, the ID token) and sends it back.
func (s *Server) grantCode(w http.ResponseWriter, r *http.Request, ar fosite.AuthorizeRequester, app registration,
	in signIn, user model.User, scopes []string) error {
	if !app.mayImpersonate(user.UserType) {
		return failure(accessDenied, "The application may not sign in users of this type.")
	}
	opens := slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(apiScopes, scope) })
	if opens && user.UserType == model.ExternalCommunityUser && s.Quirks.CommunityReadRefused {
		return failure(invalidScope, "A community user has no access to the APIs.")
	}
	g := s.userGrant(r, app, in, user)
	for _, scope := range scopes {
		ar.GrantScope(scope)
	}
	resp, err := s.provider.NewAuthorizeResponse(r.Context(), ar, g)
	if err != nil {
		return err
	}
	s.provider.WriteAuthorizeResponse(r.Context(), w, ar, resp)
	return nil
}

func (s *Server) userGrant(r *http.Request, app registration, in signIn, user model.User) *grant {
	g := s.newGrant()
	in.clientID = app.ApplicationURI
	g.signIn, g.user, g.appVersion = in, user, app.ObjectVersion
	claims := g.IDTokenClaims()
	claims.Subject = user.Login
	claims.AuthTime = in.at.Add(-s.Clock.Offset())
	claims.RequestedAt = time.Now()
	if slices.Contains(strings.Fields(r.Form.Get("prompt")), "login") {
		// signInFor has just seen the password; the library would compare two readings of the clock.
		claims.RequestedAt = claims.AuthTime
	}
	claims.AuthenticationMethodsReferences = []string{"pwd"}
	claims.Extra = map[string]any{"sid": in.sid, "idp": "local", signInTimeClaim: in.at.Unix()}
	if state := r.Form.Get("state"); state != "" {
		sum := sha256.Sum256([]byte(state))
		claims.Extra["s_hash"] = base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	return g
}
