package domainapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/session"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

const (
	apps      = "Systems_Security_TrustedApplications"
	people    = "Systems_Security_Users"
	clients   = "Crm_Customers"
	adminID   = "7b0f9c3e-52d1-4a6b-9d7f-0c1e2a3b4d5f"
	serviceID = "8c1f9c3e-52d1-4a6b-9d7f-0c1e2a3b4d60"
	webID     = "3f1c6a52-8d0e-4b77-9a41-5e2f0c9d7b10"
	syncID    = "4a2d7b63-9e1f-4c88-8b52-6f301dae8c21"
	operator  = "admin|read update sec"
)

// fixedVerifier understands "Bearer login|scope scope".
type fixedVerifier struct{}

func (fixedVerifier) Verify(_ context.Context, r *http.Request) (token.Caller, error) {
	credential, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	login, scopes, found := strings.Cut(credential, "|")
	if !ok || !found {
		return token.Caller{}, fmt.Errorf("reading the credential: %w", token.ErrUnauthenticated)
	}
	return token.Caller{ClientID: "com.example.test", Login: login, Scopes: strings.Fields(scopes), SessionKey: login, Service: true}, nil
}

// instance is a Domain API over real HTTP with two applications and three users.
type instance struct {
	t        *testing.T
	url      string
	store    *model.Store
	sessions *session.Manager
	now      time.Time
	caller   string
}

type settings struct {
	version string // newest known by default
	quirks  model.Quirks
	slots   int
	rpm     int // practically unlimited by default
}

func newInstance(t *testing.T, s settings) *instance {
	t.Helper()
	if s.version == "" {
		s.version = "26.3.100.4"
	}
	version, err := model.ParseVersion(s.version)
	if err != nil {
		t.Fatal(err)
	}
	in := &instance{t: t, caller: operator, now: time.Date(2026, 7, 15, 13, 30, 0, 0, time.UTC)}
	now := func() time.Time { return in.now }
	in.store = model.NewStore(now)
	in.sessions = session.New(now, s.slots, cmp.Or(s.rpm, 1_000_000), 0, 0)
	in.seed()
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = New(Config{
		Store: in.store, Version: version, Quirks: s.quirks, Sessions: in.sessions, Verifier: fixedVerifier{},
		BaseURL: "http://" + server.Listener.Addr().String(), Now: now,
	})
	server.Start()
	t.Cleanup(server.Close)
	in.url = server.URL + "/api/domain/odata/"
	return in
}

func pointer[T any](v T) *T { return &v }

func (in *instance) seed() {
	in.store.PutUser(model.User{ID: adminID, Login: "admin", Name: "Ada Admin", Email: pointer("ada@example.com"),
		Active: true, IsAdmin: true, UserType: model.InternalUser})
	in.store.PutUser(model.User{ID: serviceID, Login: "svc.orders", Name: "Order Service", Active: true, UserType: model.InternalUser, Password: "never-shown"})
	in.store.PutUser(model.User{ID: "9d2f9c3e-52d1-4a6b-9d7f-0c1e2a3b4d61", Login: "svc.stock", Name: "Stock Service", UserType: model.ApplicationUserNoLogin})
	in.seedApp(model.TrustedApplication{ID: webID, ApplicationURI: "com.example.shop/web", Name: "Example Shop", IsEnabled: true,
		ClientType: model.Confidential, ApplicationSecretHash: pointer(model.SecretHash("kestrel-Harbor-41")), Scope: pointer("read"),
		ExternalID: pointer("c1/shop/web"), ExternalSystem: pointer("operator")})
	in.seedApp(model.TrustedApplication{ID: syncID, ApplicationURI: "com.example.sync/orders", Name: "Order sync", IsEnabled: false,
		ClientType: model.Confidential, SystemUserAllowed: true, SystemUserID: pointer(serviceID), Scope: pointer("read update")})
}

func (in *instance) seedApp(a model.TrustedApplication) {
	if _, err := in.store.CreateApplication(a); err != nil {
		in.t.Fatal(err)
	}
}

type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// do sends a request; the target is relative to the service root unless it is absolute.
func (in *instance) do(method, target, body string, headers ...string) answer {
	in.t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = in.url + target
	}
	r, err := http.NewRequestWithContext(in.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	if in.caller != "" {
		r.Header.Set("Authorization", "Bearer "+in.caller)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		in.t.Fatal(err)
	}
	defer response.Body.Close()
	var content bytes.Buffer
	if _, err := io.Copy(&content, response.Body); err != nil {
		in.t.Fatal(err)
	}
	return answer{in.t, response.StatusCode, response.Header, content.Bytes()}
}

func (in *instance) get(target string) answer {
	in.t.Helper()
	return in.do(http.MethodGet, target, "")
}

// where lists a set under a filter.
func (in *instance) where(set, filter string) answer {
	in.t.Helper()
	return in.get(set + "?$filter=" + url.QueryEscape(filter) + "&$select=default,Id")
}

func (a answer) object() map[string]any {
	a.t.Helper()
	var out map[string]any
	if err := json.Unmarshal(a.body, &out); err != nil {
		a.t.Fatalf("status %d, body is no JSON object: %v: %s", a.status, err, a.body)
	}
	return out
}

func (a answer) ok() answer {
	a.t.Helper()
	if a.status/100 != 2 {
		a.t.Fatalf("status %d: %s", a.status, a.body)
	}
	return a
}

// rows returns the value array.
func (a answer) rows() []map[string]any {
	a.t.Helper()
	a.ok()
	values, ok := a.object()["value"].([]any)
	if !ok {
		a.t.Fatalf("no value array: %s", a.body)
	}
	out := make([]map[string]any, len(values))
	for i, v := range values {
		out[i] = v.(map[string]any)
	}
	return out
}

// column returns one attribute of all rows, space-separated.
func (a answer) column(name string) string {
	a.t.Helper()
	var out []string
	for _, r := range a.rows() {
		out = append(out, fmt.Sprint(r[name]))
	}
	return strings.Join(out, " ")
}

// fails asserts an error of the nested shape.
func (a answer) fails(status, code int, kind string) {
	a.t.Helper()
	inner, _ := a.object()["error"].(map[string]any)
	if inner == nil {
		a.t.Fatalf("no nested error: %s", a.body)
	}
	if a.status != status || inner["code"] != float64(code) || !strings.Contains(fmt.Sprint(inner["type"]), kind) {
		a.t.Fatalf("got status %d, want %d, code %d, type %q: %s", a.status, status, code, kind, a.body)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func app1(id string) string { return apps + "(" + id + ")" }
