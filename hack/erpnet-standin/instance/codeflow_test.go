package instance_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// flow is a sign-in; empty fields have the defaults of the web app and its user.
type flow struct {
	client, user, scope, prompt, responseType, responseMode string
	noChallenge                                             bool
}

func (f flow) withDefaults() flow {
	for field, value := range map[*string]string{
		&f.client: webURI, &f.user: "ana", &f.scope: "openid profile read", &f.responseType: "code",
	} {
		if *field == "" {
			*field = value
		}
	}
	return f
}

func (f flow) callback() string {
	if f.client == spaURI {
		return spaCallback
	}
	return webCallback
}

func (f flow) query() url.Values {
	f = f.withDefaults()
	v := form("client_id", f.client, "redirect_uri", f.callback(), "response_type", f.responseType, "scope", f.scope,
		"state", "state-1", "nonce", "nonce-1")
	if !f.noChallenge {
		v.Set("code_challenge", challenge)
		v.Set("code_challenge_method", "S256")
	}
	for name, value := range map[string]string{"prompt": f.prompt, "response_mode": f.responseMode} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

func (b *bed) authorize(browser *http.Client, v url.Values) answer {
	b.t.Helper()
	return b.do(browser, b.request(http.MethodGet, "/id/connect/authorize?"+v.Encode(), nil))
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// fields reads the hidden fields of a page's form.
func fields(page string) url.Values {
	v := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		v.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return v
}

// logIn fills in the login page.
func (b *bed) logIn(browser *http.Client, page answer, login, password string) answer {
	b.t.Helper()
	v := fields(page.body)
	v.Set("login", login)
	v.Set("password", password)
	r := b.request(http.MethodPost, "/id/connect/authorize", strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(browser, r)
}

// signIn goes from the authorize request to the redirect back, through the login page where it is shown.
func (b *bed) signIn(browser *http.Client, f flow) answer {
	b.t.Helper()
	f = f.withDefaults()
	a := b.authorize(browser, f.query())
	if a.status == http.StatusOK && strings.Contains(a.body, `type="password"`) {
		a = b.logIn(browser, a, f.user, "pw-"+f.user)
	}
	return a
}

// callbackOf requires a redirect to the callback and returns its query.
func callbackOf(t *testing.T, a answer, callback string) url.Values {
	t.Helper()
	location, err := url.Parse(a.header.Get("Location"))
	if a.status != http.StatusSeeOther || err != nil || !strings.HasPrefix(location.String(), callback+"?") {
		t.Fatalf("want a redirect to %s, got HTTP %d to %q: %s", callback, a.status, a.header.Get("Location"), a.body)
	}
	return location.Query()
}

func (b *bed) codeOf(browser *http.Client, f flow) string {
	b.t.Helper()
	q := callbackOf(b.t, b.signIn(browser, f), f.withDefaults().callback())
	if q.Get("code") == "" || q.Get("state") != "state-1" {
		b.t.Fatalf("callback %v", q)
	}
	return q.Get("code")
}

// redemption is the code exchange of the client of the flow.
func (f flow) redemption(code string) url.Values {
	f = f.withDefaults()
	v := form("grant_type", "authorization_code", "client_id", f.client, "code", code, "redirect_uri", f.callback())
	if f.client != spaURI {
		v.Set("client_secret", secret)
	}
	if !f.noChallenge {
		v.Set("code_verifier", verifier)
	}
	return v
}

func (b *bed) codeFlow(browser *http.Client, f flow) answer {
	b.t.Helper()
	return b.postToken(f.redemption(b.codeOf(browser, f)))
}

func TestCodeFlow(t *testing.T) {
	b := start(t, nil)
	for name, f := range map[string]flow{
		"confidential with PKCE":    {},
		"confidential without PKCE": {noChallenge: true},
		"public":                    {client: spaURI, scope: "openid read"},
	} {
		a := b.codeFlow(b.browser(), f)
		access := wantToken(t, a, "access_token")
		wantToken(t, a, "id_token")
		if a.json(t)["refresh_token"] != nil {
			t.Errorf("%s: a refresh token without offline_access", name)
		}
		info := b.getWith("/id/connect/userinfo", access)
		if info.status != http.StatusOK || info.json(t)["sub"] != "ana" {
			t.Errorf("%s: user info HTTP %d: %s", name, info.status, info.body)
		}
	}
}

func TestLoginPage(t *testing.T) {
	b := start(t, nil)
	page := b.authorize(b.browser(), flow{}.query())
	if page.status != http.StatusOK || page.header.Get("X-Frame-Options") != "DENY" ||
		!strings.Contains(page.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("HTTP %d, header %v", page.status, page.header)
	}
	for login, password := range map[string]string{"ana": "not-it-4711", "nobody": "pw-nobody", "robot": "pw-robot", "": ""} {
		again := b.logIn(b.browser(), page, login, password)
		if again.status != http.StatusUnauthorized || !strings.Contains(again.body, `id="error"`) || strings.Contains(again.body, password) && password != "" {
			t.Errorf("%q: HTTP %d: %s", login, again.status, again.body)
		}
		if fields(again.body).Get("state") != "state-1" {
			t.Errorf("%q: the request is lost: %s", login, again.body)
		}
	}
}

func TestAuthorizeErrorsThatMustNotRedirect(t *testing.T) {
	b := start(t, nil)
	b.editApp(spaURI, func(a *model.TrustedApplication) { a.IsEnabled = false })
	for name, c := range map[string]struct {
		change []string
		want   string
	}{
		"unknown client":     {[]string{"client_id", "com.example.unknown"}, "unauthorized_client"},
		"no client":          {[]string{"client_id", ""}, "unauthorized_client"},
		"disabled client":    {[]string{"client_id", spaURI, "redirect_uri", spaCallback}, "unauthorized_client"},
		"other host":         {[]string{"redirect_uri", "https://evil.example.com/"}, "invalid_redirect_uri"},
		"trailing slash":     {[]string{"redirect_uri", webCallback + "/"}, "invalid_redirect_uri"},
		"other case":         {[]string{"redirect_uri", strings.ToUpper(webCallback)}, "invalid_redirect_uri"},
		"additional query":   {[]string{"redirect_uri", webCallback + "?a=b"}, "invalid_redirect_uri"},
		"none":               {[]string{"redirect_uri", ""}, "invalid_redirect_uri"},
		"the whole list":     {[]string{"redirect_uri", webCallback + ",https://shop.example.com/second"}, "invalid_redirect_uri"},
		"only a logout URI":  {[]string{"redirect_uri", logoutURL}, "invalid_redirect_uri"},
		"note-only":          {[]string{"client_id", noteURI}, "unauthorized_client"},
		"no redirect at all": {[]string{"client_id", serviceURI}, "invalid_redirect_uri"},
	} {
		r := b.request(http.MethodGet, "/id/connect/authorize?"+changed(flow{}.query(), c.change).Encode(), nil)
		page := b.do(b.client, r)
		if page.status != http.StatusBadRequest || !strings.Contains(page.body, `<code id="error">`+c.want+`</code>`) {
			t.Errorf("%s: HTTP %d, want a page with %s: %s", name, page.status, c.want, page.body)
		}
		r.Header.Set("Accept", "application/json")
		wantError(t, b.do(b.client, r), http.StatusBadRequest, c.want)
	}
}

func TestAuthorizeErrorsThatRedirect(t *testing.T) {
	b := start(t, nil)
	for name, c := range map[string]struct {
		change []string
		want   string
	}{
		"scope beyond the registration": {[]string{"scope", "openid sec"}, "invalid_scope"},
		"unknown response type":         {[]string{"response_type", "token"}, "unsupported_response_type"},
		"no state":                      {[]string{"state", ""}, "invalid_request"},
		"plain challenge":               {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"silent, nobody signed in":      {[]string{"prompt", "none"}, "login_required"},
	} {
		browser := b.browser()
		a := b.authorize(browser, changed(flow{}.query(), c.change))
		if a.status == http.StatusOK {
			a = b.logIn(browser, a, "ana", "pw-ana")
		}
		if q := callbackOf(t, a, webCallback); q.Get("error") != c.want || q.Get("code") != "" {
			t.Errorf("%s: %v, want %s", name, q, c.want)
		}
	}
	q := callbackOf(t, b.authorize(b.client, flow{client: spaURI, noChallenge: true, scope: "read"}.query()), spaCallback)
	if q.Get("error") != "invalid_request" || q.Get("state") != "state-1" {
		t.Errorf("a public client without PKCE: %v", q)
	}
	q = callbackOf(t, b.signIn(b.browser(), flow{user: "carl"}), webCallback)
	if q.Get("error") != "access_denied" {
		t.Errorf("a community user at an internal app: %v", q)
	}
	b.editApp(webURI, func(a *model.TrustedApplication) { a.ImpersonateAsInternalUserAllowed = false })
	if q := callbackOf(t, b.authorize(b.client, flow{}.query()), webCallback); q.Get("error") != "unsupported_grant_type" {
		t.Errorf("an application that may sign nobody in: %v", q)
	}
}

func TestCodesAreSingleUseAndShortLived(t *testing.T) {
	b := start(t, nil)
	browser := b.browser()
	code := b.codeOf(browser, flow{scope: "read offline_access"})
	refresh := wantToken(t, b.postToken(flow{}.redemption(code)), "refresh_token")
	wantError(t, b.postToken(flow{}.redemption(code)), http.StatusBadRequest, "invalid_grant")
	wantError(t, b.refresh(webURI, refresh), http.StatusBadRequest, "invalid_grant") // reuse revokes what came of it

	late := b.codeOf(browser, flow{})
	b.Clock.Advance(10 * time.Minute)
	wantError(t, b.postToken(flow{}.redemption(late)), http.StatusBadRequest, "invalid_grant")

	for name, change := range map[string][]string{
		"other redirect URI": {"redirect_uri", "https://shop.example.com/second"},
		"wrong verifier":     {"code_verifier", strings.Repeat("x", 43)},
		"missing verifier":   {"code_verifier", ""},
	} {
		code := b.codeOf(browser, flow{})
		t.Run(name, func(t *testing.T) {
			wantError(t, b.postToken(changed(flow{}.redemption(code), change)), http.StatusBadRequest, "invalid_grant")
			wantError(t, b.postToken(flow{}.redemption(code)), http.StatusBadRequest, "invalid_grant")
		})
	}
	foreign := b.codeOf(b.browser(), flow{client: spaURI, scope: "read"})
	wantError(t, b.postToken(flow{}.redemption(foreign)), http.StatusBadRequest, "invalid_grant")
}

func TestHybridResponseByFormPost(t *testing.T) {
	b := start(t, nil)
	page := b.signIn(b.browser(), flow{responseType: "code id_token", responseMode: "form_post"})
	if page.status != http.StatusOK || !strings.Contains(page.body, `action="`+webCallback+`"`) {
		t.Fatalf("want a form to the callback, got HTTP %d: %s", page.status, page.body)
	}
	post := url.Values{}
	for _, m := range regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		post.Set(m[1], html.UnescapeString(m[2]))
	}
	if post.Get("state") != "state-1" {
		t.Errorf("form %v", post)
	}
	id := part(t, post.Get("id_token"), 1)
	if id["nonce"] != "nonce-1" || id["aud"] != webURI || id["c_hash"] == nil || id["s_hash"] == nil {
		t.Errorf("ID token %v", id)
	}
	wantToken(t, b.postToken(flow{}.redemption(post.Get("code"))), "access_token")
}

func TestSingleSignOnAndPromptLogin(t *testing.T) {
	b := start(t, nil)
	browser := b.browser()
	sid := func(f flow) string {
		return part(t, wantToken(t, b.codeFlow(browser, f), "access_token"), 1)["sid"].(string)
	}
	first := sid(flow{})
	if a := b.authorize(browser, flow{client: spaURI, scope: "read"}.query()); a.status != http.StatusSeeOther {
		t.Errorf("the second application should need no login, got HTTP %d", a.status)
	}
	if a := b.authorize(browser, flow{prompt: "login"}.query()); a.status != http.StatusOK {
		t.Errorf("prompt=login should show the login page, got HTTP %d", a.status)
	}
	if again := sid(flow{prompt: "login"}); again != first {
		t.Error("the same user who logs in again keeps the session")
	}
	b.Clock.Advance(time.Minute)
	if silent := sid(flow{prompt: "none"}); silent != first {
		t.Error("a silent sign-in keeps the session")
	}
	b.editApp(webURI, func(a *model.TrustedApplication) { a.ImpersonateAsCommunityUserAllowed = true })
	if other := sid(flow{prompt: "login", user: "carl"}); other == first {
		t.Error("another user gets another session")
	}
}
