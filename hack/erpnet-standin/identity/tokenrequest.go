package identity

import (
	"mime"
	"net/http"
	"net/url"
)

// Grant types that the token endpoint knows.
const (
	grantCode    = "authorization_code"
	grantService = "client_credentials"
	grantRefresh = "refresh_token"
)

// maxFormBytes bounds the body of a token request.
const maxFormBytes = 64 << 10

// tokenRequest is a well-formed request to the token endpoint.
type tokenRequest struct {
	grant     string
	clientID  string
	secret    string
	hasSecret bool
	form      url.Values
}

// parseTokenRequest is the first step of the evaluation. By the catalogue a malformed request is invalid_grant, a
// service request without its credentials invalid_request.
func parseTokenRequest(w http.ResponseWriter, r *http.Request) (tokenRequest, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return tokenRequest{}, failure(invalidGrant, "The request must be application/x-www-form-urlencoded.")
	}
	if err := r.ParseForm(); err != nil {
		return tokenRequest{}, failure(invalidGrant, "The form cannot be parsed.")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return tokenRequest{}, failure(invalidGrant, "The parameter "+name+" is repeated.")
		}
	}
	req := tokenRequest{grant: r.PostForm.Get("grant_type"), form: r.PostForm}
	switch req.grant {
	case grantCode, grantService, grantRefresh:
	case "":
		return tokenRequest{}, failure(invalidGrant, "The parameter grant_type is missing.")
	default:
		return tokenRequest{}, failure(unsupportedGrantType, "The grant type is not supported.")
	}
	if err := req.readCredentials(r); err != nil {
		return tokenRequest{}, err
	}
	if req.clientID == "" {
		return tokenRequest{}, failure(invalidRequest, "The client_id is missing.")
	}
	if req.grant == grantService && !req.hasSecret {
		return tokenRequest{}, failure(invalidRequest, "The client_secret is missing.")
	}
	return req, nil
}

// readCredentials takes client id and secret from the form, or from a Basic header whose parts are form-encoded.
func (t *tokenRequest) readCredentials(r *http.Request) error {
	t.clientID, t.secret = t.form.Get("client_id"), t.form.Get("client_secret")
	id, secret, basic := r.BasicAuth()
	if basic {
		if t.secret != "" {
			return failure(invalidGrant, "The client authenticates in two ways.")
		}
		id, idErr := url.QueryUnescape(id)
		secret, secretErr := url.QueryUnescape(secret)
		if idErr != nil || secretErr != nil || (t.clientID != "" && t.clientID != id) {
			return failure(invalidGrant, "The Basic credentials are malformed.")
		}
		t.clientID, t.secret = id, secret
	}
	t.hasSecret = t.secret != ""
	return nil
}
