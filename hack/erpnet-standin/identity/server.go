package identity

import (
	"net/http"
	"strings"
	"sync"

	"github.com/ory/fosite"

	"trustedapps.dev/operator/hack/erpnet-standin/clock"
	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/session"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// Config is what the identity server of an instance knows of the rest of the instance. All fields are required.
type Config struct {
	Root     string // the instance root, without a trailing slash
	Database string // the name in the claims db and client_db
	Store    *model.Store
	Quirks   model.Quirks
	Keys     *token.Keys
	Checker  *token.Checker
	Sessions *session.Manager
	Clock    *clock.Clock
}

// IssuerOf is the issuer of the instance at root.
func IssuerOf(root string) string { return root + "/id" }

// Server is the identity server. It serves everything under /id/.
type Server struct {
	Config
	issuer   string
	mux      *http.ServeMux
	provider fosite.OAuth2Provider
	grants   *grants
	signIns  *signIns
	// exchanging makes a code and a refresh token single-use also for requests that arrive at the same time.
	exchanging sync.Mutex
}

// New makes the identity server.
func New(c Config) *Server {
	s := &Server{Config: c, issuer: IssuerOf(c.Root), mux: http.NewServeMux(), signIns: newSignIns()}
	s.grants = newGrants(s)
	s.provider = newProvider(s)
	s.mux.HandleFunc("GET /id/.well-known/openid-configuration", shared(s.discovery))
	s.mux.HandleFunc("GET /id/.well-known/openid-configuration/jwks", shared(s.jwks))
	s.mux.HandleFunc("GET /id/connect/authorize", s.authorize)
	s.mux.HandleFunc("POST /id/connect/authorize", s.authorize)
	s.mux.HandleFunc("POST /id/connect/token", shared(s.token))
	s.mux.HandleFunc("OPTIONS /id/connect/token", shared(func(http.ResponseWriter, *http.Request) {}))
	s.mux.HandleFunc("GET /id/connect/endsession", s.endSession)
	if !c.Quirks.NoUserInfo {
		s.mux.HandleFunc("GET /id/connect/userinfo", shared(s.userInfo))
		s.mux.HandleFunc("POST /id/connect/userinfo", shared(s.userInfo))
		s.mux.HandleFunc("OPTIONS /id/connect/userinfo", shared(func(http.ResponseWriter, *http.Request) {}))
	}
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// shared opens an endpoint to scripts of other origins, so that a single-page app can sign in. No cookie is involved.
func shared(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		next(w, r)
	}
}

// application looks the application up, on every request anew.
func (s *Server) application(clientID string) (registration, bool) {
	app, ok := s.Store.ApplicationByURI(clientID)
	if !ok && s.Quirks.CaseInsensitiveURI {
		for _, other := range s.Store.Applications() {
			if strings.EqualFold(other.ApplicationURI, clientID) {
				app, ok = other, true
			}
		}
	}
	return registration{TrustedApplication: app, quirks: s.Quirks}, ok
}
