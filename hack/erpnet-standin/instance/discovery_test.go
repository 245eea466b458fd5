package instance_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestAutoDiscovery(t *testing.T) {
	b := start(t, nil)
	want := map[string]any{
		"Host": strings.TrimPrefix(b.Root, "https://"), "DbName": "ACME",
		"WebSites": []any{
			map[string]any{"Type": "ID", "Status": "Working", "StatusDescription": "", "Url": b.Root + "/id", "System": true},
			map[string]any{
				"Type": "DomainAPI", "Status": "Working", "StatusDescription": "", "Url": b.Root + "/api", "System": false,
				"AdditionalProperties": map[string]any{"ODataServiceRoot": b.Root + "/api/domain/odata/"},
			},
		},
	}
	for _, path := range []string{"/sys/auto-discovery", "/tools/auto-discovery"} {
		if got := b.get(path).json(t); !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %v\nwant %v", path, got, want)
		}
	}
}

func TestTools(t *testing.T) {
	b := start(t, nil)
	if got := b.get("/tools/ver"); got.body != "26.2.1.66" || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		t.Errorf("ver: %q %v", got.body, got.header)
	}
	if err := b.SetVersion("26.1.0.3"); err != nil {
		t.Fatal(err)
	}
	if got := b.get("/tools/server-info").json(t); got["version"] != "26.1.0.3" || got["internalApi"] == nil {
		t.Errorf("server-info %v", got)
	}
	for _, path := range []string{"/sys/tools/sha256", "/tools/sha256"} {
		if got := b.get(path + "?secret=DEMO").json(t); got["sha256"] != "T/AGymuI51LwjLeIFxRQXOs9IHnupDKs/ajhWODR2C4=" {
			t.Errorf("%s: %v", path, got)
		}
	}
	if got := b.get("/anything"); got.status != http.StatusNotFound {
		t.Errorf("unknown path: HTTP %d", got.status)
	}
	for _, entry := range b.Counters.Log() {
		if strings.Contains(entry.Path, "DEMO") {
			t.Errorf("the log holds a secret: %+v", entry)
		}
	}
}

func TestOpenIDDiscovery(t *testing.T) {
	b := start(t, nil)
	doc := b.get("/id/.well-known/openid-configuration").json(t)
	for name, path := range map[string]string{
		"issuer": "", "jwks_uri": "/.well-known/openid-configuration/jwks", "authorization_endpoint": "/connect/authorize",
		"token_endpoint": "/connect/token", "end_session_endpoint": "/connect/endsession", "userinfo_endpoint": "/connect/userinfo",
	} {
		if doc[name] != b.Root+"/id"+path {
			t.Errorf("%s is %v", name, doc[name])
		}
	}
	r := b.request(http.MethodOptions, "/id/connect/token", nil)
	if a := b.do(b.client, r); a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("a single-page app could not exchange its code: %v", a.header)
	}
}
