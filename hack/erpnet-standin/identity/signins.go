package identity

import (
	"net/http"
	"sync"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// cookieName names the identity cookie, which holds a value of its own: the sid is no secret, tokens carry it.
const cookieName = "erpnet.identity"

// signIn is one signed-in browser: its sid is the key of the licence session and of single sign-out.
type signIn struct {
	sid      string
	userID   string
	at       time.Time // when the password was last given
	clientID string    // in a grant: the application that it was given to
}

// signIns knows the live sign-ins of an instance. It is safe for concurrent use.
type signIns struct {
	mu      sync.Mutex
	cookies map[string]string // cookie to sid
	live    map[string]signIn // by sid
}

func newSignIns() *signIns {
	return &signIns{cookies: map[string]string{}, live: map[string]signIn{}}
}

// find is the sign-in of the browser that sent the request.
func (s *signIns) find(r *http.Request) (signIn, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return signIn{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	in, ok := s.live[s.cookies[cookie.Value]]
	return in, ok
}

// start signs a user in and sets the cookie. The same user in the same browser keeps the sid; another user gets a
// new one, and the first stays signed in where its tokens are.
func (s *signIns) start(w http.ResponseWriter, r *http.Request, user model.User, now time.Time) signIn {
	in, again := s.find(r)
	if !again || in.userID != user.ID {
		in = signIn{sid: token.NewID(), userID: user.ID}
	}
	in.at = now
	value := token.NewOpaque()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cookies[value], s.live[in.sid] = in.sid, in
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: "/id/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
	return in
}

// end signs out everywhere.
func (s *signIns) end(sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, sid)
	for cookie, of := range s.cookies {
		if of == sid {
			delete(s.cookies, cookie)
		}
	}
}

// ended says whether the sign-in is over.
func (s *signIns) ended(sid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.live[sid]
	return !ok
}
