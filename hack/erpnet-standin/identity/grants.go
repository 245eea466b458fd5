package identity

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/ory/fosite"
)

// grants stores codes, PKCE challenges, OpenID requests and refresh tokens for the library, by digest. Access tokens
// are self-contained and not stored.
type grants struct {
	server *Server

	mu      sync.Mutex
	codes   map[string]*stored
	refresh map[string]*stored
	pkce    map[string]fosite.Requester
	openID  map[string]fosite.Requester
}

type stored struct {
	fosite.Requester
	used bool
}

func newGrants(s *Server) *grants {
	return &grants{
		server: s, codes: map[string]*stored{}, refresh: map[string]*stored{},
		pkce: map[string]fosite.Requester{}, openID: map[string]fosite.Requester{},
	}
}

// GetClient implements fosite.Storage.
func (g *grants) GetClient(_ context.Context, id string) (fosite.Client, error) {
	app, ok := g.server.application(id)
	if !ok || !app.IsEnabled {
		return nil, fosite.ErrNotFound
	}
	return newClient(app), nil
}

var errNoAssertions = errors.New("clients do not authenticate by assertion")

// ClientAssertionJWTValid implements fosite.Storage.
func (g *grants) ClientAssertionJWTValid(context.Context, string) error { return errNoAssertions }

// SetClientAssertionJWT implements fosite.Storage.
func (g *grants) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return errNoAssertions
}

// CreateAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage.
func (g *grants) CreateAuthorizeCodeSession(_ context.Context, code string, r fosite.Requester) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.prune()
	g.codes[code] = &stored{Requester: r}
	return nil
}

// prune drops what expired, so that a long-running instance does not grow.
func (g *grants) prune() {
	dead := func(kind fosite.TokenType) func(string, *stored) bool {
		return func(_ string, e *stored) bool { return e.GetSession().(*grant).expired(kind) }
	}
	maps.DeleteFunc(g.codes, dead(fosite.AuthorizeCode))
	maps.DeleteFunc(g.refresh, dead(fosite.RefreshToken))
	orphan := func(code string, _ fosite.Requester) bool { _, ok := g.codes[code]; return !ok }
	maps.DeleteFunc(g.pkce, orphan)
	maps.DeleteFunc(g.openID, orphan)
}

// GetAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage.
func (g *grants) GetAuthorizeCodeSession(_ context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, ok := g.codes[code]
	if !ok {
		return nil, fosite.ErrNotFound
	}
	if e.used {
		return e.Requester, fosite.ErrInvalidatedAuthorizeCode
	}
	return e.Requester, nil
}

// InvalidateAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage.
func (g *grants) InvalidateAuthorizeCodeSession(_ context.Context, code string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e, ok := g.codes[code]; ok {
		e.used = true
	}
	return nil
}

// CreateAccessTokenSession implements oauth2.AccessTokenStorage.
func (g *grants) CreateAccessTokenSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetAccessTokenSession implements oauth2.AccessTokenStorage.
func (g *grants) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, fosite.ErrNotFound
}

// DeleteAccessTokenSession implements oauth2.AccessTokenStorage.
func (g *grants) DeleteAccessTokenSession(context.Context, string) error { return nil }

// RevokeAccessToken implements oauth2.TokenRevocationStorage.
func (g *grants) RevokeAccessToken(context.Context, string) error { return nil }

// CreateRefreshTokenSession implements oauth2.RefreshTokenStorage.
func (g *grants) CreateRefreshTokenSession(_ context.Context, token, _ string, r fosite.Requester) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refresh[token] = &stored{Requester: r}
	return nil
}

// GetRefreshTokenSession implements oauth2.RefreshTokenStorage.
func (g *grants) GetRefreshTokenSession(_ context.Context, token string, _ fosite.Session) (fosite.Requester, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, ok := g.refresh[token]
	if !ok || !g.server.alive(e.GetSession().(*grant)) {
		return nil, fosite.ErrNotFound
	}
	if e.used {
		return e.Requester, fosite.ErrInactiveToken
	}
	return e.Requester, nil
}

// DeleteRefreshTokenSession implements oauth2.RefreshTokenStorage.
func (g *grants) DeleteRefreshTokenSession(_ context.Context, token string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.refresh, token)
	return nil
}

// RotateRefreshToken implements oauth2.RefreshTokenStorage.
func (g *grants) RotateRefreshToken(ctx context.Context, requestID, _ string) error {
	return g.RevokeRefreshToken(ctx, requestID)
}

// RevokeRefreshToken implements oauth2.TokenRevocationStorage: all refresh tokens of the authorization.
func (g *grants) RevokeRefreshToken(_ context.Context, requestID string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.refresh {
		if e.GetID() == requestID {
			e.used = true
		}
	}
	return nil
}

// CreatePKCERequestSession implements pkce.PKCERequestStorage.
func (g *grants) CreatePKCERequestSession(_ context.Context, code string, r fosite.Requester) error {
	return g.put(g.pkce, code, r)
}

// GetPKCERequestSession implements pkce.PKCERequestStorage.
func (g *grants) GetPKCERequestSession(_ context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	return g.get(g.pkce, code)
}

// DeletePKCERequestSession implements pkce.PKCERequestStorage. The entry stays until its code expires: were it gone
// after a failed attempt, a second attempt without a verifier would pass.
func (g *grants) DeletePKCERequestSession(context.Context, string) error { return nil }

// CreateOpenIDConnectSession implements openid.OpenIDConnectRequestStorage, which names a request by its plain code.
func (g *grants) CreateOpenIDConnectSession(_ context.Context, code string, r fosite.Requester) error {
	return g.put(g.openID, digest(code), r)
}

// GetOpenIDConnectSession implements openid.OpenIDConnectRequestStorage.
func (g *grants) GetOpenIDConnectSession(_ context.Context, code string, _ fosite.Requester) (fosite.Requester, error) {
	return g.get(g.openID, digest(code))
}

// DeleteOpenIDConnectSession implements openid.OpenIDConnectRequestStorage.
func (g *grants) DeleteOpenIDConnectSession(_ context.Context, code string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.openID, digest(code))
	return nil
}

func (g *grants) put(in map[string]fosite.Requester, key string, r fosite.Requester) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	in[key] = r
	return nil
}

func (g *grants) get(from map[string]fosite.Requester, key string) (fosite.Requester, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := from[key]
	if !ok {
		return nil, fosite.ErrNotFound
	}
	return r, nil
}
