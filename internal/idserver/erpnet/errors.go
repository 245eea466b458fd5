package erpnet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// Error codes that the documentation explains.
const (
	codeNotSupported = 0    // an unsupported query or body
	codeSaving       = 2029 // a business rule refuses
	codeDuplicate    = 2129 // a unique value is taken
)

// Waits where the server does not say how long.
const (
	waitTooMany   = 10 * time.Second
	waitNoLicence = 5 * time.Minute // slots are freed within 20 minutes
)

// refusalError is a well-formed error of the Domain API: it worked on the request and left everything as it was.
type refusalError struct {
	status    int
	code      *int // nil where the server gave none
	noLicence bool
	requestID string
}

func (r *refusalError) Error() string { return "refused with HTTP " + strconv.Itoa(r.status) }

// has says whether the code is one of the given.
func (r *refusalError) has(codes ...int) bool {
	for _, c := range codes {
		if r.code != nil && *r.code == c {
			return true
		}
	}
	return false
}

// final says whether the same request would be refused again.
func (r *refusalError) final() bool { return r.has(codeNotSupported, codeSaving, codeDuplicate) }

func (r *refusalError) as(class error, op, reason, message string) *idserver.Error {
	e := &idserver.Error{Class: class, Op: op, Reason: reason, Message: message, HTTPStatus: r.status, RequestID: r.requestID}
	if r.code != nil {
		e.ServerCode = strconv.Itoa(*r.code)
	}
	return e
}

// parseRefusal reads the three documented shapes: flat, nested under "error", and nested with only a message. ok is
// false for anything else.
func parseRefusal(a answer) (r refusalError, ok bool) {
	type shape struct {
		Message *string      `json:"message"`
		Code    *json.Number `json:"code"`
	}
	var body struct {
		shape
		Error *shape `json:"error"`
	}
	if json.Unmarshal(a.body, &body) != nil {
		return refusalError{}, false
	}
	found := body.shape
	if body.Error != nil {
		found = *body.Error
	}
	if found.Message == nil && found.Code == nil {
		return refusalError{}, false
	}
	r = refusalError{status: a.status, requestID: a.requestID(), noLicence: bytes.Contains(a.body, []byte("MaximumLicenseCountExceeded"))}
	if found.Code != nil {
		if code, err := strconv.Atoi(found.Code.String()); err == nil {
			r.code = &code
		}
	}
	return r, true
}

// classify turns an answer that is no success into an error: a *refusalError where the caller has to decide, else an
// *idserver.Error. write says that the request would have changed something.
func (s *Server) classify(op string, write bool, a answer) error {
	refused, wellFormed := parseRefusal(a)
	e := &idserver.Error{Op: op, HTTPStatus: a.status, RequestID: a.requestID()}
	switch {
	case wellFormed && refused.noLicence:
		e.Class, e.RetryAfter = idserver.ErrUnavailable, a.retryAfter(s.config.Now(), waitNoLicence)
		e.Message = "the instance has no free licence for the operator's session; slots are freed within 20 minutes, or end a session"
	case a.status == http.StatusTooManyRequests:
		e.Class, e.RetryAfter = idserver.ErrUnavailable, a.retryAfter(s.config.Now(), waitTooMany)
		e.Message = "the instance's rate limit is reached"
	case a.status == http.StatusUnauthorized:
		e.Class, e.Message = idserver.ErrUnauthorized, "the Domain API does not accept the operator's token"
	case a.status == http.StatusForbidden:
		e.Class, e.Message = idserver.ErrUnauthorized, adviseRights
	case wellFormed && a.status >= 400 && a.status < 502:
		return &refused
	case a.status >= 400 && a.status < 500 && a.status != http.StatusRequestTimeout:
		e.Class, e.Message = idserver.ErrUnavailable, "the Domain API was not found at its URL, or something before it answered"
	case write:
		e.Class, e.Message = idserver.ErrOutcomeUnknown, "the answer does not say whether the change was made"
	default:
		e.Class, e.Message = idserver.ErrUnavailable, "the server cannot answer now"
	}
	if a.status >= 300 && a.status < 400 {
		e.Message += "; redirects are not followed: use the final URL"
	}
	return e
}

const adviseRights = "the operator's own login lacks rights: its trusted application needs the scopes read, update and sec, " +
	"and its system user must be a database administrator"

// lostAnswer classifies a request that got no whole answer.
func lostAnswer(op string, write bool, err error) *idserver.Error {
	e := &idserver.Error{Class: idserver.ErrUnavailable, Op: op, Message: err.Error()}
	if lost, ok := errors.AsType[*noAnswerError](err); ok {
		e.Cause = lost.cause
		if write && lost.sent {
			e.Class = idserver.ErrOutcomeUnknown
		}
	}
	return e
}

// unreadable is a success that does not say what it should.
func unreadable(op string, write bool, a answer) *idserver.Error {
	e := &idserver.Error{
		Class: idserver.ErrUnavailable, Op: op, HTTPStatus: a.status, RequestID: a.requestID(),
		Message: "the answer is not what the Domain API promises; is something between the operator and the instance answering?",
	}
	if write {
		e.Class = idserver.ErrOutcomeUnknown
	}
	return e
}

// rejected is an error about the input that the operator found itself.
func rejected(op, reason, format string, args ...any) *idserver.Error {
	return &idserver.Error{Class: idserver.ErrRejected, Op: op, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
