package control_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"trustedapps.dev/operator/hack/erpnet-standin/control"
	"trustedapps.dev/operator/hack/erpnet-standin/instance"
)

const spec = `{"name":"acme","version":"26.2.1.66","licenceSlots":3,
	"users":[{"login":"svc","name":"Service","password":"pw"}],
	"applications":[{"applicationUri":"com.example.sync","name":"Sync","secret":"kestrel-Harbor-41",
		"systemUserAllowed":true,"systemUser":"svc","scope":"read"}],
	"referenceTokens":[{"token":"enrt_A","clientId":"com.example.sync","login":"svc","scopes":["read"]}]}`

type desk struct {
	t      *testing.T
	url    string
	client *http.Client
}

func open(t *testing.T) desk {
	t.Helper()
	ca, err := instance.LoadCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	fleet := control.NewFleet(ca, "127.0.0.1:0")
	server := httptest.NewServer(control.Handler(fleet, ca.PEM))
	t.Cleanup(func() {
		server.Close()
		if err := fleet.StopAll(); err != nil {
			t.Errorf("stopping the fleet: %v", err)
		}
	})
	return desk{t, server.URL, server.Client()}
}

// call requires a status and decodes the answer into out, unless that is nil.
func (d desk) call(method, path, body string, status int, out any) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := d.client.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if resp.StatusCode != status {
		d.t.Fatalf("%s %s: HTTP %d, want %d: %s", method, path, resp.StatusCode, status, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			d.t.Fatalf("%s %s: %v: %s", method, path, err, raw)
		}
	}
}

func TestInstancesComeAndGo(t *testing.T) {
	d := open(t)
	var made control.Summary
	d.call("POST", "/instances", spec, 200, &made)
	if !strings.HasPrefix(made.URL, "https://127.0.0.1:") || made.DomainAPI != made.URL+"/api/domain/odata/" ||
		made.Identity != made.URL+"/id" || made.Version != "26.2.1.66" {
		t.Errorf("summary %+v", made)
	}
	d.call("POST", "/instances", spec, 409, nil)
	d.call("POST", "/instances", `{"name":"typo","licenseSlots":3}`, 400, nil)
	d.call("POST", "/instances", `{"version":"26.2"}`, 400, nil)
	d.call("POST", "/instances", `{"name":"b","version":"new"}`, 400, nil)
	d.call("POST", "/instances", `{"name":"b","publicUrl":"http://plain.example.com"}`, 400, nil)
	d.call("POST", "/instances", `{"name":"b","applications":[{"applicationUri":"x","systemUser":"nobody"}]}`, 400, nil)
	d.call("POST", "/instances", `{"name":"b","referenceTokens":[{"token":"no prefix"}]}`, 400, nil)
	d.call("POST", "/instances", `{"name":"b"}`, 200, nil)
	var all []control.Summary
	d.call("GET", "/instances", "", 200, &all)
	if len(all) != 2 || all[0].Name != "acme" || all[1].Version != instance.DefaultVersion {
		t.Errorf("instances %+v", all)
	}
	d.call("PUT", "/instances/acme/version", `{"version":"26.1.0.1"}`, 200, &made)
	if made.Version != "26.1.0.1" {
		t.Errorf("version %s", made.Version)
	}
	d.call("DELETE", "/instances/acme", "", 204, nil)
	d.call("DELETE", "/instances/acme", "", 404, nil)
	d.call("GET", "/instances/acme/counters", "", 404, nil)
}

func TestRecords(t *testing.T) {
	d := open(t)
	d.call("POST", "/instances", spec, 200, nil)
	const apps = "/instances/acme/applications"
	var seeded []map[string]any
	d.call("GET", apps, "", 200, &seeded)
	first := seeded[0]
	if len(seeded) != 1 || first["isEnabled"] != true || first["clientType"] != "Confidential" || first["referenceTokens"] != "None" ||
		first["applicationSecretHash"] != "gyNDd1cmWKJN/pVPgZNeyRNkjiCcENszWGdi6kQu0VI=" || first["secret"] != nil {
		t.Errorf("applications %v", seeded)
	}
	path := apps + "/" + first["id"].(string)
	var edited map[string]any
	d.call("PATCH", path, `{"name":"By hand","systemUserId":null,"isEnabled":false}`, 200, &edited)
	if edited["name"] != "By hand" || edited["systemUserId"] != nil || edited["isEnabled"] != false ||
		edited["scope"] != "read" || edited["objectVersion"] != 2.0 {
		t.Errorf("edited %v", edited)
	}
	d.call("PATCH", path, `{"title":"unknown"}`, 400, nil)
	d.call("POST", apps, `{"applicationUri":"com.example.sync"}`, 409, nil)
	d.call("POST", apps, `{"name":"no uri"}`, 400, nil)
	var second map[string]any
	d.call("POST", apps, `{"applicationUri":"com.example.two","systemUser":"svc"}`, 200, &second)
	if second["systemUserId"] == nil {
		t.Errorf("created %v", second)
	}
	d.call("PUT", path+"/referenced", `{"referenced":true}`, 204, nil)
	d.call("DELETE", path, "", 409, nil)
	d.call("PUT", path+"/referenced", `{"referenced":false}`, 204, nil)
	d.call("DELETE", path, "", 204, nil)
	d.call("GET", path, "", 404, nil)
	d.call("PATCH", path, `{}`, 404, nil)

	var stored map[string]any
	d.call("POST", "/instances/acme/users", `{"login":"svc","name":"Renamed","password":"new","active":false}`, 200, &stored)
	var list []map[string]any
	d.call("GET", "/instances/acme/users", "", 200, &list)
	if len(list) != 1 || list[0]["name"] != "Renamed" || list[0]["active"] != false || list[0]["password"] != nil || stored["password"] != nil {
		t.Errorf("users %v", list)
	}
}

func TestOperations(t *testing.T) {
	d := open(t)
	var made control.Summary
	d.call("POST", "/instances", spec, 200, &made)
	var id struct{ ID string }
	d.call("POST", "/instances/acme/faults", `{"path":"/tools","status":500}`, 200, &id)
	d.call("POST", "/instances/acme/faults", `{"path":"/tools","drop":"x"}`, 400, nil)
	d.call("POST", "/instances/acme/faults", `{"path":"/tools","latency":5}`, 400, nil)
	var list []instance.Fault
	d.call("GET", "/instances/acme/faults", "", 200, &list)
	if len(list) != 1 || list[0].ID != id.ID {
		t.Errorf("faults %+v", list)
	}
	d.call("DELETE", "/instances/acme/faults/"+id.ID, "", 204, nil)
	d.call("DELETE", "/instances/acme/faults/"+id.ID, "", 404, nil)
	d.call("DELETE", "/instances/acme/faults", "", 204, nil)

	var before, after struct{ Now string }
	d.call("POST", "/instances/acme/clock", `{"advance":"0s"}`, 200, &before)
	d.call("POST", "/instances/acme/clock", `{"advance":"20m"}`, 200, &after)
	if before.Now >= after.Now {
		t.Errorf("the clock went from %s to %s", before.Now, after.Now)
	}
	d.call("POST", "/instances/acme/clock", `{"advance":"soon"}`, 400, nil)
	d.call("POST", "/instances/acme/keys/rotate", "", 204, nil)
	var counts instance.Counts
	d.call("GET", "/instances/acme/counters", "", 200, &counts)
	if counts.Requests == nil || counts.DomainAPI != 0 {
		t.Errorf("counters %+v", counts)
	}
	d.call("POST", "/instances/acme/counters/reset", "", 204, nil)
	var none []any
	d.call("GET", "/instances/acme/sessions", "", 200, &none)
	d.call("GET", "/instances/acme/requests", "", 200, &none)
	d.call("DELETE", "/instances/acme/sessions/unknown", "", 204, nil)
	d.call("POST", "/instances/acme/down", `{"down":true}`, 204, nil)
	var dialer net.Dialer
	if conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(made.URL, "https://")); err == nil {
		_ = conn.Close()
		t.Error("the instance should refuse connections")
	}
	d.call("POST", "/instances/acme/down", `{"down":false}`, 204, nil)
}
