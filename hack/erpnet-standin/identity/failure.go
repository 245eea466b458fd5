package identity

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ory/fosite"
)

// Error codes of the catalogue of the identity server.
const (
	invalidRequest       = "invalid_request"
	invalidClient        = "invalid_client"
	invalidGrant         = "invalid_grant"
	invalidScope         = "invalid_scope"
	invalidRedirectURI   = "invalid_redirect_uri"
	unauthorizedClient   = "unauthorized_client"
	unsupportedGrantType = "unsupported_grant_type"
	accessDenied         = "access_denied"
	loginRequired        = "login_required"
	temporarilyDown      = "temporarily_unavailable"
	serverError          = "server_error"
)

// oauthError is an answer of the catalogue.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Description }

func failure(code, description string) error {
	return &oauthError{Code: code, Description: description}
}

// classify turns any error, the library's included, into an answer of the catalogue.
func classify(err error) *oauthError {
	var own *oauthError
	if errors.As(err, &own) {
		return own
	}
	var theirs *fosite.RFC6749Error
	if !errors.As(err, &theirs) {
		return &oauthError{Code: serverError, Description: "The server failed."}
	}
	e := &oauthError{Code: theirs.ErrorField, Description: theirs.GetDescription()}
	switch e.Code {
	case "invalid_state", "insufficient_entropy":
		e.Code = invalidRequest
	case "token_inactive", "not_found":
		e.Code = invalidGrant
	}
	return e
}

// library turns an answer of the catalogue into an error that the library can send to a redirect URI.
func library(err error) error {
	e := classify(err)
	return &fosite.RFC6749Error{ErrorField: e.Code, DescriptionField: e.Description, CodeField: http.StatusBadRequest}
}

// writeTokenError answers a token request: HTTP 400 by RFC 6749, for invalid_client by the instance's choice.
func (s *Server) writeTokenError(w http.ResponseWriter, r *http.Request, err error) {
	e := classify(err)
	status := http.StatusBadRequest
	switch e.Code {
	case invalidClient:
		if s.Quirks.InvalidClientStatus != 0 {
			status = s.Quirks.InvalidClientStatus
		}
		if _, _, basic := r.BasicAuth(); basic && status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="ERP.net"`)
		}
	case serverError:
		status = http.StatusInternalServerError
	case temporarilyDown:
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, e)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// The connection is the only thing that can fail here, and then nobody is left to be told.
	_ = json.NewEncoder(w).Encode(body)
}
