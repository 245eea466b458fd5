package oauth

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

// Granted is a token answer: either a token or an error code.
type Granted struct {
	Token  idserver.Secret
	Scope  string // empty where the server does not say
	Life   time.Duration
	Code   string // of RFC 6749 section 5.2; empty where a token was issued
	Status int
}

const (
	defaultTokenLife = 5 * time.Minute // where the server does not say
	maxTokenLife     = 24 * time.Hour
	unknownCode      = "unknown_error"
)

var oauthCode = regexp.MustCompile(`^[a-z_]{1,64}$`)

// Token asks the token endpoint. An error means that nothing was found out; a refusal is an answer.
func (c *Client) Token(ctx context.Context, op, endpoint string, cred idserver.Credential, form url.Values) (Granted, error) {
	leave, err := Take(ctx, c.tokens)
	if err != nil {
		return Granted{}, Lost(op, false, GivenUp(err))
	}
	defer leave()
	basic := c.options.ClientAuthentication == "Basic" && cred.Secret != "" // a public client only says who it is
	if !basic {
		form.Set("client_id", cred.ClientID)
	}
	switch {
	case cred.Key != "":
		if err := assert(form, cred.ClientID, endpoint, cred.Key, c.Now()); err != nil {
			return Granted{}, Rejected(op, idserver.ReasonInvalid, "the key cannot be used: %s", err)
		}
	case !basic && cred.Secret != "":
		form.Set("client_secret", cred.Secret.Reveal())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return Granted{}, Rejected(op, idserver.ReasonDiscoveryFailed, "the token endpoint's URL cannot be used")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic { // RFC 6749 section 2.3.1: form-encoded first
		r.SetBasicAuth(url.QueryEscape(cred.ClientID), url.QueryEscape(cred.Secret.Reveal()))
	}
	a, err := c.Send(ctx, op, r, MaxSingle)
	if err != nil {
		return Granted{}, Lost(op, false, err)
	}
	g, ok := parseGranted(a)
	if !ok {
		e := &idserver.Error{
			Class: idserver.ErrUnavailable, Op: op, HTTPStatus: a.Status, RequestID: a.RequestID(),
			Message: "the token endpoint cannot answer now, or something before it answered",
		}
		if a.Status == http.StatusTooManyRequests {
			e.RetryAfter = a.RetryAfter(c.Now(), WaitTooMany)
		}
		return Granted{}, e
	}
	return g, nil
}

// parseGranted reads a token answer (RFC 6749 sections 5.1 and 5.2). ok is false for anything that is neither.
func parseGranted(a Answer) (g Granted, ok bool) {
	var body struct {
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"`
		Scope       string      `json:"scope"`
		Error       string      `json:"error"`
	}
	if json.Unmarshal(a.Body, &body) != nil {
		return Granted{}, false
	}
	g.Status = a.Status
	switch a.Status {
	case http.StatusOK:
		if body.AccessToken == "" || body.Error != "" {
			return Granted{}, false
		}
		g.Token, g.Scope, g.Life = idserver.Secret(body.AccessToken), body.Scope, defaultTokenLife
		if seconds, err := strconv.ParseInt(body.ExpiresIn.String(), 10, 32); err == nil && seconds > 0 {
			g.Life = min(time.Duration(seconds)*time.Second, maxTokenLife)
		}
		return g, true
	case http.StatusBadRequest, http.StatusUnauthorized:
		if body.Error == "" {
			return Granted{}, false
		}
		g.Code = unknownCode
		if oauthCode.MatchString(body.Error) {
			g.Code = body.Error
		}
		return g, true
	}
	return Granted{}, false
}
