package faults

import (
	"context"
	"encoding/json"
	"os"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/test/identityservers"
)

// site is the identity server of a run, as an administrator of it sees it, and what such a person does there.
type site interface {
	// registrations are those of the application of the run.
	registrations(ctx context.Context) ([]registration, error)
	remove(ctx context.Context, of registration) error
	rename(ctx context.Context, of registration, name string) error
	// plant registers the client id of the application.
	plant(ctx context.Context) error
	// untouched says whether what belongs to others is as it was.
	untouched(ctx context.Context) error
	close(ctx context.Context) error
}

// registration is one at a site.
type registration struct {
	id, clientID, name string
	enabled, secret    bool
	scopes             []string
	// mark is who it says that it belongs to; "" for nobody, or where a server has no place for it.
	mark string
}

// kind is a kind of servers.
type kind struct {
	name string
	// issues: the server draws client ids, and nobody can look for registrations.
	issues bool
	// parallel is how many runs are under way at the same time: most of each is waiting.
	parallel int
	open     func(ctx context.Context, r *Run) (site, error)
}

// The kinds of servers. Hydra keeps everything in tables that lock each other out, so that it answers HTTP 500 to too many at once.
var (
	erpNet  = &kind{name: "ERP.net", parallel: 40, open: openInstance}
	hydra   = &kind{name: "Ory Hydra", parallel: 12, open: openHydra}
	dynamic = &kind{name: "oidc-provider", parallel: 40, issues: true, open: openProvider}
)

// shared are the servers that all runs share, started when the first run needs them.
type shared struct {
	hydra    func() (*identityservers.Hydra, error)
	provider func() (*identityservers.OIDCProvider, error)
	// started are what has to be stopped.
	mu      sync.Mutex
	started []interface{ Stop() error }
}

func newShared() *shared {
	s := &shared{}
	s.hydra = sync.OnceValues(func() (*identityservers.Hydra, error) {
		h, err := identityservers.StartHydra(context.Background(), os.Stderr)
		if err == nil {
			s.keep(h)
		}
		return h, err
	})
	s.provider = sync.OnceValues(func() (*identityservers.OIDCProvider, error) {
		p, err := identityservers.StartOIDCProvider(context.Background(), os.Stderr)
		if err == nil {
			s.keep(p)
		}
		return p, err
	})
	return s
}

func (s *shared) keep(one interface{ Stop() error }) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = append(s.started, one)
}

func (s *shared) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.started {
		_ = one.Stop()
	}
}

// secretOf is what a published Secret proves a client with; "" where it has none.
func secretOf(published corev1.Secret) string {
	if value := published.Data[v1alpha1.KeyClientSecret]; len(value) > 0 {
		return string(value)
	}
	return string(published.Data[v1alpha1.KeyPrivateKeyJWK])
}

// privatePart is the part of a private JWK that nobody else may have.
func privatePart(jwk []byte) string {
	key, err := idserver.ParseKey(idserver.Secret(jwk))
	if err != nil {
		return ""
	}
	text, err := key.MarshalJSON()
	if err != nil {
		return ""
	}
	var parts struct {
		D string `json:"d"`
	}
	if json.Unmarshal(text, &parts) != nil {
		return ""
	}
	return parts.D
}
