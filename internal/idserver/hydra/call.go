package hydra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

const clientsPath = "/admin/clients"

// call is one request to the admin API.
type call struct {
	op, method, url string
	body            any // nil: none
}

func (c call) write() bool { return c.method != http.MethodGet }

// refusalError is an error of Hydra itself: it worked on the request and left everything as it was.
type refusalError struct {
	status    int
	code      string // "" where it is in no harmless form
	busy      bool   // its database gave way to another change
	requestID string
}

func (r *refusalError) Error() string { return "refused with HTTP " + strconv.Itoa(r.status) }

func (r *refusalError) as(class error, op, reason, message string) *idserver.Error {
	return &idserver.Error{Class: class, Op: op, Reason: reason, Message: message, HTTPStatus: r.status, ServerCode: r.code, RequestID: r.requestID}
}

// do performs a call. It returns successes (2xx) only; errors are a *refusalError or an *idserver.Error.
func (s *Server) do(ctx context.Context, c call) (oauth.Answer, error) {
	if err := ctx.Err(); err != nil {
		return oauth.Answer{}, oauth.Lost(c.op, false, oauth.GivenUp(err))
	}
	var body bytes.Buffer
	if c.body != nil {
		if err := json.NewEncoder(&body).Encode(c.body); err != nil {
			return oauth.Answer{}, oauth.Rejected(c.op, idserver.ReasonInvalid, "the request cannot be written as JSON")
		}
	}
	r, err := http.NewRequestWithContext(ctx, c.method, c.url, &body)
	if err != nil {
		return oauth.Answer{}, oauth.Rejected(c.op, idserver.ReasonInvalid, "the client id makes no URL")
	}
	if c.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.config.Token != "" {
		r.Header.Set("Authorization", "Bearer "+s.config.Token.Reveal())
	}
	a, err := s.oauth.Send(ctx, c.op, r, oauth.MaxList)
	switch {
	case err != nil:
		return oauth.Answer{}, oauth.Lost(c.op, c.write(), err)
	case a.OK():
		return a, nil
	}
	return oauth.Answer{}, s.classify(c.op, c.write(), a)
}

var errorCode = regexp.MustCompile(`^[a-z_]{1,64}$`)

// parseRefusal reads the shapes of Hydra's errors: that of OAuth 2.0 ("error" is a code) and that of its administration ("error" is a
// status text). ok is false for anything else.
func parseRefusal(a oauth.Answer) (r refusalError, ok bool) {
	var body struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(a.Body, &body) != nil || len(body.Error) == 0 {
		return refusalError{}, false
	}
	r = refusalError{status: a.Status, requestID: a.RequestID()}
	var code string
	if json.Unmarshal(body.Error, &code) == nil && errorCode.MatchString(code) {
		r.code = code
	}
	r.busy = strings.HasPrefix(code, busyText)
	return r, true
}

// busyText begins what Hydra says, with HTTP 400, of a transaction that its database took back because another one was faster.
const busyText = "Unable to serialize access"

// classify turns an answer that is no success into an error: a *refusalError where the caller has to decide, else an *idserver.Error.
func (s *Server) classify(op string, write bool, a oauth.Answer) error {
	refused, wellFormed := parseRefusal(a)
	e := &idserver.Error{Op: op, HTTPStatus: a.Status, RequestID: a.RequestID()}
	switch {
	case a.Status == http.StatusTooManyRequests:
		e.Class, e.RetryAfter = idserver.ErrUnavailable, a.RetryAfter(s.oauth.Now(), oauth.WaitTooMany)
		e.Message = "too many requests"
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		e.Class = idserver.ErrUnauthorized
		e.Message = "the admin API, or a proxy before it, does not let the operator in: check the token in the Secret that credentialsRef names"
	case wellFormed && refused.busy:
		e.Class, e.Message = idserver.ErrUnavailable, "Hydra's database was busy with another change, and took this one back"
	case wellFormed && a.Status >= 400 && a.Status < 500 && a.Status != http.StatusRequestTimeout:
		return &refused
	case a.Status >= 400 && a.Status < 500 && a.Status != http.StatusRequestTimeout:
		e.Class, e.Message = idserver.ErrUnavailable, "the admin API was not found at its URL, or something before it answered"
	case write:
		e.Class, e.Message = idserver.ErrOutcomeUnknown, "the answer does not say whether the change was made"
	default:
		e.Class, e.Message = idserver.ErrUnavailable, "the server cannot answer now"
	}
	if a.Status >= 300 && a.Status < 400 {
		e.Message += "; redirects are not followed: use the final URL"
	}
	return e
}

// unreadable is a success that does not say what it should.
func unreadable(op string, write bool, a oauth.Answer) *idserver.Error {
	e := &idserver.Error{
		Class: idserver.ErrUnavailable, Op: op, HTTPStatus: a.Status, RequestID: a.RequestID(),
		Message: "the answer is not what the admin API promises; is something between the operator and Hydra answering?",
	}
	if write {
		e.Class = idserver.ErrOutcomeUnknown
	}
	return e
}

// refusedRead is for reads: a refusal never says anything about what is there, but for one.
func refusedRead(op string, err error) error {
	refused, ok := errors.AsType[*refusalError](err)
	switch {
	case !ok:
		return err
	case refused.status == http.StatusNotFound:
		return refused.as(idserver.ErrNotFound, op, "", "")
	}
	return refused.as(idserver.ErrUnavailable, op, "", "the admin API refuses the query")
}
