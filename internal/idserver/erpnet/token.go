package erpnet

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// granted is a token answer: either a token or an error code.
type granted struct {
	token  idserver.Secret
	scope  string // empty where the server does not say
	life   time.Duration
	code   string // of RFC 6749 section 5.2; empty where a token was issued
	status int
}

const (
	defaultTokenLife = 5 * time.Minute // where the server does not say
	maxTokenLife     = 24 * time.Hour
	unknownCode      = "unknown_error"
)

var oauthCode = regexp.MustCompile(`^[a-z_]{1,64}$`)

// requestToken asks the token endpoint. An error means that nothing was found out; a refusal is an answer.
func (s *Server) requestToken(ctx context.Context, op, endpoint, clientID string, secret idserver.Secret, form url.Values) (granted, error) {
	leave, err := take(ctx, s.tokens)
	if err != nil {
		return granted{}, lostAnswer(op, false, &noAnswerError{message: "the call was given up", cause: err})
	}
	defer leave()
	if s.config.ClientAuthentication != "Basic" {
		form.Set("client_id", clientID)
		form.Set("client_secret", secret.Reveal())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return granted{}, rejected(op, idserver.ReasonDiscoveryFailed, "the token endpoint's URL cannot be used")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.config.ClientAuthentication == "Basic" { // RFC 6749 section 2.3.1: form-encoded first
		r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret.Reveal()))
	}
	a, err := s.send(ctx, op, r, maxSingle)
	if err != nil {
		return granted{}, lostAnswer(op, false, err)
	}
	g, ok := parseGranted(a)
	if !ok {
		e := &idserver.Error{
			Class: idserver.ErrUnavailable, Op: op, HTTPStatus: a.status, RequestID: a.requestID(),
			Message: "the token endpoint cannot answer now, or something before it answered",
		}
		if a.status == http.StatusTooManyRequests {
			e.RetryAfter = a.retryAfter(s.config.Now(), waitTooMany)
		}
		return granted{}, e
	}
	return g, nil
}

// parseGranted reads a token answer (RFC 6749 sections 5.1 and 5.2). ok is false for anything that is neither.
func parseGranted(a answer) (g granted, ok bool) {
	var body struct {
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"`
		Scope       string      `json:"scope"`
		Error       string      `json:"error"`
	}
	if json.Unmarshal(a.body, &body) != nil {
		return granted{}, false
	}
	g.status = a.status
	switch a.status {
	case http.StatusOK:
		if body.AccessToken == "" || body.Error != "" {
			return granted{}, false
		}
		g.token, g.scope, g.life = idserver.Secret(body.AccessToken), body.Scope, defaultTokenLife
		if seconds, err := strconv.ParseInt(body.ExpiresIn.String(), 10, 32); err == nil && seconds > 0 {
			g.life = min(time.Duration(seconds)*time.Second, maxTokenLife)
		}
		return g, true
	case http.StatusBadRequest, http.StatusUnauthorized:
		if body.Error == "" {
			return granted{}, false
		}
		g.code = unknownCode
		if oauthCode.MatchString(body.Error) {
			g.code = body.Error
		}
		return g, true
	}
	return granted{}, false
}
