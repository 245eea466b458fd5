package hydra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// Create implements idserver.Server. Every field that the operator manages is sent, so that no default of Hydra decides.
func (s *Server) Create(ctx context.Context, key idserver.Key, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	if err := check(opCreate, key.Owner, want); err != nil {
		return idserver.Reply{}, err
	}
	if want.Secretless() == (secret != "") {
		return idserver.Reply{}, oauth.Rejected(opCreate, idserver.ReasonInvalid,
			"a client that is public or has a key must have no secret, any other client must have one")
	}
	n := newNote(key.Owner, idserver.DrawSecret().Reveal()[:16], want)
	body := map[string]any{"client_id": key.ClientID, "metadata": map[string]any{noteKey: n}}
	for _, f := range s.fields(want) {
		body[f.name] = f.value
	}
	if secret != "" {
		body["client_secret"] = secret.Reveal()
	}
	a, err := s.do(ctx, call{op: opCreate, method: http.MethodPost, url: s.admin + clientsPath, body: body})
	if refused, ok := errors.AsType[*refusalError](err); ok {
		if refused.status == http.StatusConflict {
			return idserver.Reply{}, refused.as(idserver.ErrRejected, opCreate, idserver.ReasonTaken, "the client id is registered already")
		}
		return idserver.Reply{}, refused.as(idserver.ErrRejected, opCreate, idserver.ReasonInvalid, "Hydra refuses one of the values; its own log tells which")
	}
	if err != nil {
		return idserver.Reply{}, err
	}
	var told record
	if json.Unmarshal(a.Body, &told) != nil || told.ClientID != key.ClientID || told.note() != n {
		return idserver.Reply{}, unreadable(opCreate, true, a)
	}
	return s.reply(told), nil
}

// check refuses what Hydra would accept and understand otherwise.
func check(op string, m idserver.Mark, want idserver.Registration) error {
	if parsed, ok := idserver.ParseMark(m.Cluster, m.String()); !ok || parsed != m {
		return oauth.Rejected(op, idserver.ReasonInvalid, "the mark of the owner is incomplete")
	}
	if want.PrivateKey && len(want.Keys) == 0 {
		return oauth.Rejected(op, idserver.ReasonInvalid, "a client that signs assertions must have a key")
	}
	if len(want.Scopes) == 0 {
		return oauth.Rejected(op, idserver.ReasonInvalid, "Hydra puts its default scopes in the place of none: set spec.scopes")
	}
	return nil
}

// field is one that the operator manages.
type field struct {
	name  string
	value any
}

func (s *Server) fields(want idserver.Registration) []field {
	fields := []field{
		{"client_name", want.DisplayName}, {"redirect_uris", list(want.RedirectURIs)},
		{"post_logout_redirect_uris", list(want.PostLogoutRedirectURIs)}, {"grant_types", grants(want)}, {"response_types", responses(want)},
		{"scope", strings.Join(want.Scopes, " ")}, {"token_endpoint_auth_method", s.oauth.Method(want)},
	}
	if want.PrivateKey { // else somebody may use a set of keys for other things
		fields = append(fields, field{"jwks", idserver.NewKeySet(want.Keys)}, field{"token_endpoint_auth_signing_alg", idserver.AlgorithmOf(want.Keys[0])})
	}
	return fields
}

// list is never null.
func list(set []string) []string { return append([]string{}, set...) }

// operation is one of a JSON Patch (RFC 6902 section 4).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// Update implements idserver.Server.
func (s *Server) Update(ctx context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	current, err := s.read(ctx, have)
	if err != nil {
		return idserver.Reply{}, err
	}
	owner, _ := current.owner()
	if owner == (idserver.Mark{}) {
		return idserver.Reply{}, oauth.Rejected(opUpdate, idserver.ReasonTaken, "the client is not marked as this operator's")
	}
	if err := check(opUpdate, owner, want); err != nil {
		return idserver.Reply{}, err
	}
	var changes []operation
	if want.PrivateKey && want.Keys == nil { // the caller does not know them
		want.Keys = s.registration(current).Keys
	}
	if len(want.Diff(s.registration(current))) > 0 || current.note().Service != want.Service {
		for _, f := range s.fields(want) {
			changes = append(changes, operation{"add", "/" + f.name, f.value})
		}
		changes = append(changes, operation{"add", "/metadata/" + noteKey, newNote(owner, current.note().ID, want)})
	}
	beside := secret != "" && have.Credential.Secret != "" && s.rotates()
	ended := false
	switch {
	case want.Secretless() && s.reply(current).HasSecret: // what the client knew must not come back with its former type
		secret, ended = idserver.DrawSecret(), true
	case !want.Secretless() && secret != "" && !beside:
		ended = true
	}
	if ended {
		changes = append(changes, operation{"add", "/client_secret", secret.Reveal()})
	}
	told, err := s.change(ctx, opUpdate, current, changes)
	switch {
	case err != nil:
		return told, err
	case ended && s.rotates():
		return s.forgetFormer(ctx, current.ClientID)
	case beside && !want.Secretless():
		return s.addSecret(ctx, told, secret)
	}
	return told, nil
}

// Claim implements idserver.Server.
func (s *Server) Claim(ctx context.Context, have idserver.Reply, owner idserver.Mark) (idserver.Reply, error) {
	if parsed, ok := idserver.ParseMark(owner.Cluster, owner.String()); !ok || parsed != owner {
		return idserver.Reply{}, oauth.Rejected(opUpdate, idserver.ReasonInvalid, "the mark of the owner is incomplete")
	}
	current, err := s.read(ctx, have)
	if err != nil {
		return idserver.Reply{}, err
	}
	if former, _ := current.owner(); former == owner {
		return s.reply(current), nil
	}
	n := newNote(owner, current.note().ID, s.registration(current))
	if n.ID == "" {
		n.ID = idserver.DrawSecret().Reveal()[:16]
	}
	var changes []operation
	if current.Metadata == nil {
		changes = append(changes, operation{"add", "/metadata", map[string]any{}})
	}
	if current.Owner != "" { // Ory's own controller deletes by it what it takes for its own
		changes = append(changes, operation{"add", "/owner", ""})
	}
	return s.change(ctx, opUpdate, current, append(changes, operation{"add", "/metadata/" + noteKey, n}))
}

// read is the client that a reply describes, as it was read or as it is.
func (s *Server) read(ctx context.Context, have idserver.Reply) (record, error) {
	if current, ok := have.Raw.(record); ok {
		return current, nil
	}
	return s.find(ctx, have.Credential.ClientID)
}

// change sends a JSON Patch, where the client is as it was read. Hydra has no lock and no condition for that, so the client is read once more
// right before: what is left is the time between the two requests.
func (s *Server) change(ctx context.Context, op string, current record, changes []operation) (idserver.Reply, error) {
	if len(changes) == 0 {
		return s.reply(current), nil
	}
	now, err := s.find(ctx, current.ClientID)
	if err != nil {
		return idserver.Reply{}, err
	}
	if now.UpdatedAt != current.UpdatedAt || !bytes.Equal(now.Metadata[noteKey], current.Metadata[noteKey]) {
		return idserver.Reply{}, oauth.Rejected(op, idserver.ReasonConflict, "somebody else changed the client since it was read; nothing was changed")
	}
	return s.patch(ctx, op, current.ClientID, changes)
}

func (s *Server) patch(ctx context.Context, op, id string, changes []operation) (idserver.Reply, error) {
	a, err := s.do(ctx, call{op: op, method: http.MethodPatch, url: s.clientURL(id), body: changes})
	if refused, ok := errors.AsType[*refusalError](err); ok {
		return idserver.Reply{}, refused.refusedUpdate(op)
	}
	if err != nil {
		return idserver.Reply{}, err
	}
	var told record
	if json.Unmarshal(a.Body, &told) != nil || told.ClientID != id {
		return idserver.Reply{}, unreadable(op, true, a)
	}
	return s.reply(told), nil
}

// refusedUpdate is the refusal of a change of one client.
func (r *refusalError) refusedUpdate(op string) *idserver.Error {
	switch r.status {
	case http.StatusNotFound:
		return r.as(idserver.ErrNotFound, op, "", "")
	case http.StatusConflict:
		return r.as(idserver.ErrRejected, op, idserver.ReasonConflict, "somebody else changed the client at the same time")
	}
	return r.as(idserver.ErrRejected, op, idserver.ReasonInvalid, "Hydra refuses one of the values; its own log tells which")
}

// Delete implements idserver.Server.
func (s *Server) Delete(ctx context.Context, have idserver.Credential) error {
	found, err := s.find(ctx, have.ClientID)
	switch {
	case idserver.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case have.Handle != "" && found.note().ID != have.Handle:
		return nil // another client took the client id: the one that is meant is gone
	}
	if owner, _ := found.owner(); owner == (idserver.Mark{}) {
		return oauth.Rejected(opDelete, idserver.ReasonTaken, "the client is not marked as this operator's")
	}
	_, err = s.do(ctx, call{op: opDelete, method: http.MethodDelete, url: s.clientURL(have.ClientID)})
	refused, wasRefused := errors.AsType[*refusalError](err)
	if err != nil && !wasRefused {
		return err
	}
	now, err := s.find(ctx, have.ClientID) // the proof, whatever the answer was
	switch {
	case idserver.IsNotFound(err), err == nil && now.note().ID != found.note().ID:
		return nil
	case err != nil:
		return &idserver.Error{Class: idserver.ErrOutcomeUnknown, Op: opDelete, Message: "Hydra cannot be asked whether it is gone", Cause: err}
	case refused == nil:
		return &idserver.Error{Class: idserver.ErrOutcomeUnknown, Op: opDelete, Message: "Hydra says that it is gone, and still has it"}
	}
	return refused.as(idserver.ErrUnavailable, opDelete, "", "Hydra refuses to delete the client, and does not say why")
}
