package instance_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/instance"
)

const appsPath = "/api/domain/odata/Systems_Security_TrustedApplications"

func (b *bed) inject(f instance.Fault) string {
	b.t.Helper()
	id, err := b.Faults.Add(f)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// attempt sends a request without requiring an answer.
func (b *bed) attempt(r *http.Request) (int, string, error) {
	resp, err := b.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestFaultAnswersInstead(t *testing.T) {
	b := start(t, nil)
	b.inject(instance.Fault{
		Method: "POST", Path: "/id/connect/token", Count: 2, Skip: 1, Status: 503, Body: "<html>busy</html>",
		ContentType: "text/html", RetryAfter: "7",
	})
	wantToken(t, b.serviceToken(serviceURI, ""), "access_token")
	for range 2 {
		a := b.serviceToken(serviceURI, "")
		if a.status != 503 || a.body != "<html>busy</html>" || a.header.Get("Retry-After") != "7" || a.header.Get("Content-Type") != "text/html" {
			t.Errorf("HTTP %d %v: %s", a.status, a.header, a.body)
		}
	}
	wantToken(t, b.serviceToken(serviceURI, ""), "access_token")
	if list := b.Faults.List(); len(list) != 1 || list[0].Hits != 2 {
		t.Errorf("faults %+v", list)
	}
}

func TestFaultPaths(t *testing.T) {
	b := start(t, nil)
	id := b.inject(instance.Fault{Path: "/api/*/Systems_Security_TrustedApplications*", Status: 418})
	for path, want := range map[string]int{
		appsPath: 418, appsPath + "(0)": 418, "/api/domain/odata/Systems_Security_Users": 401, "/tools/ver": 200,
	} {
		if a := b.get(path); a.status != want {
			t.Errorf("%s: HTTP %d, want %d", path, a.status, want)
		}
	}
	if !b.Faults.Remove(id) || b.Faults.Remove(id) {
		t.Error("a fault can be removed once")
	}
	b.inject(instance.Fault{ID: "x", Path: "/tools", Status: 500})
	b.inject(instance.Fault{ID: "x", Path: "/tools", Status: 501})
	if a := b.get("/tools/ver"); a.status != 501 {
		t.Errorf("the second fault should replace the first, HTTP %d", a.status)
	}
	for _, bad := range []instance.Fault{{Drop: "sometimes"}, {Status: 99}, {Status: 600}} {
		if _, err := b.Faults.Add(bad); err == nil {
			t.Errorf("%+v should be refused", bad)
		}
	}
}

func (b *bed) create(uri, token string) *http.Request {
	r := b.request(http.MethodPost, appsPath, strings.NewReader(`{"ApplicationUri":"`+uri+`","Name":"n"}`))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestFaultDrops(t *testing.T) {
	b := start(t, nil)
	token := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	exists := func(uri string) bool { _, ok := b.Store.ApplicationByURI(uri); return ok }

	b.inject(instance.Fault{Method: "POST", Path: appsPath, Count: 1, Drop: instance.DropBefore})
	if _, _, err := b.attempt(b.create("com.example.a", token)); err == nil || exists("com.example.a") {
		t.Errorf("dropped before: error %v, created %v", err, exists("com.example.a"))
	}
	b.inject(instance.Fault{Method: "POST", Path: appsPath, Count: 1, Drop: instance.DropAfter})
	if _, _, err := b.attempt(b.create("com.example.b", token)); err == nil || !exists("com.example.b") {
		t.Errorf("dropped after: error %v, created %v", err, exists("com.example.b"))
	}
	b.inject(instance.Fault{Method: "POST", Path: appsPath, Count: 1, Drop: instance.DropAfter, Status: 502})
	if status, _, err := b.attempt(b.create("com.example.c", token)); err != nil || status != 502 || !exists("com.example.c") {
		t.Errorf("replaced after: HTTP %d, error %v, created %v", status, err, exists("com.example.c"))
	}
	if writes := b.Counters.Counts().Writes; writes != 3 {
		t.Errorf("%d writes counted, want 3", writes)
	}
}

func TestFaultHangs(t *testing.T) {
	b := start(t, nil)
	token := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	id := b.inject(instance.Fault{Method: "POST", Path: appsPath, Drop: instance.DropHang})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := b.attempt(b.create("com.example.a", token).WithContext(ctx))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("want the client's own timeout, got %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := b.attempt(b.create("com.example.a", token))
		done <- err
	}()
	for b.Faults.List()[0].Hits < 2 {
		select {
		case err := <-done:
			t.Fatalf("the request should hang, got %v", err)
		default:
		}
	}
	b.Faults.Remove(id)
	if err := <-done; err == nil {
		t.Error("a request that hung should be cut when the fault is removed")
	}
	if _, ok := b.Store.ApplicationByURI("com.example.a"); ok {
		t.Error("a request that hung must have no effect")
	}
}

func TestFaultTruncatesLatencyAndLicence(t *testing.T) {
	b := start(t, nil)
	b.inject(instance.Fault{Path: "/tools/server-info", Count: 1, Truncate: 5})
	status, body, err := b.attempt(b.request(http.MethodGet, "/tools/server-info", nil))
	if err == nil || status != 200 || len(body) != 5 {
		t.Errorf("HTTP %d, %q, error %v", status, body, err)
	}
	b.inject(instance.Fault{Path: "/tools/ver", LatencyMs: 120})
	before := time.Now()
	if a := b.get("/tools/ver"); a.status != 200 || time.Since(before) < 120*time.Millisecond {
		t.Errorf("HTTP %d after %v", a.status, time.Since(before))
	}
	token := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	b.inject(instance.Fault{Path: appsPath, Count: 1, NoLicence: true})
	if a := b.getWith(appsPath, token); a.status != 500 || !strings.Contains(a.body, "MaximumLicenseCountExceeded") {
		t.Errorf("HTTP %d: %s", a.status, a.body)
	}
	if a := b.getWith(appsPath, token); a.status != 200 {
		t.Errorf("HTTP %d: %s", a.status, a.body)
	}
}

func TestDown(t *testing.T) {
	b := start(t, nil)
	wantToken(t, b.serviceToken(serviceURI, ""), "access_token")
	for range 2 { // saying it twice changes nothing
		if err := b.SetDown(true); err != nil {
			t.Fatal(err)
		}
	}
	if b.dialable() {
		t.Error("connections should be refused")
	}
	b.client.CloseIdleConnections()
	if err := b.SetDown(false); err != nil {
		t.Fatal(err)
	}
	wantToken(t, b.serviceToken(serviceURI, ""), "access_token")
}
