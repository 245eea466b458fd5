package dynreg

import (
	"context"
	"errors"
	"net/http"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// creation is what is sent to register (RFC 7591 section 3.1).
type creation struct {
	metadata
	SoftwareStatement string `json:"software_statement,omitempty"`
}

// replacement is what is sent to update (RFC 7592 section 2.2): all metadata, because what is left out is deleted.
type replacement struct {
	metadata
	// The client_secret may be repeated, and is not: some servers refuse that, and no client can choose it.
	ClientID string `json:"client_id"`
}

// Create implements idserver.Server. Any doubt about the outcome is ErrOutcomeUnknown: nobody can look for the registration.
func (s *Server) Create(ctx context.Context, _ idserver.Key, want idserver.Registration, _ idserver.Secret) (idserver.Reply, error) {
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Reply{}, err
	}
	a, err := s.tell(want, func(m metadata) (oauth.Answer, error) {
		body := creation{metadata: m, SoftwareStatement: s.config.SoftwareStatement.Reveal()}
		return s.send(ctx, opCreate, http.MethodPost, at.Registration, s.config.InitialAccessToken, body)
	})
	switch {
	case err != nil:
		return idserver.Reply{}, err
	case !a.OK():
		return idserver.Reply{}, s.refused(opCreate, a, false)
	}
	reply, err := s.read(opCreate, a, at.Registration, want)
	switch {
	case err != nil:
		return idserver.Reply{}, err
	case !want.Secretless() && reply.Credential.Secret == "":
		return idserver.Reply{}, s.undo(ctx, reply)
	case reply.Credential.Handle == "" || reply.Credential.Control == "":
		reply.Warnings = []string{"the server registers clients, and lets nobody change or delete them (RFC 7592): " +
			"have changes made there, and have " + reply.Credential.ClientID + " deleted there when it is not needed any more"}
	}
	return reply, nil
}

// undo deletes a registration that is of no use: the server made a client without a secret of one that has to have one.
func (s *Server) undo(ctx context.Context, reply idserver.Reply) error {
	if err := s.Delete(ctx, reply.Credential); err != nil {
		return &idserver.Error{
			Class: idserver.ErrOutcomeUnknown, Op: opCreate, Cause: err,
			Message: "the server registered the client " + reply.Credential.ClientID + " without a secret, and it could not be deleted again",
		}
	}
	return oauth.Rejected(opCreate, idserver.ReasonInvalid, "the server registers a client without a secret, although the application is Confidential: "+
		"have the server allow client_secret_post or client_secret_basic, or use the method PrivateKeyJWT")
}

// tell sends metadata. A client that is to be refused gets a grant type that no flow has, or none where the server takes only those that it
// knows.
func (s *Server) tell(want idserver.Registration, send func(metadata) (oauth.Answer, error)) (oauth.Answer, error) {
	m := s.metadata(want)
	a, err := send(m)
	if err == nil && !want.Enabled && a.Status == http.StatusBadRequest {
		m.GrantTypes = []string{}
		return send(m)
	}
	return a, err
}

// Find implements idserver.Server. It is an effect: the answer may bring another secret and another token.
func (s *Server) Find(ctx context.Context, _ idserver.Key, have idserver.Credential) (idserver.Reply, error) {
	at, err := s.managed(ctx, opFind, have)
	if err != nil {
		return idserver.Reply{}, err
	}
	a, err := s.send(ctx, opFind, http.MethodGet, have.Handle, have.Control, nil)
	switch {
	case err != nil:
		return idserver.Reply{}, err
	case !a.OK():
		return idserver.Reply{}, s.refused(opFind, a, true)
	}
	return s.about(opFind, a, at, have, idserver.Registration{Enabled: true})
}

// Update implements idserver.Server. Where have was read before and is as wanted, nothing is sent.
func (s *Server) Update(ctx context.Context, have idserver.Reply, want idserver.Registration, _ idserver.Secret) (idserver.Reply, error) {
	at, err := s.managed(ctx, opUpdate, have.Credential)
	if err != nil {
		return idserver.Reply{}, err
	}
	a, err := s.tell(want, func(m metadata) (oauth.Answer, error) {
		body := replacement{metadata: m, ClientID: have.Credential.ClientID}
		return s.send(ctx, opUpdate, http.MethodPut, have.Credential.Handle, have.Credential.Control, body)
	})
	switch {
	case err != nil:
		return idserver.Reply{}, err
	case !a.OK():
		refused := s.refused(opUpdate, a, true)
		if !want.Enabled && errors.Is(refused, idserver.ErrControlLost) {
			return s.orDisabled(ctx, have, want, refused)
		}
		return idserver.Reply{}, refused
	}
	return s.about(opUpdate, a, at, have.Credential, want)
}

// Delete implements idserver.Server. A token that is refused may be void because the client is gone, which a token request tells.
func (s *Server) Delete(ctx context.Context, have idserver.Credential) error {
	if _, err := s.managed(ctx, opDelete, have); err != nil {
		return err
	}
	a, err := s.send(ctx, opDelete, http.MethodDelete, have.Handle, have.Control, nil)
	switch {
	case err != nil:
		return err
	case a.Status == http.StatusNoContent: // what RFC 7592 section 2.3 promises, and no page that something in between made
		return nil
	case a.OK():
		err = s.orGone(ctx, opDelete, have, unreadable(opDelete, a))
	default:
		err = s.orGone(ctx, opDelete, have, s.refused(opDelete, a, true))
	}
	if idserver.IsNotFound(err) {
		return nil
	}
	return err
}

// orGone finds out whether the client is gone where the answer does not say it: also its token is refused then (RFC 7592 section 2.1). The
// token endpoint does not know it either.
func (s *Server) orGone(ctx context.Context, op string, have idserver.Credential, refused *idserver.Error) error {
	ended := !have.ExpiresAt.IsZero() && !s.oauth.Now().Before(have.ExpiresAt) // a secret that ended says nothing about its client
	if ended || !errors.Is(refused, idserver.ErrControlLost) && !errors.Is(refused, idserver.ErrOutcomeUnknown) {
		return refused
	}
	verdict, err := s.Verify(ctx, have, idserver.Registration{})
	switch {
	case err != nil:
		return err
	case verdict.Code == oauth.UnknownClient:
		return &idserver.Error{Class: idserver.ErrNotFound, Op: op, HTTPStatus: refused.HTTPStatus, RequestID: refused.RequestID}
	}
	return refused
}

// orDisabled finds out whether a client that cannot be changed is disabled all the same, or gone: by a request whose answer was lost with the
// token.
func (s *Server) orDisabled(ctx context.Context, have idserver.Reply, want idserver.Registration, lost *idserver.Error) (idserver.Reply, error) {
	ask := want
	ask.Public = false // it is asked about, too: by its id alone
	verdict, err := s.Verify(ctx, have.Credential, ask)
	if err != nil {
		return idserver.Reply{}, err
	}
	switch verdict.Code {
	case "unauthorized_client", "unsupported_grant_type", "invalid_request", "invalid_client": // servers differ
		return idserver.Reply{Credential: have.Credential, Registration: want, HasSecret: !want.Secretless(), Warnings: []string{
			"the server lets nobody change the registration " + have.Credential.ClientID + " any more; it refuses the client, as spec.enabled asks; when " +
				"the application is enabled again it is registered anew"}}, nil
	}
	return idserver.Reply{}, lost
}

// managed refuses a registration that the server gave no means to manage.
func (s *Server) managed(ctx context.Context, op string, have idserver.Credential) (idserver.Endpoints, error) {
	at, err := s.current(ctx)
	if err != nil {
		return at, err
	}
	if have.Handle == "" || have.Control == "" {
		return at, oauth.Rejected(op, idserver.ReasonUnmanaged, "the server registers clients, and lets nobody change or delete them (RFC 7592): "+
			"have %s changed there", have.ClientID)
	}
	if !sameHost(have.Handle, at.Registration) {
		return at, oauth.Rejected(op, idserver.ReasonInvalid, "the registration is at another server")
	}
	return at, nil
}

// about reads an answer about a client that is known. What the answer does not repeat stays as it was.
func (s *Server) about(op string, a oauth.Answer, at idserver.Endpoints, have idserver.Credential, asked idserver.Registration) (idserver.Reply, error) {
	reply, err := s.read(op, a, at.Registration, asked)
	if err != nil {
		return reply, err
	}
	if reply.Credential.ClientID != have.ClientID {
		return idserver.Reply{}, unreadable(op, a)
	}
	if reply.Credential.Handle == "" {
		reply.Credential.Handle = have.Handle
	}
	if reply.Credential.Control == "" {
		reply.Credential.Control = have.Control
	}
	reply.HasSecret = !reply.Registration.Secretless() && (reply.HasSecret || have.Secret != "")
	return reply, nil
}
