package instance_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trustedapps.dev/operator/hack/erpnet-standin/instance"
	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

func TestQuirksOfTheTokenEndpoint(t *testing.T) {
	for name, c := range map[string]struct {
		quirks model.Quirks
		form   url.Values
		status int
		want   string
	}{
		"unauthorized_client for an unknown service": {
			model.Quirks{DisabledIsUnauthorizedClient: true}, service("client_id", "com.example.unknown"), 400, "unauthorized_client",
		},
		"status of invalid_client": {
			model.Quirks{InvalidClientStatus: 401}, service("client_secret", "wrong"), 401, "invalid_client",
		},
		"DomainApi refused": {
			model.Quirks{RejectDomainAPIScope: true}, service("scope", "read DomainApi"), 400, "invalid_scope",
		},
		"services need the impersonation flag": {
			model.Quirks{ServiceNeedsInternalImpersonation: true}, service(), 400, "unauthorized_client",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, withQuirks(c.quirks))
			wantError(t, b.postToken(c.form), c.status, c.want)
		})
	}
}

func TestQuirkScopeSubset(t *testing.T) {
	b := start(t, withQuirks(model.Quirks{ScopeSubset: true}))
	if got := wantToken(t, b.serviceToken(serviceURI, "read sec"), "scope"); got != "read" {
		t.Errorf("granted %q, want the allowed part", got)
	}
}

func TestQuirkCaseInsensitiveClientID(t *testing.T) {
	b := start(t, withQuirks(model.Quirks{CaseInsensitiveURI: true}))
	access := wantToken(t, b.postToken(service("client_id", strings.ToUpper(serviceURI))), "access_token")
	if got := part(t, access, 1)["client_id"]; got != serviceURI {
		t.Errorf("client_id %v, want the registered spelling", got)
	}
}

func TestQuirkServiceNeedsFlagIsSatisfiedByIt(t *testing.T) {
	b := start(t, withQuirks(model.Quirks{ServiceNeedsInternalImpersonation: true}))
	b.editApp(serviceURI, func(a *model.TrustedApplication) { a.ImpersonateAsInternalUserAllowed = true })
	wantToken(t, b.serviceToken(serviceURI, "read"), "access_token")
}

func TestQuirksOfTheCodeFlow(t *testing.T) {
	t.Run("PKCE optional for public clients", func(t *testing.T) {
		b := start(t, withQuirks(model.Quirks{PKCEOptionalForPublic: true}))
		wantToken(t, b.codeFlow(b.browser(), flow{client: spaURI, scope: "read", noChallenge: true}), "access_token")
	})
	t.Run("PKCE replaces the secret", func(t *testing.T) {
		b := start(t, withQuirks(model.Quirks{PKCEReplacesSecret: true}))
		code := b.codeOf(b.browser(), flow{})
		wantToken(t, b.postToken(changed(flow{}.redemption(code), []string{"client_secret", ""})), "access_token")
		code = b.codeOf(b.browser(), flow{noChallenge: true})
		without := changed(flow{}.redemption(code), []string{"client_secret", ""})
		wantError(t, b.postToken(without), http.StatusBadRequest, "invalid_grant")
	})
	t.Run("protocol scopes must be listed", func(t *testing.T) {
		b := start(t, withQuirks(model.Quirks{ProtocolScopesMustBeListed: true}))
		if q := callbackOf(t, b.authorize(b.client, flow{}.query()), webCallback); q.Get("error") != "invalid_scope" {
			t.Errorf("callback %v", q)
		}
	})
	t.Run("community users are refused data scopes", func(t *testing.T) {
		b := start(t, withQuirks(model.Quirks{CommunityReadRefused: true}))
		q := callbackOf(t, b.signIn(b.browser(), flow{client: spaURI, user: "carl", scope: "openid read"}), spaCallback)
		if q.Get("error") != "invalid_scope" {
			t.Errorf("callback %v", q)
		}
	})
	t.Run("redirects from the logout list", func(t *testing.T) {
		b := start(t, withQuirks(model.Quirks{RedirectsFromLogoutListToo: true}))
		v := changed(flow{}.query(), []string{"redirect_uri", logoutURL})
		if a := b.authorize(b.client, v); a.status != http.StatusOK {
			t.Errorf("HTTP %d: %s", a.status, a.body)
		}
	})
	t.Run("URL lists are trimmed", func(t *testing.T) {
		b := start(t, func(s *instance.Spec) {
			s.Quirks.TrimURLs = true
			s.Applications[0].ImpersonateLoginURL = text("https://a.example.com/ , " + webCallback)
		})
		if a := b.authorize(b.client, flow{}.query()); a.status != http.StatusOK {
			t.Errorf("HTTP %d: %s", a.status, a.body)
		}
	})
}

func TestQuirksOfRefreshTokens(t *testing.T) {
	t.Run("none for public clients", func(t *testing.T) {
		b := start(t, withQuirks(model.Quirks{NoRefreshTokensForPublic: true}))
		a := b.codeFlow(b.browser(), flow{client: spaURI, scope: "read offline_access"})
		wantToken(t, a, "access_token")
		if a.json(t)["refresh_token"] != nil {
			t.Error("a public client got a refresh token")
		}
	})
	t.Run("kept", func(t *testing.T) {
		b := start(t, withQuirks(model.Quirks{KeepRefreshToken: true}))
		first := wantToken(t, b.codeFlow(b.browser(), flow{scope: offline}), "refresh_token")
		for range 2 {
			if again := wantToken(t, b.refresh(webURI, first), "refresh_token"); again != first {
				t.Error("the refresh token changed")
			}
		}
	})
}

func TestQuirksOfPagesAndClaims(t *testing.T) {
	b := start(t, withQuirks(model.Quirks{LogoutPage: true, BooleanClaims: true, NoUserInfo: true, ToolPath: "tools"}))
	a := b.codeFlow(b.browser(), flow{})
	access := wantToken(t, a, "access_token")
	if claims := part(t, access, 1); claims["is_admin"] != true || claims["email_verified"] != true {
		t.Errorf("claims %v", claims)
	}
	if info := b.getWith("/id/connect/userinfo", access); info.status != http.StatusNotFound {
		t.Errorf("user info: HTTP %d", info.status)
	}
	if doc := b.get("/id/.well-known/openid-configuration").json(t); doc["userinfo_endpoint"] != nil {
		t.Errorf("discovery %v", doc)
	}
	v := form("id_token_hint", wantToken(t, a, "id_token"), "post_logout_redirect_uri", logoutURL)
	page := b.get("/id/connect/endsession?" + v.Encode())
	if page.status != http.StatusOK || !strings.Contains(page.body, `href="`+logoutURL+`"`) {
		t.Errorf("logout page: HTTP %d: %s", page.status, page.body)
	}
	for path, want := range map[string]int{
		"/sys/auto-discovery": 404, "/tools/auto-discovery": 200, "/sys/tools/sha256?secret=x": 404, "/tools/sha256?secret=x": 200,
	} {
		if got := b.get(path); got.status != want {
			t.Errorf("%s: HTTP %d, want %d", path, got.status, want)
		}
	}
}

func TestQuirkIssuedTokensOutliveTheirApplication(t *testing.T) {
	b := start(t, withQuirks(model.Quirks{DisabledKeepsTokens: true}))
	token := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	b.editApp(adminURI, func(a *model.TrustedApplication) { a.IsEnabled = false })
	if a := b.getWith("/api/domain/odata/GetVersion", token); a.status != http.StatusOK {
		t.Errorf("HTTP %d: %s", a.status, a.body)
	}
}

func TestQuirkSessionAtTokenRequest(t *testing.T) {
	b := start(t, func(s *instance.Spec) { s.Quirks.SessionAtTokenRequest, s.LicenceSlots = true, 1 })
	wantToken(t, b.serviceToken(serviceURI, ""), "access_token")
	if len(b.Sessions.List()) != 1 {
		t.Errorf("sessions %v", b.Sessions.List())
	}
	wantError(t, b.serviceToken(adminURI, ""), http.StatusServiceUnavailable, "temporarily_unavailable")
}
