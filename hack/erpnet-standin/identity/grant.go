package identity

import (
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/openid"

	"trustedapps.dev/operator/hack/erpnet-standin/clock"
	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// grant is what the server remembers of an authorization: the library's session, and whom it is for.
type grant struct {
	*openid.DefaultSession
	clock *clock.Clock

	service    bool // client credentials; the fields below but system are those of a sign-in
	system     model.User
	signIn     signIn
	user       model.User
	appVersion int32 // version of the registration that the grant was given under
}

var _ openid.Session = (*grant)(nil)

func (s *Server) newGrant() *grant {
	return &grant{DefaultSession: openid.NewDefaultSession(), clock: s.Clock}
}

// Clone implements fosite.Session.
func (g *grant) Clone() fosite.Session {
	c := *g
	c.DefaultSession = g.DefaultSession.Clone().(*openid.DefaultSession)
	return &c
}

// SetExpiresAt takes a time of the real clock, which is the one the library knows, and keeps it in the instance's time.
func (g *grant) SetExpiresAt(key fosite.TokenType, exp time.Time) {
	g.DefaultSession.SetExpiresAt(key, exp.Add(g.clock.Offset()))
}

// GetExpiresAt answers in the real clock's time.
func (g *grant) GetExpiresAt(key fosite.TokenType) time.Time {
	exp := g.DefaultSession.GetExpiresAt(key)
	if exp.IsZero() {
		return exp
	}
	return exp.Add(-g.clock.Offset())
}

// expired says whether the token of this kind is past its time.
func (g *grant) expired(key fosite.TokenType) bool {
	exp := g.GetExpiresAt(key)
	return !exp.IsZero() && !time.Now().Before(exp)
}

// alive says whether a refresh may still build on the grant: it dies with a sign-out, a change of the password or of
// the registration, and with the user.
func (s *Server) alive(g *grant) bool {
	user, ok := s.Store.User(g.user.ID)
	if !ok || !usable(user, s.Clock.Now()) || user.Password != g.user.Password {
		return false
	}
	app, ok := s.Store.ApplicationByURI(g.signIn.clientID)
	return ok && app.ObjectVersion == g.appVersion && !s.signIns.ended(g.signIn.sid)
}
