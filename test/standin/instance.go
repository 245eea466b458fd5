package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Instance is a running instance.
type Instance struct {
	Name string `json:"name"`
	// URL is the root, DomainAPI the OData root, Identity the issuer.
	URL       string `json:"url"`
	DomainAPI string `json:"domainApi"`
	Identity  string `json:"identity"`

	process *Process
}

// NewInstance starts an instance.
func (p *Process) NewInstance(ctx context.Context, spec Spec) (*Instance, error) {
	i := &Instance{process: p}
	if err := p.call(ctx, http.MethodPost, "/instances", spec, i); err != nil {
		return nil, err
	}
	return i, nil
}

// Close ends the instance.
func (i *Instance) Close(ctx context.Context) error {
	return i.call(ctx, http.MethodDelete, "", nil, nil)
}

// Counts reads the counters.
func (i *Instance) Counts(ctx context.Context) (c Counts, err error) {
	err = i.call(ctx, http.MethodGet, "/counters", nil, &c)
	return c, err
}

// ResetCounts sets the counters to zero.
func (i *Instance) ResetCounts(ctx context.Context) error {
	return i.call(ctx, http.MethodPost, "/counters/reset", nil, nil)
}

// Requests reads the log, oldest first.
func (i *Instance) Requests(ctx context.Context) (log []Request, err error) {
	err = i.call(ctx, http.MethodGet, "/requests", nil, &log)
	return log, err
}

// Sessions lists the open sessions.
func (i *Instance) Sessions(ctx context.Context) (open []Session, err error) {
	err = i.call(ctx, http.MethodGet, "/sessions", nil, &open)
	return open, err
}

// EndSession ends a session, which frees its licence slot.
func (i *Instance) EndSession(ctx context.Context, key string) error {
	return i.call(ctx, http.MethodDelete, "/sessions/"+url.PathEscape(key), nil, nil)
}

// AddFault injects a fault and returns its id.
func (i *Instance) AddFault(ctx context.Context, f Fault) (string, error) {
	var added struct {
		ID string `json:"id"`
	}
	err := i.call(ctx, http.MethodPost, "/faults", f, &added)
	return added.ID, err
}

// Faults lists the injected faults, with how many requests each has hit.
func (i *Instance) Faults(ctx context.Context) (all []Fault, err error) {
	err = i.call(ctx, http.MethodGet, "/faults", nil, &all)
	return all, err
}

// RemoveFault ends a fault; all of them where id is empty.
func (i *Instance) RemoveFault(ctx context.Context, id string) error {
	path := "/faults"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return i.call(ctx, http.MethodDelete, path, nil, nil)
}

// Applications lists all trusted applications.
func (i *Instance) Applications(ctx context.Context) (all []Application, err error) {
	err = i.call(ctx, http.MethodGet, "/applications", nil, &all)
	return all, err
}

// Application finds a trusted application by its client id; ok is false where there is none.
func (i *Instance) Application(ctx context.Context, clientID string) (a Application, ok bool, err error) {
	all, err := i.Applications(ctx)
	for _, a := range all {
		if a.ApplicationURI == clientID {
			return a, true, err
		}
	}
	return Application{}, false, err
}

// AddApplication stores a trusted application past the Domain API.
func (i *Instance) AddApplication(ctx context.Context, a Application) (added Application, err error) {
	err = i.call(ctx, http.MethodPost, "/applications", a, &added)
	return added, err
}

// EditApplication changes members, by their JSON names, as an administrator would by hand; nil clears one.
func (i *Instance) EditApplication(ctx context.Context, id string, members map[string]any) error {
	return i.call(ctx, http.MethodPatch, "/applications/"+url.PathEscape(id), members, nil)
}

// RemoveApplication deletes a trusted application past the Domain API.
func (i *Instance) RemoveApplication(ctx context.Context, id string) error {
	return i.call(ctx, http.MethodDelete, "/applications/"+url.PathEscape(id), nil, nil)
}

// SetReferenced says whether something refers to a trusted application, so that the Domain API refuses to delete it.
func (i *Instance) SetReferenced(ctx context.Context, id string, referenced bool) error {
	return i.call(ctx, http.MethodPut, "/applications/"+url.PathEscape(id)+"/referenced", map[string]bool{"referenced": referenced}, nil)
}

// Users lists the users, without their passwords.
func (i *Instance) Users(ctx context.Context) (all []User, err error) {
	err = i.call(ctx, http.MethodGet, "/users", nil, &all)
	return all, err
}

// PutUser stores a user, replacing the one with the same login.
func (i *Instance) PutUser(ctx context.Context, u User) error {
	return i.call(ctx, http.MethodPost, "/users", u, nil)
}

// Advance moves the instance's clock forward.
func (i *Instance) Advance(ctx context.Context, by time.Duration) error {
	return i.call(ctx, http.MethodPost, "/clock", map[string]string{"advance": by.String()}, nil)
}

// RotateKeys makes the instance sign with a new key.
func (i *Instance) RotateKeys(ctx context.Context) error {
	return i.call(ctx, http.MethodPost, "/keys/rotate", nil, nil)
}

// SetDown makes the instance refuse connections, or accept them again at the same address.
func (i *Instance) SetDown(ctx context.Context, down bool) error {
	return i.call(ctx, http.MethodPost, "/down", map[string]bool{"down": down}, nil)
}

// SetVersion updates the instance to another version; its data stay.
func (i *Instance) SetVersion(ctx context.Context, version string) error {
	return i.call(ctx, http.MethodPut, "/version", map[string]string{"version": version}, nil)
}

func (i *Instance) call(ctx context.Context, method, path string, body, into any) error {
	return i.process.call(ctx, method, "/instances/"+url.PathEscape(i.Name)+path, body, into)
}

// call asks the control endpoint. Requests carry no secrets of the operator, so errors may quote the answer.
func (p *Process) call(ctx context.Context, method, path string, body, into any) error {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return fmt.Errorf("writing a request to the stand-in: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, p.control+path, &sent)
	if err != nil {
		return fmt.Errorf("making a request to the stand-in: %w", err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return fmt.Errorf("asking the stand-in: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	told, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the stand-in's answer: %w", err)
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("asking the stand-in to %s %s: HTTP %d: %s", method, path, response.StatusCode, bytes.TrimSpace(told))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(told, into); err != nil {
		return fmt.Errorf("reading the stand-in's answer to %s %s: %w", method, path, err)
	}
	return nil
}
