// Package connections holds, for each IdentityServer by name, the connection to it and what its last probe found.
package connections

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

// Entry is what is known of one IdentityServer.
type Entry struct {
	// Server is the connection; nil where none could be made.
	Server idserver.Server
	// Capabilities are what it can do, as of the last probe.
	Capabilities idserver.Capabilities
	// Info is what the last successful probe found; Issuer is empty where none ever succeeded.
	Info idserver.Info
	// Ready says whether the last probe succeeded; Reason and Message say why not.
	Ready           bool
	Reason, Message string
	// Verification and Environment are those of the spec.
	Verification v1alpha1.VerificationPolicy
	Environment  v1alpha1.Environment
	// Takeover: applications may take registrations of others over; FormerClusters are those that this one was restored from.
	Takeover       bool
	FormerClusters []string
	// Paused: nothing is done for the server and its applications.
	Paused bool
	// Access are the grants of the spec, and DisableDenied says that the server is to refuse what none covers any more.
	Access        []v1alpha1.AccessGrant
	DisableDenied bool
	// Spacing is that of the spec, with its defaults.
	Spacing Spacing
}

// Pool holds the entries. All methods are safe for concurrent use.
type Pool struct {
	mu      sync.Mutex
	entries map[string]Entry
	changed func(name string)
	suspect func(name string)
}

// NewPool makes an empty pool. changed is called after an entry changed in a way that applications wait for; suspect when
// somebody found a server unreachable, so that it is probed. Both must not block.
func NewPool(changed, suspect func(name string)) *Pool {
	return &Pool{entries: map[string]Entry{}, changed: changed, suspect: suspect}
}

// Get returns the entry; ok is false where the server was never probed in this process.
func (p *Pool) Get(name string) (e Entry, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok = p.entries[name]
	return e, ok
}

// Set stores an entry, and tells who waits for it if something changed that they look at.
func (p *Pool) Set(name string, e Entry) {
	p.mu.Lock()
	before, known := p.entries[name]
	p.entries[name] = e
	p.mu.Unlock()
	if !known || before.Ready != e.Ready || before.Info.Endpoints != e.Info.Endpoints ||
		before.Info.KeyAlgorithm != e.Info.KeyAlgorithm || before.Capabilities != e.Capabilities || before.Server != e.Server ||
		before.Verification != e.Verification || before.Environment != e.Environment || before.Reason != e.Reason ||
		before.Paused != e.Paused || before.DisableDenied != e.DisableDenied || !equality.Semantic.DeepEqual(before.Access, e.Access) ||
		before.Takeover != e.Takeover || !slices.Equal(before.FormerClusters, e.FormerClusters) {
		p.changed(name)
	}
}

// Remove forgets a server that is gone.
func (p *Pool) Remove(name string) {
	p.mu.Lock()
	_, known := p.entries[name]
	delete(p.entries, name)
	p.mu.Unlock()
	if known {
		p.changed(name)
	}
}

// Changed says that an application of the server has something to tell in the status of the server.
func (p *Pool) Changed(name string) { p.suspect(name) }

// Suspect says that the server could not be reached, or refused the operator, so that it is probed soon.
func (p *Pool) Suspect(name string) { p.suspect(name) }
