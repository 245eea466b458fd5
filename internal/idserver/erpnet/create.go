package erpnet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

const opCreate = "creating the registration"

// Create implements idserver.Server. Every managed attribute is sent, so that no default of the instance decides.
func (s *Server) Create(ctx context.Context, key idserver.Key, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Reply{}, err
	}
	if err := cmp.Or(checkMark(opCreate, key.Owner), at.features.check(opCreate, want), checkSecret(opCreate, want, secret)); err != nil {
		return idserver.Reply{}, err
	}
	var user userRef
	if want.Service {
		if user, err = s.systemUser(ctx, at, want.SystemUser); err != nil {
			return idserver.Reply{}, err
		}
		if err := user.checkPower(opCreate, want); err != nil {
			return idserver.Reply{}, err
		}
	}
	sent := at.features.managed(want, user.id).with(at.features.markAttributes(key.Owner, nil))
	sent[attrApplicationURI], sent[attrSecretHash] = key.ClientID, nil
	if want.Service {
		sent[attrSystemUser] = user
	}
	if secret != "" {
		sent[attrSecretHash] = SecretHash(secret)
	}
	a, err := s.do(ctx, at, call{op: opCreate, method: http.MethodPost, url: at.odata + applicationSet, body: sent, limit: oauth.MaxSingle})
	if refused, ok := errors.AsType[*refusalError](err); ok {
		return idserver.Reply{}, s.refusedCreate(ctx, at, key.ClientID, refused)
	}
	if err != nil {
		return idserver.Reply{}, err
	}
	return s.created(ctx, at, key.ClientID, sent, a)
}

// checkSecret refuses combinations that the instance might accept and that would then never work.
func checkSecret(op string, want idserver.Registration, secret idserver.Secret) error {
	if want.Public == (secret != "") {
		return oauth.Rejected(op, idserver.ReasonInvalid, "a public client must have no secret, any other client must have one")
	}
	return nil
}

// created reads the answer to the creation. What it does not tell is what was sent.
func (s *Server) created(ctx context.Context, at *site, clientID string, sent attributes, a oauth.Answer) (idserver.Reply, error) {
	if len(bytes.TrimSpace(a.Body)) == 0 {
		found, err := s.find(ctx, at, clientID)
		if err != nil {
			return idserver.Reply{}, unreadable(opCreate, true, a)
		}
		return at.reply(found), nil
	}
	var told attributes
	if json.Unmarshal(a.Body, &told) != nil || told.id() == "" || told.str(attrApplicationURI) != clientID {
		return idserver.Reply{}, unreadable(opCreate, true, a)
	}
	whole := sent.with(told)
	keepLogin(whole, sent)
	return at.reply(whole), nil
}

// keepLogin completes a reference that was told without the user's login.
func keepLogin(whole, sent attributes) {
	told, ok := whole[attrSystemUser].(userRef)
	if known, same := sent[attrSystemUser].(userRef); ok && same && told.login == "" && told.id == known.id {
		whole[attrSystemUser] = known
	}
}

// refusedCreate decides what a well-formed error means. Where its code does not tell, the instance is asked: it may be a
// duplicate on a version whose errors carry no code.
func (s *Server) refusedCreate(ctx context.Context, at *site, clientID string, refused *refusalError) error {
	switch {
	case refused.has(codeDuplicate):
		return refused.as(idserver.ErrRejected, opCreate, idserver.ReasonTaken, "the client id is registered already")
	case refused.final():
		return refused.as(idserver.ErrRejected, opCreate, idserver.ReasonInvalid, "the instance refuses one of the values; its own log tells which")
	}
	switch _, err := s.find(ctx, at, clientID); {
	case err == nil:
		return refused.as(idserver.ErrRejected, opCreate, idserver.ReasonTaken, "the client id is registered already")
	case errors.Is(err, idserver.ErrNotFound):
		return refused.as(idserver.ErrUnavailable, opCreate, "", "the instance failed to create the registration, and does not say why")
	}
	return refused.as(idserver.ErrOutcomeUnknown, opCreate, "", "the instance failed, and cannot be asked what it did")
}
