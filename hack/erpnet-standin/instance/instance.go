// Package instance puts one stand-in ERP.net instance together - database, identity server, Domain API, tools,
// fault injection, counters - and serves it over TLS.
package instance

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"trustedapps.dev/operator/hack/erpnet-standin/clock"
	"trustedapps.dev/operator/hack/erpnet-standin/domainapi"
	"trustedapps.dev/operator/hack/erpnet-standin/identity"
	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/session"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// Instance is a running stand-in instance.
type Instance struct {
	Name     string
	Root     string // the instance root, without a trailing slash
	Store    *model.Store
	Clock    *clock.Clock
	Sessions *session.Manager
	Keys     *token.Keys
	Faults   *Faults
	Counters *Counters

	quirks   model.Quirks
	identity *identity.Server
	checker  *token.Checker
	front    *front

	mu      sync.RWMutex
	version model.Version
	api     http.Handler
}

// Start makes the instance of the spec and serves it. The listen address is taken from the spec, else from fallback;
// port 0 draws a free port.
func Start(spec Spec, ca *CA, fallback string) (*Instance, error) {
	if spec.Name == "" {
		return nil, fmt.Errorf("an instance needs a name")
	}
	address := spec.Address
	if address == "" {
		address = fallback
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for instance %s: %w", spec.Name, err)
	}
	root := strings.TrimSuffix(spec.PublicURL, "/")
	if root == "" {
		root = "https://" + listener.Addr().String()
	}
	i, err := assemble(spec, root)
	if err == nil {
		i.front, err = newFront(listener, ca, root, i)
	}
	if err != nil {
		return nil, fmt.Errorf("starting instance %s: %w", spec.Name, err)
	}
	return i, nil
}

// assemble makes the parts of an instance that will be reached at root.
func assemble(spec Spec, root string) (*Instance, error) {
	keys, err := token.NewKeys()
	if err != nil {
		return nil, err
	}
	c := &clock.Clock{}
	i := &Instance{
		Name: spec.Name, Root: root, Store: model.NewStore(c.Now), Clock: c, Keys: keys, quirks: spec.Quirks,
		Sessions: session.New(c.Now, spec.LicenceSlots, spec.RequestsPerMinute, session.DefaultConcurrent, session.DefaultQueue),
		Faults:   NewFaults(), Counters: NewCounters(),
	}
	references := token.NewReferences()
	if err := i.seed(spec, references); err != nil {
		return nil, err
	}
	i.checker = &token.Checker{
		Issuer: identity.IssuerOf(root), Keys: keys, References: references, Store: i.Store, Quirks: spec.Quirks, Now: c.Now,
	}
	i.identity = identity.New(identity.Config{
		Root: root, Database: spec.Name, Store: i.Store, Quirks: spec.Quirks, Keys: keys, Checker: i.checker,
		Sessions: i.Sessions, Clock: c,
	})
	version := spec.Version
	if version == "" {
		version = DefaultVersion
	}
	if err := i.SetVersion(version); err != nil {
		return nil, err
	}
	return i, nil
}

// seed fills the database; users first, because applications refer to them.
func (i *Instance) seed(spec Spec, references *token.References) error {
	for _, u := range spec.Users {
		i.Store.PutUser(u.User)
	}
	for _, a := range spec.Applications {
		app, err := a.Resolve(i.Store)
		if err != nil {
			return err
		}
		if _, err := i.Store.CreateApplication(app); err != nil {
			return fmt.Errorf("storing application %s: %w", app.ApplicationURI, err)
		}
	}
	for _, ref := range spec.ReferenceTokens {
		if err := references.Add(ref); err != nil {
			return err
		}
	}
	return nil
}

// DomainAPI is the OData service root.
func (i *Instance) DomainAPI() string { return i.Root + "/api/domain/odata/" }

// Identity is the issuer.
func (i *Instance) Identity() string { return identity.IssuerOf(i.Root) }

// Version is the emulated product version.
func (i *Instance) Version() model.Version {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.version
}

// SetVersion upgrades (or downgrades) the instance in place; data, tokens and sessions stay.
func (i *Instance) SetVersion(text string) error {
	version, err := model.ParseVersion(text)
	if err != nil {
		return err
	}
	api := domainapi.New(domainapi.Config{
		Store: i.Store, Version: version, Quirks: i.quirks, Sessions: i.Sessions, Verifier: i.checker,
		BaseURL: i.Root, Now: i.Clock.Now,
	})
	i.mu.Lock()
	defer i.mu.Unlock()
	i.version, i.api = version, api
	return nil
}

// ServeHTTP serves the whole instance: counters first, then injected faults, then the parts by path.
func (i *Instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.Counters.observe(w, r, func(w http.ResponseWriter, r *http.Request) {
		i.Faults.around(w, r, i.route)
	})
}

func (i *Instance) route(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/id/"):
		i.identity.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, apiPrefix):
		i.mu.RLock()
		api := i.api
		i.mu.RUnlock()
		api.ServeHTTP(w, r)
	default:
		i.tools(w, r)
	}
}

// SetDown takes the instance off the network, where connections are refused, or brings it back at the same address.
func (i *Instance) SetDown(down bool) error { return i.front.setDown(down) }

// Stop ends the instance and every connection to it.
func (i *Instance) Stop() error { return i.front.setDown(true) }
