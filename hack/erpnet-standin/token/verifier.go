// Package token issues and checks the tokens of one stand-in instance.
package token

import (
	"context"
	"errors"
	"net/http"
)

// ErrUnauthenticated says that a request carries no credential that opens the Domain API: none, or one that is
// malformed, expired, wrongly signed, of another instance, without the API audience, or of a disabled application.
var ErrUnauthenticated = errors.New("unauthenticated")

// Caller is who stands behind an authenticated API request.
type Caller struct {
	ClientID   string   // the trusted application (its ApplicationUri)
	Login      string   // the acting user: the signed-in one, or the System User
	Scopes     []string // granted scopes
	SessionKey string   // key of the licence session
	Service    bool     // acts as the System User of the application
}

// Verifier authenticates API requests: a Bearer JWT or reference token, or a reference token in an API-key header.
// It fails with an error that wraps ErrUnauthenticated.
type Verifier interface {
	Verify(ctx context.Context, r *http.Request) (Caller, error)
}
