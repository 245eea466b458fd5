package hydra

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// rotation says whether the admin API lets former secrets of a client work beside the present one. The open-source Hydra does not, at least up
// to v26.2; Ory's other editions do (github.com/ory/client-go, OAuth2API: rotateOAuth2ClientSecret, deleteRotatedOAuth2ClientSecrets).
type rotation struct {
	// version is that of the Hydra that was asked; "" where none was.
	version   string
	available bool
}

// maxRotated is how many former secrets are kept. The oldest is forgotten for a further one.
const maxRotated = 5

func (s *Server) rotationURL(id string) string { return s.clientURL(id) + "/secrets/rotate" }

func (s *Server) rotates() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rotation.available
}

// discoverRotation asks once for each version, by reading what can only be written: that another method is wanted says that there is something
// (RFC 9110 section 15.5.6). An answer that says nothing is asked for again by the next probe.
func (s *Server) discoverRotation(ctx context.Context, version string) {
	s.mu.Lock()
	known := s.rotation.version == version
	s.mu.Unlock()
	if known {
		return
	}
	_, err := s.do(ctx, call{op: opDiscover, method: http.MethodGet, url: s.rotationURL("trustedapps.dev")})
	status := http.StatusOK
	if refused, ok := errors.AsType[*refusalError](err); ok {
		status = refused.status
	} else if failed, ok := errors.AsType[*idserver.Error](err); ok {
		status = failed.HTTPStatus
	}
	if status == 0 || status == http.StatusTooManyRequests || status >= 500 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rotation = rotation{version: version, available: status == http.StatusMethodNotAllowed}
}

// addSecret makes a secret valid beside those that are. One that is valid is not told again: each time would push out a former one.
func (s *Server) addSecret(ctx context.Context, have idserver.Reply, secret idserver.Secret) (idserver.Reply, error) {
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Reply{}, err
	}
	id := have.Credential.ClientID
	v, err := s.oauth.Verify(ctx, opVerify, at.Token, idserver.Credential{ClientID: id, Secret: secret}, have.Registration, oauth.Hint)
	if err != nil || v.OK || v.Code != oauth.UnknownClient {
		return have, err
	}
	a, err := s.do(ctx, call{op: opUpdate, method: http.MethodPost, url: s.rotationURL(id), body: map[string]string{"client_secret": secret.Reveal()}})
	reply, told, err := s.rotated(ctx, id, a, err)
	if err != nil || told == "" || told == secret {
		return reply, err
	}
	// A version that draws the secret itself: what it moved aside stays valid, what it drew nobody knows.
	return s.patch(ctx, opUpdate, id, []operation{{"add", "/client_secret", secret.Reveal()}})
}

// forgetFormer makes all former secrets of a client worthless.
func (s *Server) forgetFormer(ctx context.Context, id string) (idserver.Reply, error) {
	a, err := s.do(ctx, call{op: opUpdate, method: http.MethodDelete, url: s.rotationURL(id)})
	reply, _, err := s.rotated(ctx, id, a, err)
	return reply, err
}

// rotated reads what a call about former secrets answered, which is the client.
func (s *Server) rotated(ctx context.Context, id string, a oauth.Answer, err error) (reply idserver.Reply, secret idserver.Secret, _ error) {
	if refused, ok := errors.AsType[*refusalError](err); ok {
		if refused.status == http.StatusNotFound {
			return reply, "", s.missed(ctx, id)
		}
		return reply, "", refused.refusedUpdate(opUpdate)
	}
	if err != nil {
		return reply, "", err
	}
	var told struct {
		record
		Secret idserver.Secret `json:"client_secret"`
	}
	if json.Unmarshal(a.Body, &told) != nil || told.ClientID != id {
		return reply, "", unreadable(opUpdate, true, a)
	}
	return s.reply(told.record), told.Secret, nil
}

// missed says what is not there: the client, or what was taken for a way to keep its former secrets.
func (s *Server) missed(ctx context.Context, id string) error {
	if _, err := s.find(ctx, id); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rotation.available = false
	return &idserver.Error{Class: idserver.ErrUnavailable, Op: opUpdate, Message: "Hydra keeps no former secrets, although it seemed to; this goes on without"}
}
