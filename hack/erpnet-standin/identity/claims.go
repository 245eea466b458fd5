package identity

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/ory/fosite"
	"github.com/ory/fosite/token/jwt"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// accessTokens issues access tokens with ERP.net's claims.
type accessTokens struct{ server *Server }

// AccessTokenSignature implements oauth2.AccessTokenStrategy.
func (a accessTokens) AccessTokenSignature(_ context.Context, value string) string {
	return digest(value)
}

// GenerateAccessToken implements oauth2.AccessTokenStrategy.
func (a accessTokens) GenerateAccessToken(_ context.Context, r fosite.Requester) (string, string, error) {
	g := r.GetSession().(*grant)
	s := a.server
	now := s.Clock.Now().Unix()
	scopes := append([]string{}, r.GetGrantedScopes()...)
	claims := map[string]any{
		"iss": s.issuer, "iat": now, "nbf": now, "exp": now + int64(accessTokenLife.Seconds()),
		"jti": token.NewID(), "client_id": r.GetClient().GetID(), "scope": scopes,
		"aud": s.audience(scopes, g),
	}
	if g.service {
		maps.Copy(claims, map[string]any{
			"client_db": s.Database, "client_system_user": g.system.Login,
			"client_system_user_type": g.system.UserType, "client_system_user_id": g.system.ID,
		})
	} else {
		maps.Copy(claims, s.userClaims(g.user))
		maps.Copy(claims, map[string]any{
			"sub": g.user.Login, "id": g.user.ID, "sid": g.signIn.sid, "db": s.Database,
			"auth_time": g.signIn.at.Unix(), "amr": []string{"pwd"}, "idp": "local",
		})
	}
	signed, err := s.Keys.Sign(token.AccessTokenType, claims)
	return signed, digest(signed), err
}

// ValidateAccessToken implements oauth2.AccessTokenStrategy.
func (a accessTokens) ValidateAccessToken(_ context.Context, _ fosite.Requester, value string) error {
	_, err := a.server.Checker.AccessToken(value)
	return err
}

// audience names the APIs where a scope opens them, and only the identity server's own resources otherwise. A
// community user has no access to the APIs.
func (s *Server) audience(scopes []string, g *grant) any {
	own := s.issuer + "/resources"
	api := slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(apiScopes, scope) })
	if !api || g.user.UserType == model.ExternalCommunityUser {
		return own
	}
	return []string{token.APIAudience, "TableAPI", "OLAP", "AppServer", own}
}

// userClaims describe a user, in access tokens and in the user-info answer.
func (s *Server) userClaims(u model.User) map[string]any {
	claims := map[string]any{
		"name": u.Name, "locale": "en", "user_type": u.UserType,
		"is_admin": s.boolean(u.IsAdmin), "email_verified": s.boolean(u.Email != nil),
	}
	if u.Email != nil {
		claims["email"] = *u.Email
	}
	return claims
}

// boolean writes a claim the way the decoded samples do, as a string.
func (s *Server) boolean(b bool) any {
	if s.Quirks.BooleanClaims {
		return b
	}
	return strconv.FormatBool(b)
}

// idTokenSigner signs ID tokens in ERP.net's form: its header, its times, a plain audience and no extra claims.
type idTokenSigner struct {
	*jwt.DefaultSigner
	server *Server
}

// Generate implements jwt.Signer.
func (i *idTokenSigner) Generate(_ context.Context, claims jwt.MapClaims, _ jwt.Mapper) (string, string, error) {
	now := i.server.Clock.Now()
	out := maps.Clone(map[string]any(claims))
	delete(out, "rat")
	delete(out, "jti")
	out["iat"], out["nbf"], out["exp"] = now.Unix(), now.Unix(), now.Add(idTokenLife).Unix()
	out["auth_time"] = out[signInTimeClaim]
	delete(out, signInTimeClaim)
	if aud, ok := out["aud"].([]string); ok && len(aud) == 1 {
		out["aud"] = aud[0]
	}
	signed, err := i.server.Keys.Sign(token.IDTokenType, out)
	return signed, digest(signed), err
}
