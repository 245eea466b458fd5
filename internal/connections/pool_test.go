package connections

import (
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

// connection is a Server that is never called.
type connection struct{ idserver.Server }

var first = &connection{}

// calls notes who was told of what.
type calls struct{ changed, suspected []string }

func (c *calls) pool() *Pool {
	return NewPool(func(name string) { c.changed = append(c.changed, name) }, func(name string) { c.suspected = append(c.suspected, name) })
}

func entry() Entry {
	return Entry{
		Server: first, Ready: true, Verification: v1alpha1.VerificationRequired, Environment: v1alpha1.EnvironmentProduction,
		Info: idserver.Info{Type: "ERP.net", Version: "26.2", Features: []string{"A"}, Endpoints: idserver.Endpoints{Issuer: "https://acme.example/id"}},
	}
}

func TestPoolTellsOfWhatApplicationsLookAtAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Entry)
		told   bool
	}{
		"nothing":                {func(*Entry) {}, false},
		"readiness":              {func(e *Entry) { e.Ready = false }, true},
		"the reason":             {func(e *Entry) { e.Reason = v1alpha1.ReasonUnauthorized }, true},
		"the connection":         {func(e *Entry) { e.Server = &connection{} }, true},
		"the connection is lost": {func(e *Entry) { e.Server = nil }, true},
		"an endpoint":            {func(e *Entry) { e.Info.Endpoints.EndSession = "https://acme.example/id/bye" }, true},
		"verification":           {func(e *Entry) { e.Verification = v1alpha1.VerificationOff }, true},
		"environment":            {func(e *Entry) { e.Environment = v1alpha1.EnvironmentTest }, true},
		"what the server can do": {func(e *Entry) { e.Capabilities.SecretSlots = 2 }, true},
		"keys":                   {func(e *Entry) { e.Info.KeyAlgorithm = "ES256" }, true},
		"a grant":                {func(e *Entry) { e.Access = []v1alpha1.AccessGrant{{Name: "teams"}} }, true},
		"who lost a grant":       {func(e *Entry) { e.DisableDenied = true }, true},
		"a message":              {func(e *Entry) { e.Message = "unavailable (HTTP 503, request 2)" }, false},
		"what administrators see": {func(e *Entry) {
			e.Info.Version, e.Info.Features, e.Info.Warnings = "26.3", []string{"B"}, []string{"w"}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var told calls
			pool := told.pool()
			pool.Set("acme", entry())
			g.Expect(told.changed).To(Equal([]string{"acme"}), "the first entry is news")
			e := entry()
			c.change(&e)
			pool.Set("acme", e)
			got, ok := pool.Get("acme")
			g.Expect(ok).To(BeTrue())
			g.Expect(got).To(Equal(e), "it is stored in any case")
			g.Expect(told.changed).To(HaveLen(map[bool]int{false: 1, true: 2}[c.told]))
			pool.Set("acme", e)
			g.Expect(told.changed).To(HaveLen(map[bool]int{false: 1, true: 2}[c.told]), "the same again is no news")
		})
	}
}

func TestPoolForgetsAServerAndKnowsItsSuccessorAnew(t *testing.T) {
	g := NewWithT(t)
	var told calls
	pool := told.pool()
	pool.Remove("acme")
	g.Expect(told.changed).To(BeEmpty(), "it was never there")
	pool.Set("acme", entry())
	pool.Set("other", entry())
	pool.Remove("acme")
	_, ok := pool.Get("acme")
	g.Expect(ok).To(BeFalse())
	_, ok = pool.Get("other")
	g.Expect(ok).To(BeTrue())
	pool.Remove("acme")
	pool.Set("acme", entry())
	g.Expect(told.changed).To(Equal([]string{"acme", "other", "acme", "acme"}))
	pool.Suspect("acme")
	g.Expect(told.suspected).To(Equal([]string{"acme"}))
}

func TestPoolMayBeAskedWhileItTells(t *testing.T) {
	g := NewWithT(t)
	var pool *Pool
	var mu sync.Mutex
	seen := map[string]bool{}
	pool = NewPool(func(name string) {
		e, ok := pool.Get(name)
		mu.Lock()
		defer mu.Unlock()
		seen[name] = ok && e.Ready
	}, func(string) {})
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		all.Go(func() { pool.Set(name, entry()) })
	}
	all.Wait()
	g.Expect(seen).To(Equal(map[string]bool{"a": true, "b": true, "c": true, "d": true}), "who is told finds the new entry")
}

func TestCredentialsSecret(t *testing.T) {
	g := NewWithT(t)
	spec := v1alpha1.IdentityServerSpec{ERPNet: &v1alpha1.ERPNetServer{CredentialsRef: v1alpha1.LocalSecretReference{Name: "login"}}}
	g.Expect(CredentialsSecret(spec)).To(Equal("login"))
	g.Expect(CredentialsSecret(v1alpha1.IdentityServerSpec{})).To(BeEmpty())
}
