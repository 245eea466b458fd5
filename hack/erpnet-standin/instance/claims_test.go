package instance_test

import (
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/instance"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

var (
	upperHex32 = regexp.MustCompile(`^[0-9A-F]{32}$`)
	upperHex64 = regexp.MustCompile(`^[0-9A-F]{64}$`)
)

// wantClaims compares the claims with want, except those that are drawn or times, which must only be there.
func wantClaims(t *testing.T, got, want map[string]any, drawn ...string) {
	t.Helper()
	got = maps.Clone(got)
	for _, name := range drawn {
		if got[name] == nil || got[name] == "" {
			t.Errorf("claim %s is missing", name)
		}
		delete(got, name)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("claims\n got %v\nwant %v", got, want)
	}
}

func TestServiceTokenClaims(t *testing.T) {
	b := start(t, nil)
	a := b.serviceToken(serviceURI, "")
	access := wantToken(t, a, "access_token")
	answer := a.json(t)
	delete(answer, "access_token")
	if want := map[string]any{"expires_in": 3600.0, "token_type": "Bearer", "scope": "read update"}; !reflect.DeepEqual(answer, want) {
		t.Errorf("answer %v, want %v", answer, want)
	}
	header := part(t, access, 0)
	if kid, _ := header["kid"].(string); header["alg"] != "RS256" || header["typ"] != "at+jwt" || !upperHex32.MatchString(kid) {
		t.Errorf("header %v", header)
	}
	claims := part(t, access, 1)
	if claims["exp"].(float64) != claims["nbf"].(float64)+3600 || !upperHex32.MatchString(claims["jti"].(string)) {
		t.Errorf("times or jti: %v", claims)
	}
	user, _ := b.Store.UserByLogin("svc.orders")
	wantClaims(t, claims, map[string]any{
		"iss": b.Identity(), "aud": []any{"DomainAPI", "TableAPI", "OLAP", "AppServer", b.Identity() + "/resources"},
		"client_id": serviceURI, "scope": []any{"read", "update"}, "client_db": "ACME",
		"client_system_user": "svc.orders", "client_system_user_type": "InternalUser", "client_system_user_id": user.ID,
	}, "iat", "nbf", "exp", "jti")
}

func TestScopesOfServices(t *testing.T) {
	b := start(t, nil)
	for asked, want := range map[string]string{
		"":                    "read update",
		"read":                "read",
		"update read read":    "update read",
		"read offline_access": "read",
		"DomainApi":           "read update DomainApi",
		"read DomainApi":      "read DomainApi",
	} {
		if got := wantToken(t, b.serviceToken(serviceURI, asked), "scope"); got != want {
			t.Errorf("asked for %q: granted %q, want %q", asked, got, want)
		}
	}
}

func TestUserTokenClaims(t *testing.T) {
	b := start(t, nil)
	a := b.codeFlow(b.browser(), flow{scope: "openid profile read offline_access"})
	access, idToken := wantToken(t, a, "access_token"), wantToken(t, a, "id_token")
	if refresh := wantToken(t, a, "refresh_token"); !upperHex64.MatchString(refresh) {
		t.Errorf("refresh token %q", refresh)
	}
	user, _ := b.Store.UserByLogin("ana")
	claims := part(t, access, 1)
	wantClaims(t, claims, map[string]any{
		"iss": b.Identity(), "aud": []any{"DomainAPI", "TableAPI", "OLAP", "AppServer", b.Identity() + "/resources"},
		"client_id": webURI, "scope": []any{"openid", "profile", "read", "offline_access"}, "db": "ACME",
		"sub": "ana", "id": user.ID, "amr": []any{"pwd"}, "idp": "local", "name": "Name of ana", "email": "ana@example.com",
		"locale": "en", "user_type": "InternalUser", "is_admin": "true", "email_verified": "true",
	}, "iat", "nbf", "exp", "jti", "sid", "auth_time")
	id := part(t, idToken, 1)
	wantClaims(t, id, map[string]any{
		"iss": b.Identity(), "aud": webURI, "sub": "ana", "idp": "local", "amr": []any{"pwd"}, "nonce": "nonce-1",
		"sid": claims["sid"], "auth_time": claims["auth_time"],
	}, "iat", "nbf", "exp", "at_hash", "s_hash")
	if id["exp"].(float64) != id["nbf"].(float64)+300 || part(t, idToken, 0)["typ"] != "JWT" {
		t.Errorf("ID token: %v %v", part(t, idToken, 0), id)
	}
}

func TestOnlyProtocolScopesOpenNoAPI(t *testing.T) {
	b := start(t, nil)
	access := wantToken(t, b.codeFlow(b.browser(), flow{scope: "openid profile"}), "access_token")
	if aud := part(t, access, 1)["aud"]; aud != b.Identity()+"/resources" {
		t.Errorf("aud is %v, want the plain string of the identity's own resources", aud)
	}
	if a := b.getWith("/api/domain/odata/Systems_Security_TrustedApplications", access); a.status != http.StatusUnauthorized {
		t.Errorf("the API should refuse the token, got HTTP %d", a.status)
	}
	if info := b.getWith("/id/connect/userinfo", access).json(t); info["sub"] != "ana" || info["email"] != "ana@example.com" {
		t.Errorf("user info %v", info)
	}
}

func TestCommunityUsersGetIdentityButNoAPI(t *testing.T) {
	b := start(t, nil)
	access := wantToken(t, b.codeFlow(b.browser(), flow{client: spaURI, user: "carl", scope: "openid read"}), "access_token")
	claims := part(t, access, 1)
	if claims["aud"] != b.Identity()+"/resources" || claims["user_type"] != "ExternalCommunityUser" {
		t.Errorf("claims %v", claims)
	}
	if a := b.getWith("/api/domain/odata/Systems_Security_TrustedApplications", access); a.status != http.StatusUnauthorized {
		t.Errorf("the API should refuse the token, got HTTP %d", a.status)
	}
	if len(b.Sessions.List()) != 0 {
		t.Error("a refused token must not open a session")
	}
}

func TestKeysRotate(t *testing.T) {
	b := start(t, nil)
	old := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	if err := b.Keys.Rotate(); err != nil {
		t.Fatal(err)
	}
	fresh := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	var kids []string
	for _, key := range b.get("/id/.well-known/openid-configuration/jwks").json(t)["keys"].([]any) {
		jwk := key.(map[string]any)
		kids = append(kids, jwk["kid"].(string))
		if jwk["kty"] != "RSA" || jwk["d"] != nil {
			t.Errorf("key %v", jwk)
		}
	}
	if want := []string{part(t, fresh, 0)["kid"].(string), part(t, old, 0)["kid"].(string)}; !slices.Equal(kids, want) {
		t.Errorf("key ids %v, want the new and the old one, %v", kids, want)
	}
	const path = "/api/domain/odata/Systems_Security_TrustedApplications"
	if a := b.getWith(path, old); a.status != http.StatusOK {
		t.Errorf("the old token should work after one rotation, got HTTP %d", a.status)
	}
	if err := b.Keys.Rotate(); err != nil {
		t.Fatal(err)
	}
	if a := b.getWith(path, old); a.status != http.StatusUnauthorized {
		t.Errorf("the old token should end with its key, got HTTP %d", a.status)
	}
}

func TestTokensOfElsewhereAndTheirTimes(t *testing.T) {
	b := start(t, nil)
	const path = "/api/domain/odata/Systems_Security_TrustedApplications"
	good := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	parts := strings.Split(good, ".")
	claims := part(t, good, 1)
	sign := func(change func(map[string]any)) string {
		c := maps.Clone(claims)
		change(c)
		signed, err := b.Keys.Sign(token.AccessTokenType, c)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	idTyped, err := b.Keys.Sign(token.IDTokenType, claims)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"no token":         "",
		"malformed":        "abc",
		"unsigned":         parts[0] + "." + parts[1] + ".",
		"other issuer":     sign(func(c map[string]any) { c["iss"] = "https://other.example.com/id" }),
		"other audience":   sign(func(c map[string]any) { c["aud"] = "TableAPI" }),
		"not yet valid":    sign(func(c map[string]any) { c["nbf"] = claims["exp"] }),
		"an ID token":      idTyped,
		"unknown client":   sign(func(c map[string]any) { c["client_id"] = "com.example.unknown" }),
		"unknown enrt":     "enrt_" + strings.Repeat("A", 64),
		"wrong signature":  parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"expired manually": sign(func(c map[string]any) { c["exp"] = claims["nbf"] }),
	} {
		if a := b.getWith(path, bad); a.status != http.StatusUnauthorized {
			t.Errorf("%s: HTTP %d, want 401: %s", name, a.status, a.body)
		}
	}
	if a := b.getWith(path, sign(func(map[string]any) {})); a.status != http.StatusOK {
		t.Errorf("the control sample should pass, got HTTP %d: %s", a.status, a.body)
	}
	b.Clock.Advance(time.Hour)
	if a := b.getWith(path, good); a.status != http.StatusUnauthorized {
		t.Errorf("the token should have expired, got HTTP %d", a.status)
	}
}

func TestReferenceTokens(t *testing.T) {
	value := "enrt_" + strings.Repeat("AB", 32)
	b := start(t, func(s *instance.Spec) {
		s.ReferenceTokens = []token.Reference{{Token: value, ClientID: adminURI, Login: "svc.admin", Scopes: []string{"read", "sec"}}}
	})
	const path = "/api/domain/odata/Systems_Security_TrustedApplications"
	for _, header := range []string{"X-Api-Key", "Api-Key", "X-API-KEY"} {
		r := b.request(http.MethodGet, path, nil)
		r.Header.Set(header, value)
		if a := b.do(b.client, r); a.status != http.StatusOK {
			t.Errorf("%s: HTTP %d: %s", header, a.status, a.body)
		}
	}
	if a := b.getWith(path, value); a.status != http.StatusOK {
		t.Errorf("bearer: HTTP %d: %s", a.status, a.body)
	}
	if open := b.Sessions.List(); len(open) != 1 || !open[0].Service || open[0].Login != "svc.admin" {
		t.Errorf("sessions %+v", open)
	}
}
