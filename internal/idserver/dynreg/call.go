package dynreg

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// answered is what an answer about a client holds (RFC 7591 section 3.2.1, RFC 7592 section 3).
type answered struct {
	ClientID  string      `json:"client_id"`
	Secret    string      `json:"client_secret"`
	ExpiresAt json.Number `json:"client_secret_expires_at"`
	Control   string      `json:"registration_access_token"`
	Location  string      `json:"registration_client_uri"`
	metadata
}

// send performs one request with a bearer token; "" for none. It returns whatever the server answered.
func (s *Server) send(ctx context.Context, op, method, address string, token idserver.Secret, body any) (oauth.Answer, error) {
	if err := ctx.Err(); err != nil {
		return oauth.Answer{}, oauth.Lost(op, false, oauth.GivenUp(err))
	}
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return oauth.Answer{}, oauth.Rejected(op, idserver.ReasonInvalid, "the request cannot be written as JSON")
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, address, &content)
	if err != nil {
		return oauth.Answer{}, oauth.Rejected(op, idserver.ReasonInvalid, "the server's URL cannot be used")
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	a, err := s.oauth.Send(ctx, op, r, oauth.MaxSingle)
	if err != nil {
		return oauth.Answer{}, oauth.Lost(op, true, err) // also a read: its answer may have brought another token
	}
	return a, nil
}

// read reads a success.
func (s *Server) read(op string, a oauth.Answer, registration string, asked idserver.Registration) (idserver.Reply, error) {
	var told answered
	if json.Unmarshal(a.Body, &told) != nil || told.ClientID == "" {
		return idserver.Reply{}, unreadable(op, a)
	}
	if told.Location != "" && !sameHost(told.Location, registration) {
		return idserver.Reply{}, unreadable(op, a) // the token must not travel to another place
	}
	reply := idserver.Reply{
		Credential: idserver.Credential{
			Handle: told.Location, ClientID: told.ClientID, Secret: idserver.Secret(told.Secret), Control: idserver.Secret(told.Control),
			ExpiresAt: expiry(told.ExpiresAt),
		},
		Registration: told.registration(asked),
	}
	if asked.Secretless() || reply.Registration.Secretless() { // no client of this kind has one, whatever the server draws
		reply.Credential.Secret, reply.Credential.ExpiresAt = "", time.Time{}
	}
	reply.HasSecret = reply.Credential.Secret != ""
	return reply, nil
}

// expiry reads client_secret_expires_at: seconds since 1970, and 0 for never.
func expiry(n json.Number) time.Time {
	seconds, err := n.Int64()
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func sameHost(a, b string) bool {
	x, errX := oauth.ParseHTTPS(stripQuery(a))
	y, errY := oauth.ParseHTTPS(stripQuery(b))
	return errX == nil && errY == nil && strings.EqualFold(x.Host, y.Host)
}

// stripQuery: a registration_client_uri may have a query (RFC 7592 section 3 shows one).
func stripQuery(address string) string {
	before, _, _ := strings.Cut(address, "?")
	return before
}

var errorCode = regexp.MustCompile(`^[a-z_]{1,64}$`)

// codeOf is the error code of an answer (RFC 7591 section 3.2.2, RFC 6750 section 3.1); "" where there is none in its form.
func codeOf(a oauth.Answer) string {
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(a.Body, &body) != nil || !errorCode.MatchString(body.Error) {
		return ""
	}
	return body.Error
}

// refused turns an answer that is no success into an error. managing says whose token a 401 is about: that of the registration, or that of the
// operator.
func (s *Server) refused(op string, a oauth.Answer, managing bool) *idserver.Error {
	code := codeOf(a)
	e := &idserver.Error{Op: op, HTTPStatus: a.Status, ServerCode: code, RequestID: a.RequestID()}
	switch {
	case a.Status == http.StatusTooManyRequests:
		e.Class, e.Message, e.RetryAfter = idserver.ErrUnavailable, "too many requests", a.RetryAfter(s.oauth.Now(), oauth.WaitTooMany)
	case a.Status == http.StatusUnauthorized && managing:
		e.Class, e.Message = idserver.ErrControlLost, "the server does not take the registration access token: it was replaced, or the client is gone"
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		e.Class = idserver.ErrUnauthorized
		e.Message = "the server does not let the operator do that: check the initial access token in the Secret that credentialsRef names"
	case a.Status == http.StatusBadRequest && code != "":
		e.Class, e.Reason, e.Message = idserver.ErrRejected, idserver.ReasonInvalid, "the server refuses the metadata ("+adviseCode(code)+")"
	case a.Status >= 400 && a.Status < 500 && a.Status != http.StatusRequestTimeout:
		e.Class, e.Message = idserver.ErrUnavailable, "the endpoint was not found at its URL, or something before it answered"
	default:
		e.Class, e.Message = idserver.ErrOutcomeUnknown, "the answer does not say what was done"
	}
	return e
}

// adviseCode says what to look at (RFC 7591 section 3.2.2).
func adviseCode(code string) string {
	switch code {
	case "invalid_redirect_uri":
		return "one of spec.interactive.redirectUris"
	case "invalid_client_metadata":
		return "a value or a combination: scopes, grants or the way to authenticate that it does not have"
	case "invalid_software_statement", "unapproved_software_statement":
		return "the software statement in the Secret that credentialsRef names"
	}
	return "its log tells which"
}

// unreadable is a success that does not say what it should.
func unreadable(op string, a oauth.Answer) *idserver.Error {
	return &idserver.Error{
		Class: idserver.ErrOutcomeUnknown, Op: op, HTTPStatus: a.Status, RequestID: a.RequestID(),
		Message: "the answer is not what RFC 7591 promises; is something between the operator and the server answering?",
	}
}
