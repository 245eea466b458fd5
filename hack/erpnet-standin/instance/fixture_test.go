package instance_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"

	"trustedapps.dev/operator/hack/erpnet-standin/instance"
	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

const (
	webURI      = "com.example.shop/web"
	spaURI      = "com.example.shop/spa"
	serviceURI  = "com.example.sync/orders"
	adminURI    = "com.example.operator"
	noteURI     = "com.example.note"
	secret      = "kestrel-Harbor-41"
	webCallback = "https://shop.example.com/signin-oidc"
	spaCallback = "https://spa.example.com/cb"
	logoutURL   = "https://shop.example.com/"
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

var testCA = sync.OnceValues(func() (*instance.CA, error) {
	return instance.LoadCA(sharedCADir)
})

// sharedCADir is set by TestMain.
var sharedCADir string

// bed is an instance under test and a client that trusts it.
type bed struct {
	*instance.Instance
	t      *testing.T
	client *http.Client // no cookies, follows no redirects
}

func start(t *testing.T, change func(*instance.Spec)) *bed {
	t.Helper()
	t.Parallel()
	ca, err := testCA()
	if err != nil {
		t.Fatal(err)
	}
	spec := standardSpec()
	if change != nil {
		change(&spec)
	}
	i, err := instance.Start(spec, ca, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.PEM)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		i.Faults.Remove("")
		if err := i.Stop(); err != nil {
			t.Errorf("stopping the instance: %v", err)
		}
	})
	return &bed{Instance: i, t: t, client: client}
}

func withQuirks(q model.Quirks) func(*instance.Spec) {
	return func(s *instance.Spec) { s.Quirks = q }
}

func standardSpec() instance.Spec {
	mail := "ana@example.com"
	user := func(login, kind string, change func(*model.User)) instance.UserSpec {
		u := model.User{Login: login, Name: "Name of " + login, Password: "pw-" + login, Active: true, UserType: kind}
		if change != nil {
			change(&u)
		}
		return instance.UserSpec{User: u}
	}
	app := func(uri string, change func(*instance.ApplicationSpec)) instance.ApplicationSpec {
		a := instance.ApplicationSpec{TrustedApplication: model.TrustedApplication{
			ApplicationURI: uri, Name: uri, IsEnabled: true, ClientType: model.Confidential, ReferenceTokens: "None",
		}, Secret: secret}
		change(&a)
		return a
	}
	return instance.Spec{
		Name: "ACME",
		Users: []instance.UserSpec{
			user("ana", model.InternalUser, func(u *model.User) { u.Email, u.IsAdmin = &mail, true }),
			user("carl", model.ExternalCommunityUser, nil),
			user("svc.orders", model.InternalUser, nil),
			user("svc.admin", model.InternalUser, func(u *model.User) { u.IsAdmin = true }),
			user("robot", model.VirtualUserNoLogin, nil),
		},
		Applications: []instance.ApplicationSpec{
			app(webURI, func(a *instance.ApplicationSpec) {
				a.ImpersonateAsInternalUserAllowed = true
				a.ImpersonateLoginURL, a.ImpersonateLogoutURL = text(webCallback+","+"https://shop.example.com/second"), text(logoutURL)
				a.Scope = text("read update")
			}),
			app(spaURI, func(a *instance.ApplicationSpec) {
				a.ClientType, a.Secret = model.Public, ""
				a.ImpersonateAsInternalUserAllowed, a.ImpersonateAsCommunityUserAllowed = true, true
				a.ImpersonateLoginURL, a.Scope = text(spaCallback), text("read")
			}),
			app(serviceURI, func(a *instance.ApplicationSpec) {
				a.SystemUserAllowed, a.SystemUser, a.Scope = true, "svc.orders", text("read update")
			}),
			app(adminURI, func(a *instance.ApplicationSpec) {
				a.SystemUserAllowed, a.SystemUser, a.Scope = true, "svc.admin", text("read update sec")
			}),
			app(noteURI, func(a *instance.ApplicationSpec) { a.ClientType = model.NoClient }),
		},
	}
}

func text(s string) *string { return &s }

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// json decodes the body of a JSON object.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		t.Fatalf("HTTP %d with a body that is no JSON object: %v\n%s", a.status, err, a.body)
	}
	return out
}

func (b *bed) do(client *http.Client, r *http.Request) answer {
	b.t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatalf("reading the answer to %s %s: %v", r.Method, r.URL.Path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (b *bed) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.Root+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bed) get(path string) answer { return b.do(b.client, b.request(http.MethodGet, path, nil)) }

// getWith gets a path with a bearer token.
func (b *bed) getWith(path, token string) answer {
	r := b.request(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return b.do(b.client, r)
}

// form makes values of alternating names and values.
func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (b *bed) postToken(v url.Values) answer {
	b.t.Helper()
	r := b.request(http.MethodPost, "/id/connect/token", strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(b.client, r)
}

// serviceToken requests a client-credentials token.
func (b *bed) serviceToken(uri, scope string) answer {
	b.t.Helper()
	v := form("grant_type", "client_credentials", "client_id", uri, "client_secret", secret)
	if scope != "" {
		v.Set("scope", scope)
	}
	return b.postToken(v)
}

// wantToken requires success and returns a string member of the answer.
func wantToken(t *testing.T, a answer, member string) string {
	t.Helper()
	value, _ := a.json(t)[member].(string)
	if a.status != http.StatusOK || value == "" {
		t.Fatalf("want a %s, got HTTP %d: %s", member, a.status, a.body)
	}
	return value
}

// wantError requires an OAuth error with a description.
func wantError(t *testing.T, a answer, status int, code string) {
	t.Helper()
	body := a.json(t)
	if a.status != status || body["error"] != code || body["error_description"] == "" {
		t.Fatalf("want HTTP %d %s with a description, got HTTP %d: %s", status, code, a.status, a.body)
	}
}

// part decodes one part of a JWT without verifying it: 0 the header, 1 the claims.
func part(t *testing.T, jwt string, index int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[index])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// browser is a client with cookies that plays the user's part.
func (b *bed) browser() *http.Client {
	b.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	c := *b.client
	c.Jar = jar
	return &c
}

func (b *bed) editApp(uri string, change func(*model.TrustedApplication)) {
	b.t.Helper()
	app, ok := b.Store.ApplicationByURI(uri)
	if !ok {
		b.t.Fatalf("no application %s", uri)
	}
	_, err := b.Store.UpdateApplication(app.ID, nil, func(a *model.TrustedApplication) error { change(a); return nil })
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) editUser(login string, change func(*model.User)) {
	b.t.Helper()
	user, ok := b.Store.UserByLogin(login)
	if !ok {
		b.t.Fatalf("no user %s", login)
	}
	change(&user)
	b.Store.PutUser(user)
}

// dialable says whether the instance accepts connections.
func (b *bed) dialable() bool {
	var d net.Dialer
	conn, err := d.DialContext(context.WithoutCancel(b.t.Context()), "tcp", strings.TrimPrefix(b.Root, "https://"))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
