package identity

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/token/jwt"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// Lifetimes of what the identity server issues. That of a code is not documented beyond "short-lived".
const (
	accessTokenLife         = 3600 * time.Second
	idTokenLife             = 300 * time.Second
	codeLife                = 5 * time.Minute
	confidentialRefreshLife = 30 * 24 * time.Hour
	publicRefreshLife       = 24 * time.Hour
)

func newProvider(s *Server) fosite.OAuth2Provider {
	config := &fosite.Config{
		AccessTokenLifespan:            accessTokenLife,
		IDTokenLifespan:                idTokenLife,
		AuthorizeCodeLifespan:          codeLife,
		RefreshTokenLifespan:           confidentialRefreshLife,
		IDTokenIssuer:                  s.issuer,
		RefreshTokenScopes:             []string{"offline_access"},
		ScopeStrategy:                  fosite.ExactScopeStrategy,
		EnforcePKCEForPublicClients:    !s.Quirks.PKCEOptionalForPublic,
		MinParameterEntropy:            1, // state and nonce are required, their length is the client's business
		OmitRedirectScopeParam:         true,
		RedirectSecureChecker:          func(context.Context, *url.URL) bool { return true }, // registered is enough
		ClientAuthenticationStrategy:   authenticated,
		AccessTokenIssuer:              s.issuer,
		SendDebugMessagesToClients:     false,
		EnablePKCEPlainChallengeMethod: false,
	}
	signer := &idTokenSigner{DefaultSigner: &jwt.DefaultSigner{GetPrivateKey: func(context.Context) (any, error) {
		return s.Keys.Private(), nil
	}}, server: s}
	strategy := &compose.CommonStrategy{
		CoreStrategy:               &opaqueTokens{accessTokens{server: s}},
		OpenIDConnectTokenStrategy: &openid.DefaultStrategy{Signer: signer, Config: config},
		Signer:                     signer,
	}
	return compose.Compose(config, s.grants, strategy,
		compose.OAuth2AuthorizeExplicitFactory,
		compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2RefreshTokenGrantFactory,
		compose.OpenIDConnectExplicitFactory,
		compose.OpenIDConnectHybridFactory,
		compose.OpenIDConnectRefreshFactory,
		compose.OAuth2PKCEFactory,
	)
}

type approvedKey struct{}

// authenticated hands the library the client that evaluate has authenticated already.
func authenticated(ctx context.Context, _ *http.Request, _ url.Values) (fosite.Client, error) {
	a, ok := ctx.Value(approvedKey{}).(approved)
	if !ok {
		return nil, fosite.ErrInvalidClient
	}
	return newClient(a.app), nil
}

// client is a registration as the library sees it.
type client struct {
	*fosite.DefaultResponseModeClient
}

func newClient(app registration) *client {
	public := app.ClientType == model.Public
	grantTypes := fosite.Arguments{grantCode, grantService, "implicit"}
	if !public || !app.quirks.NoRefreshTokensForPublic {
		grantTypes = append(grantTypes, grantRefresh)
	}
	scopes := append(app.listedScopes(), protocolScopes...)
	return &client{&fosite.DefaultResponseModeClient{
		DefaultClient: &fosite.DefaultClient{
			ID: app.ApplicationURI, RedirectURIs: app.redirectURIs(), GrantTypes: grantTypes,
			ResponseTypes: []string{"code", "code id_token"}, Scopes: append(scopes, legacyScope), Public: public,
		},
		ResponseModes: []fosite.ResponseModeType{
			fosite.ResponseModeQuery, fosite.ResponseModeFragment, fosite.ResponseModeFormPost,
		},
	}}
}

// GetEffectiveLifespan implements fosite.ClientWithCustomTokenLifespans.
func (c *client) GetEffectiveLifespan(_ fosite.GrantType, kind fosite.TokenType, fallback time.Duration) time.Duration {
	if kind == fosite.RefreshToken && c.IsPublic() {
		return publicRefreshLife
	}
	return fallback
}
