package control

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"trustedapps.dev/operator/hack/erpnet-standin/instance"
	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// maxBody bounds the body of a control request.
const maxBody = 8 << 20

// Summary tells where an instance is.
type Summary struct {
	Name      string `json:"name"`
	URL       string `json:"url"`       // the instance root
	DomainAPI string `json:"domainApi"` // the OData service root
	Identity  string `json:"identity"`  // the issuer
	Version   string `json:"version"`
}

// SummaryOf describes an instance.
func SummaryOf(i *instance.Instance) Summary {
	return Summary{
		Name: i.Name, URL: i.Root, DomainAPI: i.DomainAPI(), Identity: i.Identity(), Version: i.Version().String(),
	}
}

// Handler serves the control endpoint of a fleet.
func Handler(fleet *Fleet, caPEM []byte) http.Handler {
	h := &handler{fleet: fleet}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ca.pem", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(caPEM)
	})
	mux.HandleFunc("POST /instances", answering(h.start))
	mux.HandleFunc("GET /instances", answering(h.list))
	mux.HandleFunc("DELETE /instances/{name}", answering(h.stop))
	for pattern, f := range map[string]instanceFunc{
		"GET /instances/{name}":                              summary,
		"GET /instances/{name}/counters":                     counters,
		"POST /instances/{name}/counters/reset":              resetCounters,
		"GET /instances/{name}/requests":                     requests,
		"GET /instances/{name}/sessions":                     sessions,
		"DELETE /instances/{name}/sessions/{key}":            endSession,
		"POST /instances/{name}/faults":                      addFault,
		"GET /instances/{name}/faults":                       faults,
		"DELETE /instances/{name}/faults":                    removeFaults,
		"DELETE /instances/{name}/faults/{id}":               removeFaults,
		"GET /instances/{name}/applications":                 applications,
		"POST /instances/{name}/applications":                createApplication,
		"GET /instances/{name}/applications/{id}":            application,
		"PATCH /instances/{name}/applications/{id}":          editApplication,
		"DELETE /instances/{name}/applications/{id}":         deleteApplication,
		"PUT /instances/{name}/applications/{id}/referenced": setReferenced,
		"GET /instances/{name}/users":                        users,
		"POST /instances/{name}/users":                       putUser,
		"POST /instances/{name}/clock":                       advanceClock,
		"POST /instances/{name}/keys/rotate":                 rotateKeys,
		"POST /instances/{name}/down":                        setDown,
		"PUT /instances/{name}/version":                      setVersion,
	} {
		mux.HandleFunc(pattern, answering(h.ofInstance(f)))
	}
	return mux
}

type handler struct{ fleet *Fleet }

// statusError is an error with the HTTP status to answer with.
type statusError struct {
	error
	status int
}

func notFound(what string) error {
	return statusError{errors.New(what + " not found"), http.StatusNotFound}
}

// instanceFunc serves a request about one instance: the answer is sent as JSON, nil as 204.
type instanceFunc func(i *instance.Instance, r *http.Request) (any, error)

func (h *handler) ofInstance(f instanceFunc) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		i, ok := h.fleet.Find(r.PathValue("name"))
		if !ok {
			return nil, notFound("instance")
		}
		return f(i, r)
	}
}

func answering(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, err := f(r)
		if err == nil && answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		status := http.StatusOK
		if err != nil {
			answer, status = map[string]string{"error": err.Error()}, statusOf(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // the caller may be gone; there is nobody left to tell
	}
}

func statusOf(err error) int {
	var withStatus statusError
	switch {
	case errors.As(err, &withStatus):
		return withStatus.status
	case errors.Is(err, model.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, errTaken), errors.Is(err, model.ErrDuplicate), errors.Is(err, model.ErrReferenced):
		return http.StatusConflict
	}
	return http.StatusBadRequest
}

// read decodes a JSON body; unknown members are mistakes.
func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func readAll(r *http.Request) ([]byte, error) { return io.ReadAll(r.Body) }

func (h *handler) start(r *http.Request) (any, error) {
	var spec instance.Spec
	if err := read(r, &spec); err != nil {
		return nil, err
	}
	i, err := h.fleet.Start(spec)
	if err != nil {
		return nil, err
	}
	return SummaryOf(i), nil
}

func (h *handler) list(*http.Request) (any, error) {
	out := []Summary{}
	for _, i := range h.fleet.List() {
		out = append(out, SummaryOf(i))
	}
	return out, nil
}

func (h *handler) stop(r *http.Request) (any, error) {
	found, err := h.fleet.Stop(r.PathValue("name"))
	if !found {
		return nil, notFound("instance")
	}
	return nil, err
}
