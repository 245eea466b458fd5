package erpnet

import (
	"context"
	"errors"
	"net/http"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

const opDelete = "deleting the registration"

// Delete implements idserver.Server. What an instance answers to the deletion of something that is gone, or still referred
// to, is not documented; a list without the registration is the proof.
func (s *Server) Delete(ctx context.Context, have idserver.Credential) error {
	at, err := s.current(ctx)
	if err != nil {
		return err
	}
	found, err := s.find(ctx, at, have.ClientID)
	switch {
	case errors.Is(err, idserver.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	if have.Handle != "" && found.id() != have.Handle {
		return nil // another registration took the client id: the one that is meant is gone
	}
	if owner, _ := found.owner(); owner == (idserver.Mark{}) {
		return oauth.Rejected(opDelete, idserver.ReasonTaken, "the registration is not marked as this operator's")
	}
	url := at.odata + applicationSet + "(" + found.id() + ")"
	_, err = s.do(ctx, at, call{op: opDelete, method: http.MethodDelete, url: url, limit: oauth.MaxSingle})
	refused, wasRefused := errors.AsType[*refusalError](err)
	if err != nil && !wasRefused {
		return err
	}
	return s.confirmGone(ctx, at, found, refused)
}

// confirmGone decides by a list; refused is nil where the instance claimed success.
func (s *Server) confirmGone(ctx context.Context, at *site, deleted attributes, refused *refusalError) error {
	found, err := s.find(ctx, at, deleted.str(attrApplicationURI))
	switch {
	case errors.Is(err, idserver.ErrNotFound), err == nil && found.id() != deleted.id():
		return nil
	case err != nil:
		return &idserver.Error{Class: idserver.ErrOutcomeUnknown, Op: opDelete, Message: "the instance cannot be asked whether it is gone", Cause: err}
	case refused == nil:
		return &idserver.Error{Class: idserver.ErrOutcomeUnknown, Op: opDelete, Message: "the instance says that it is gone, and still lists it"}
	case refused.status == http.StatusNotFound:
		return refused.as(idserver.ErrUnavailable, opDelete, "", "the instance does not find it, and still lists it")
	}
	return refused.as(idserver.ErrRejected, opDelete, idserver.ReasonReferenced,
		"the instance refuses, most likely because something still refers to the registration")
}
