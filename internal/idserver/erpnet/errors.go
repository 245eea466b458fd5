package erpnet

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// Error codes that the documentation explains.
const (
	codeNotSupported = 0    // an unsupported query or body
	codeSaving       = 2029 // a business rule refuses
	codeDuplicate    = 2129 // a unique value is taken
)

// waitNoLicence is how long to wait for a free licence: slots are freed within 20 minutes.
const waitNoLicence = 5 * time.Minute

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
func parseRefusal(a oauth.Answer) (r refusalError, ok bool) {
	type shape struct {
		Message *string      `json:"message"`
		Code    *json.Number `json:"code"`
	}
	var body struct {
		shape
		Error *shape `json:"error"`
	}
	if json.Unmarshal(a.Body, &body) != nil {
		return refusalError{}, false
	}
	found := body.shape
	if body.Error != nil {
		found = *body.Error
	}
	if found.Message == nil && found.Code == nil {
		return refusalError{}, false
	}
	r = refusalError{status: a.Status, requestID: a.RequestID(), noLicence: bytes.Contains(a.Body, []byte("MaximumLicenseCountExceeded"))}
	if found.Code != nil {
		if code, err := strconv.Atoi(found.Code.String()); err == nil {
			r.code = &code
		}
	}
	return r, true
}

// classify turns an answer that is no success into an error: a *refusalError where the caller has to decide, else an
// *idserver.Error. write says that the request would have changed something.
func (s *Server) classify(op string, write bool, a oauth.Answer) error {
	refused, wellFormed := parseRefusal(a)
	e := &idserver.Error{Op: op, HTTPStatus: a.Status, RequestID: a.RequestID()}
	switch {
	case wellFormed && refused.noLicence:
		e.Class, e.RetryAfter = idserver.ErrUnavailable, a.RetryAfter(s.config.Now(), waitNoLicence)
		e.Message = "the instance has no free licence for the operator's session; slots are freed within 20 minutes, or end a session"
	case a.Status == http.StatusTooManyRequests:
		e.Class, e.RetryAfter = idserver.ErrUnavailable, a.RetryAfter(s.config.Now(), oauth.WaitTooMany)
		e.Message = "the instance's rate limit is reached"
	case a.Status == http.StatusUnauthorized:
		e.Class, e.Message = idserver.ErrUnauthorized, "the Domain API does not accept the operator's token"
	case a.Status == http.StatusForbidden:
		e.Class, e.Message = idserver.ErrUnauthorized, adviseRights
	case wellFormed && a.Status >= 400 && a.Status < 502:
		return &refused
	case a.Status >= 400 && a.Status < 500 && a.Status != http.StatusRequestTimeout:
		e.Class, e.Message = idserver.ErrUnavailable, "the Domain API was not found at its URL, or something before it answered"
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

const adviseRights = "the operator's own login lacks rights: its trusted application needs the scopes read, update and sec, " +
	"and its system user must be a database administrator"

// unreadable is a success that does not say what it should.
func unreadable(op string, write bool, a oauth.Answer) *idserver.Error {
	e := &idserver.Error{
		Class: idserver.ErrUnavailable, Op: op, HTTPStatus: a.Status, RequestID: a.RequestID(),
		Message: "the answer is not what the Domain API promises; is something between the operator and the instance answering?",
	}
	if write {
		e.Class = idserver.ErrOutcomeUnknown
	}
	return e
}
