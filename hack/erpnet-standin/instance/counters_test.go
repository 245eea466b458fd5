package instance_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"trustedapps.dev/operator/hack/erpnet-standin/instance"
)

func TestCounters(t *testing.T) {
	b := start(t, func(s *instance.Spec) { s.RequestsPerMinute = 4 })
	token := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	b.getWith(appsPath+"?$top=1", token)
	app, _ := b.Store.ApplicationByURI(webURI)
	r := b.request(http.MethodPatch, appsPath+"("+app.ID+")", strings.NewReader(`{"Name":"other"}`))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	if a := b.do(b.client, r); a.status != http.StatusNoContent {
		t.Fatalf("HTTP %d: %s", a.status, a.body)
	}
	batch := "--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\nContent-Type: application/http\r\n" +
		"Content-Transfer-Encoding: binary\r\nContent-ID: 1\r\n\r\nDELETE Systems_Security_TrustedApplications(" + app.ID +
		") HTTP/1.1\r\n\r\n\r\n--y--\r\n--x--\r\n"
	r = b.request(http.MethodPost, "/api/domain/odata/$batch", strings.NewReader(batch))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "multipart/mixed; boundary=x")
	if a := b.do(b.client, r); a.status != http.StatusOK {
		t.Fatalf("HTTP %d: %s", a.status, a.body)
	}
	if _, ok := b.Store.ApplicationByURI(webURI); ok {
		t.Error("the batch should have deleted the application")
	}
	b.getWith("/api/domain/currentmodel/Systems_Security_TrustedApplications", token)
	if a := b.getWith(appsPath, token); a.status != http.StatusTooManyRequests {
		t.Errorf("the fifth request of the minute: HTTP %d", a.status)
	}
	want := instance.Counts{
		Requests: map[string]int{
			"POST /id/connect/token": 1, "GET Systems_Security_TrustedApplications": 2,
			"PATCH Systems_Security_TrustedApplications": 1, "POST $batch": 1,
			"GET /api/domain/currentmodel/Systems_Security_TrustedApplications": 1,
		},
		DomainAPI: 5, Token: 1, MaxInFlight: 1, Rejected429: 1, Writes: 2,
	}
	if got := b.Counters.Counts(); !reflect.DeepEqual(got, want) {
		t.Errorf("counters\n got %+v\nwant %+v", got, want)
	}
	log := b.Counters.Log()
	if len(log) != 6 || log[0].Path != "/id/connect/token" || log[1].Path != appsPath+"?$top=1" || log[5].Status != 429 {
		t.Errorf("log %+v", log)
	}
	b.Counters.Reset()
	if got := b.Counters.Counts(); got.DomainAPI != 0 || len(got.Requests) != 0 || len(b.Counters.Log()) != 0 {
		t.Errorf("after the reset %+v", got)
	}
}

func TestSessionsOpenAtTheFirstCall(t *testing.T) {
	b := start(t, func(s *instance.Spec) { s.LicenceSlots = 1 })
	first := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	second := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	if len(b.Sessions.List()) != 0 {
		t.Error("a token costs no session")
	}
	if a := b.getWith(appsPath, first); a.status != http.StatusOK {
		t.Fatalf("HTTP %d: %s", a.status, a.body)
	}
	open := b.Sessions.List()
	if len(open) != 1 || open[0].Login != "svc.admin" || open[0].ClientID != adminURI || !open[0].Service {
		t.Errorf("sessions %+v", open)
	}
	if a := b.getWith(appsPath, second); !strings.Contains(a.body, "MaximumLicenseCountExceeded") {
		t.Errorf("the second token should find no slot: HTTP %d: %s", a.status, a.body)
	}
	b.Sessions.End(open[0].Key)
	if a := b.getWith(appsPath, second); a.status != http.StatusOK {
		t.Errorf("the slot should be free: HTTP %d: %s", a.status, a.body)
	}
}
