package erpnet

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

const opUpdate = "updating the registration"

// Update implements idserver.Server: it sends the attributes that differ, locked by the version where one was read, and
// nothing where none differs.
func (s *Server) Update(ctx context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Reply{}, err
	}
	if err := at.features.check(opUpdate, want); err != nil {
		return idserver.Reply{}, err
	}
	current, ok := have.Raw.(attributes)
	if !ok {
		if current, err = s.find(ctx, at, have.Credential.ClientID); err != nil {
			return idserver.Reply{}, err
		}
	}
	changes, err := s.changes(ctx, at, current, want, secret)
	if err != nil {
		return idserver.Reply{}, err
	}
	if len(changes) == 0 {
		return at.reply(current), nil
	}
	err = s.patch(ctx, at, current, changes)
	if refused, ok := errors.AsType[*refusalError](err); ok {
		return idserver.Reply{}, s.afterRefusal(ctx, at, current, refused)
	}
	if err != nil {
		return idserver.Reply{}, err
	}
	return at.reply(patched(current, changes)), nil
}

// changes are the attributes to send. A registration without a mark of this operator is never changed.
func (s *Server) changes(ctx context.Context, at *site, current attributes, want idserver.Registration, secret idserver.Secret) (attributes, error) {
	owner, _ := current.owner()
	if owner == (idserver.Mark{}) {
		return nil, oauth.Rejected(opUpdate, idserver.ReasonTaken, "the registration is not marked as this operator's")
	}
	user, _ := current[attrSystemUser].(userRef)
	if want.Service && (user.id == "" || !strings.EqualFold(user.login, want.SystemUser)) {
		var err error
		if user, err = s.systemUser(ctx, at, want.SystemUser); err != nil {
			return nil, err
		}
	}
	if err := user.checkPower(opUpdate, want); err != nil {
		return nil, err
	}
	target := at.features.managed(want, "")
	if want.Service {
		target[attrSystemUser] = user
	}
	switch {
	case want.Public:
		target[attrSecretHash] = nil
	case secret != "":
		target[attrSecretHash] = SecretHash(secret)
	}
	changes := current.diff(target)
	if want.Public && at.masked && current.str(attrClientType) != clientPublic {
		changes[attrSecretHash] = nil // it reads as null, and must become so
	}
	if !at.features.marked(current) {
		changes = changes.with(at.features.markAttributes(owner, current))
	}
	return changes, nil
}

// patch sends the changes. The error is a *refusalError or an *idserver.Error.
func (s *Server) patch(ctx context.Context, at *site, current, changes attributes) error {
	body := changes
	if version := current.version(); version != "" {
		body = changes.with(attributes{attrObjectVersion: current[attrObjectVersion]})
	}
	url := at.odata + applicationSet + "(" + current.id() + ")"
	a, err := s.do(ctx, at, call{op: opUpdate, method: http.MethodPatch, url: url, body: body, limit: oauth.MaxSingle})
	if err == nil && !confirms(a, current.id()) {
		return unreadable(opUpdate, true, a)
	}
	return err
}

// confirms says whether a success is the Domain API's own: without content, as documented, or with the registration.
func confirms(a oauth.Answer, id string) bool {
	if len(bytes.TrimSpace(a.Body)) == 0 {
		return true
	}
	var told attributes
	return json.Unmarshal(a.Body, &told) == nil && told.id() == id
}

// patched is the registration after the changes. Its version is not known any more: reading it again is left to whoever
// needs it.
func patched(current, changes attributes) attributes {
	whole := current.with(changes)
	delete(whole, attrObjectVersion)
	return whole
}

// afterRefusal reads the registration again to tell why its change was refused: the instance has no code for a lost lock. Nothing is
// sent a second time, because this caller may be a leader that was replaced, and the newer state its successor's.
func (s *Server) afterRefusal(ctx context.Context, at *site, before attributes, refused *refusalError) error {
	now, err := s.find(ctx, at, before.str(attrApplicationURI))
	if err != nil {
		return err
	}
	ownerNow, _ := now.owner()
	ownerBefore, _ := before.owner()
	switch {
	case now.id() != before.id() || ownerNow != ownerBefore:
		return oauth.Rejected(opUpdate, idserver.ReasonConflict, "the registration was replaced or given to somebody else meanwhile")
	case before.version() != "" && now.version() != before.version():
		return refused.as(idserver.ErrRejected, opUpdate, idserver.ReasonConflict,
			"somebody else changed the registration since it was read; nothing was changed")
	case refused.final() || refused.status < 500:
		return refused.as(idserver.ErrRejected, opUpdate, idserver.ReasonInvalid, "the instance refuses one of the values; its own log tells which")
	}
	return refused.as(idserver.ErrUnavailable, opUpdate, "", "the instance failed to change the registration, and does not say why")
}
