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

// call is one request to the Domain API.
type call struct {
	op     string // a gerund, for errors and operations
	method string
	url    string
	body   any // nil: none
	limit  int64
}

func (c call) write() bool { return c.method != http.MethodGet }

// do performs a call with the operator's login, within the limits of the session. It returns successes (2xx) only; errors
// are a *refusalError or an *idserver.Error. A 401 is worth one fresh token and one more try, because it had no effect.
func (s *Server) do(ctx context.Context, at *site, c call) (oauth.Answer, error) {
	var body bytes.Buffer
	if c.body != nil {
		if err := json.NewEncoder(&body).Encode(c.body); err != nil {
			return oauth.Answer{}, oauth.Lost(c.op, c.write(), &oauth.NoAnswerError{Message: "the request cannot be written as JSON"})
		}
	}
	var stale idserver.Secret
	for {
		token, err := s.accessToken(ctx, at.endpoints.Token, stale)
		if err != nil {
			return oauth.Answer{}, err
		}
		a, err := s.turn(ctx, &waiter{ctx: ctx, call: c, odata: at.odata, body: body.Bytes(), token: token})
		switch {
		case err != nil:
			return oauth.Answer{}, oauth.Lost(c.op, c.write(), err)
		case a.Status >= 200 && a.Status < 300:
			return a, nil
		case a.Status == http.StatusUnauthorized && stale == "":
			stale = token
		default:
			return oauth.Answer{}, s.classify(c.op, c.write(), a)
		}
	}
}

// turn waits for the turn of a call and sends it. What is not of the OData service cannot be part of a batch, and a page of a list is large:
// these go alone.
func (s *Server) turn(ctx context.Context, w *waiter) (oauth.Answer, error) {
	if w.call.limit <= oauth.MaxSingle && strings.HasPrefix(w.call.url, w.odata) {
		return s.queue.do(w)
	}
	leave, err := s.limit.enter(ctx)
	if err != nil {
		return oauth.Answer{}, &oauth.NoAnswerError{Message: "the call was given up while it waited for its turn", Cause: err}
	}
	defer leave()
	return s.single(w)
}

// asUnavailable is for reads: a refusal of a read never says anything about what is there.
func asUnavailable(op string, err error) error {
	if refused, ok := errors.AsType[*refusalError](err); ok {
		return refused.as(idserver.ErrUnavailable, op, "", "the Domain API refuses the query")
	}
	return err
}
