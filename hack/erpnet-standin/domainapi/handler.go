// Package domainapi is the Domain API of a stand-in ERP.net instance: the OData 4 subset that registers trusted
// applications, looks up users and serves one business data set, with the model of the emulated version.
//
// What a real instance has and this package refuses loudly, always with an error and never by ignoring it: explicit
// transactions (BeginTransaction, EndTransaction), Import, nested or top-level actions that could write another
// record (merge, findOrCreate and the like), sub-resource paths, PUT, and the JSON batch format.
package domainapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/session"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

const (
	apiPrefix = "/api/domain/"
	maxBody   = 16 << 20 // bytes; a request that is larger is refused
)

// Config is what the Domain API of one instance stands on. All fields but Quirks are required.
type Config struct {
	Store    *model.Store
	Version  model.Version // decides which attributes exist; a new version takes a new handler
	Quirks   model.Quirks
	Sessions *session.Manager // opens sessions, takes licence slots, limits rates
	Verifier token.Verifier   // authenticates every request but those to standardmodel
	BaseURL  string           // instance root without a trailing slash, for example https://acme.my.erp.net
	Now      func() time.Time // clock of the instance
}

type handler struct {
	Config
	root      string // service root, ends with a slash
	entities  map[string]*entity
	standard  map[string]*entity // the product model: what standardmodel describes
	customers *customerTable
}

// New makes the handler for everything below /api/domain/ ; it expects the full request path.
func New(c Config) http.Handler {
	return &handler{
		Config:    c,
		root:      strings.TrimSuffix(c.BaseURL, "/") + apiPrefix + "odata/",
		entities:  entitiesOf(c.Version, c.Quirks),
		standard:  entitiesOf(c.Version, model.Quirks{}),
		customers: madeUpCustomers(),
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, apiPrefix)
	if !ok {
		h.send(w, h.failure(errNoResource(r.URL.Path)))
		return
	}
	if set, ok := strings.CutPrefix(path, "standardmodel/"); ok { // anonymous: no token, no session
		h.send(w, h.orFailure(describeModel(r.Method, h.standard, set)))
		return
	}
	who, err := h.Verifier.Verify(r.Context(), r)
	if err != nil {
		h.send(w, h.failure(authenticationError(err)))
		return
	}
	leave, err := h.enter(r.Context(), who)
	if err != nil {
		h.send(w, h.failure(err))
		return
	}
	defer leave()
	h.send(w, h.orFailure(h.answer(w, r, who, path)))
}

// enter takes the caller's session, and with it a licence slot and a place within the rate limits.
func (h *handler) enter(ctx context.Context, who token.Caller) (func(), error) {
	leave, err := h.Sessions.Enter(ctx, session.Subject{
		Key: who.SessionKey, Login: who.Login, ClientID: who.ClientID, Service: who.Service,
	})
	switch {
	case errors.Is(err, session.ErrNoLicence):
		return nil, errNoLicence(h.Quirks.NoLicenceStatus)
	case errors.Is(err, session.ErrTooManyRequests):
		return nil, errTooManyRequests()
	case err != nil:
		return nil, errUnavailable(err)
	}
	return leave, nil
}

// answer serves an authenticated request that is inside its session.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, who token.Caller, path string) (reply, error) {
	if set, ok := strings.CutPrefix(path, "currentmodel/"); ok {
		return describeModel(r.Method, h.entities, set)
	}
	path, ok := strings.CutPrefix(path, "odata/")
	if !ok {
		return reply{}, errNoResource(r.URL.Path)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return reply{}, errBadRequest("The request body could not be read.")
	}
	op := operation{method: r.Method, path: path, query: r.URL.RawQuery, header: r.Header, body: body}
	db := &database{store: h.Store, customers: h.customers}
	if path == "$batch" {
		return h.batch(db, who, op)
	}
	return h.perform(db, who, op)
}

func (h *handler) orFailure(answer reply, err error) reply {
	if err != nil {
		return h.failure(err)
	}
	return answer
}

func (h *handler) send(w http.ResponseWriter, answer reply) {
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body) // the client may be gone; there is nobody left to tell
}
