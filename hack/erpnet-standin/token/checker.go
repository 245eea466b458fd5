package token

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// Checker is the Verifier of one instance.
type Checker struct {
	Issuer     string
	Keys       *Keys
	References *References
	Store      *model.Store
	Quirks     model.Quirks
	Now        func() time.Time
}

var _ Verifier = (*Checker)(nil)

// Verify implements Verifier. Applications and reference tokens are looked up on every request.
func (c *Checker) Verify(_ context.Context, r *http.Request) (Caller, error) {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		// The Api-Key header exists in two spellings; header names are compared without case.
		if value = r.Header.Get("X-Api-Key"); value == "" {
			value = r.Header.Get("Api-Key")
		}
		if !strings.HasPrefix(value, ReferencePrefix) {
			return Caller{}, fmt.Errorf("%w: the request carries no credential", ErrUnauthenticated)
		}
	}
	if strings.HasPrefix(value, ReferencePrefix) {
		return c.reference(value)
	}
	return c.accessToken(value)
}

func (c *Checker) accessToken(raw string) (Caller, error) {
	claims, err := c.AccessToken(raw)
	if err != nil {
		return Caller{}, err
	}
	if !claims.OpensAPI() {
		return Caller{}, fmt.Errorf("%w: the token lacks the audience %s", ErrUnauthenticated, APIAudience)
	}
	return claims.Caller(), nil
}

// AccessToken checks signature, issuer, times and application of an access token, whatever its audience.
func (c *Checker) AccessToken(raw string) (AccessClaims, error) {
	var claims AccessClaims
	if err := c.Keys.Open(AccessTokenType, raw, &claims); err != nil {
		return claims, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
	}
	switch {
	case claims.Issuer != c.Issuer:
		return claims, fmt.Errorf("%w: the token is of another instance", ErrUnauthenticated)
	case !claims.ValidAt(c.Now()):
		return claims, fmt.Errorf("%w: the token is outside its times", ErrUnauthenticated)
	case !c.enabled(claims.ClientID) && !c.Quirks.DisabledKeepsTokens:
		return claims, fmt.Errorf("%w: the application of the token is missing or disabled", ErrUnauthenticated)
	}
	return claims, nil
}

func (c *Checker) reference(value string) (Caller, error) {
	ref, ok := c.References.Find(value)
	if !ok || !c.enabled(ref.ClientID) {
		return Caller{}, fmt.Errorf("%w: the reference token is unknown or its application disabled", ErrUnauthenticated)
	}
	user, ok := c.Store.UserByLogin(ref.Login)
	if !ok || !user.Active {
		return Caller{}, fmt.Errorf("%w: the user of the reference token is missing or inactive", ErrUnauthenticated)
	}
	app, _ := c.Store.ApplicationByURI(ref.ClientID)
	digest := sha256.Sum256([]byte(value))
	return Caller{
		ClientID: ref.ClientID, Login: ref.Login, Scopes: ref.Scopes,
		SessionKey: hex.EncodeToString(digest[:8]),
		Service:    app.SystemUserID != nil && *app.SystemUserID == user.ID,
	}, nil
}

func (c *Checker) enabled(clientID string) bool {
	app, ok := c.Store.ApplicationByURI(clientID)
	return ok && app.IsEnabled
}
