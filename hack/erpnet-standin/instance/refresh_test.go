package instance_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

const offline = "openid read offline_access"

func (b *bed) refresh(client, token string) answer {
	b.t.Helper()
	v := form("grant_type", "refresh_token", "client_id", client, "refresh_token", token)
	if client != spaURI {
		v.Set("client_secret", secret)
	}
	return b.postToken(v)
}

func TestRefreshRotates(t *testing.T) {
	b := start(t, nil)
	first := b.codeFlow(b.browser(), flow{scope: offline})
	sid := part(t, wantToken(t, first, "access_token"), 1)["sid"]
	second := b.refresh(webURI, wantToken(t, first, "refresh_token"))
	if part(t, wantToken(t, second, "access_token"), 1)["sid"] != sid {
		t.Error("a refresh keeps the session")
	}
	if id := part(t, wantToken(t, second, "id_token"), 1); id["sid"] != sid || id["sub"] != "ana" {
		t.Errorf("ID token %v", id)
	}
	if got := second.json(t)["expires_in"]; got != 3600.0 {
		t.Errorf("expires_in %v", got)
	}
	third := wantToken(t, second, "refresh_token")
	if third == wantToken(t, first, "refresh_token") {
		t.Error("a refresh gives a new refresh token")
	}
	wantError(t, b.refresh(spaURI, third), http.StatusBadRequest, "invalid_grant")
	wantError(t, b.refresh(webURI, wantToken(t, first, "refresh_token")), http.StatusBadRequest, "invalid_grant")
	wantError(t, b.refresh(webURI, third), http.StatusBadRequest, "invalid_grant") // reuse revoked the family
}

func TestRefreshTokenLifetimes(t *testing.T) {
	b := start(t, nil)
	confidential := wantToken(t, b.codeFlow(b.browser(), flow{scope: offline}), "refresh_token")
	public := flow{client: spaURI, scope: "read offline_access"}
	early := wantToken(t, b.codeFlow(b.browser(), public), "refresh_token")
	late := wantToken(t, b.codeFlow(b.browser(), public), "refresh_token")
	b.Clock.Advance(23 * time.Hour)
	wantToken(t, b.refresh(spaURI, early), "access_token")
	b.Clock.Advance(2 * time.Hour)
	wantError(t, b.refresh(spaURI, late), http.StatusBadRequest, "invalid_grant")
	b.Clock.Advance(28 * 24 * time.Hour)
	renewed := wantToken(t, b.refresh(webURI, confidential), "refresh_token")
	b.Clock.Advance(31 * 24 * time.Hour)
	wantError(t, b.refresh(webURI, renewed), http.StatusBadRequest, "invalid_grant")
}

func TestWhatEndsRefreshTokens(t *testing.T) {
	for name, end := range map[string]func(b *bed, idToken string){
		"change of the application": func(b *bed, _ string) {
			b.editApp(webURI, func(a *model.TrustedApplication) { a.Name = "Renamed" })
		},
		"change of the password": func(b *bed, _ string) {
			b.editUser("ana", func(u *model.User) { u.Password = "another" })
		},
		"user inactive": func(b *bed, _ string) { b.editUser("ana", func(u *model.User) { u.Active = false }) },
		"sign-out": func(b *bed, idToken string) {
			b.get("/id/connect/endsession?" + url.Values{"id_token_hint": {idToken}}.Encode())
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, nil)
			a := b.codeFlow(b.browser(), flow{scope: offline})
			end(b, wantToken(t, a, "id_token"))
			wantError(t, b.refresh(webURI, wantToken(t, a, "refresh_token")), http.StatusBadRequest, "invalid_grant")
		})
	}
}

func TestSignOut(t *testing.T) {
	b := start(t, nil)
	browser := b.browser()
	a := b.codeFlow(browser, flow{})
	access, hint := wantToken(t, a, "access_token"), wantToken(t, a, "id_token")
	if got := b.getWith("/api/domain/odata/GetVersion", access); got.status != http.StatusOK || len(b.Sessions.List()) != 1 {
		t.Fatalf("the API call should open a session: HTTP %d, %v", got.status, b.Sessions.List())
	}
	b.Clock.Advance(10 * time.Minute) // an expired hint is good enough
	end := func(uri string) answer {
		v := form("id_token_hint", hint, "post_logout_redirect_uri", uri, "state", "bye")
		return b.do(browser, b.request(http.MethodGet, "/id/connect/endsession?"+v.Encode(), nil))
	}
	back := end(logoutURL)
	if back.status != http.StatusSeeOther || back.header.Get("Location") != logoutURL+"?state=bye" {
		t.Errorf("HTTP %d to %q", back.status, back.header.Get("Location"))
	}
	if open := b.Sessions.List(); len(open) != 0 {
		t.Errorf("the licence slot should be free: %v", open)
	}
	if page := b.authorize(browser, flow{}.query()); !strings.Contains(page.body, `type="password"`) {
		t.Errorf("the browser should have to log in again, got HTTP %d", page.status)
	}
	for _, uri := range []string{"https://evil.example.com/", webCallback, strings.TrimSuffix(logoutURL, "/"), ""} {
		if page := end(uri); page.status != http.StatusOK || page.header.Get("Location") != "" {
			t.Errorf("%q must not be returned to: HTTP %d to %q", uri, page.status, page.header.Get("Location"))
		}
	}
	if page := b.get("/id/connect/endsession?id_token_hint=abc"); page.status != http.StatusBadRequest {
		t.Errorf("a broken hint: HTTP %d", page.status)
	}
}
