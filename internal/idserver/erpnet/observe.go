package erpnet

import (
	"context"
	"net/http"

	"trustedapps.dev/operator/internal/idserver"
)

// operations are what requests are for, by what errors call it.
var operations = map[string]idserver.Operation{
	opDiscover: idserver.OperationDiscover,
	opLogin:    idserver.OperationLogin,
	opVerify:   idserver.OperationVerify,
	opFind:     idserver.OperationFind,
	opUser:     idserver.OperationFindUser,
	opList:     idserver.OperationList,
	opCreate:   idserver.OperationCreate,
	opUpdate:   idserver.OperationUpdate,
	opDelete:   idserver.OperationDelete,
}

// send sends one request, reads its answer, at most limit bytes of it, and tells Config.Observe. The error is a *noAnswerError.
func (s *Server) send(ctx context.Context, op string, r *http.Request, limit int64) (answer, error) {
	started := s.config.Now()
	a, err := s.exchange(ctx, r, limit)
	if s.config.Observe != nil {
		s.config.Observe(idserver.Call{Operation: operations[op], Status: a.status, Duration: s.config.Now().Sub(started)})
	}
	return a, err
}
