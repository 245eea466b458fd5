package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/ory/fosite"

	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// opaqueTokens draws codes and refresh tokens in ERP.net's form; the store knows them by their digest.
type opaqueTokens struct{ accessTokens }

func digest(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// RefreshTokenSignature implements oauth2.RefreshTokenStrategy.
func (o *opaqueTokens) RefreshTokenSignature(_ context.Context, value string) string {
	return digest(value)
}

// GenerateRefreshToken implements oauth2.RefreshTokenStrategy.
func (o *opaqueTokens) GenerateRefreshToken(_ context.Context, r fosite.Requester) (string, string, error) {
	value := token.NewOpaque()
	if same := r.GetRequestForm().Get(grantRefresh); o.server.Quirks.KeepRefreshToken && same != "" {
		value = same
	}
	return value, digest(value), nil
}

// ValidateRefreshToken implements oauth2.RefreshTokenStrategy.
func (o *opaqueTokens) ValidateRefreshToken(_ context.Context, r fosite.Requester, _ string) error {
	return unexpired(r, fosite.RefreshToken)
}

// AuthorizeCodeSignature implements oauth2.AuthorizeCodeStrategy.
func (o *opaqueTokens) AuthorizeCodeSignature(_ context.Context, value string) string {
	return digest(value)
}

// GenerateAuthorizeCode implements oauth2.AuthorizeCodeStrategy.
func (o *opaqueTokens) GenerateAuthorizeCode(context.Context, fosite.Requester) (string, string, error) {
	value := token.NewOpaque()
	return value, digest(value), nil
}

// ValidateAuthorizeCode implements oauth2.AuthorizeCodeStrategy. The library passes the token request, whose session
// is still empty; the stored one has the time.
func (o *opaqueTokens) ValidateAuthorizeCode(ctx context.Context, r fosite.Requester, value string) error {
	original, err := o.server.grants.GetAuthorizeCodeSession(ctx, digest(value), r.GetSession())
	if err != nil {
		return err
	}
	return unexpired(original, fosite.AuthorizeCode)
}

func unexpired(r fosite.Requester, kind fosite.TokenType) error {
	if r.GetSession().(*grant).expired(kind) {
		return fosite.ErrTokenExpired
	}
	return nil
}
