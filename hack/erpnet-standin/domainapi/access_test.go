package domainapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/session"
)

func TestUnauthenticated(t *testing.T) {
	in := newInstance(t, settings{})
	in.caller = ""
	for _, target := range []string{apps, clients, "$batch", "GetVersion", "$metadata", strings.TrimSuffix(in.url, "odata/") + "currentmodel/" + apps} {
		got := in.get(target)
		got.fails(401, 401, "Unauthorized")
		equal(t, "WWW-Authenticate", got.header.Get("WWW-Authenticate"), "Bearer")
	}
	equal(t, "sessions", len(in.sessions.List()), 0)
}

func TestScopesAndAdministrator(t *testing.T) {
	for _, c := range []struct {
		caller, method, target string
		status                 int
	}{
		{"admin|read sec", "GET", apps, 200},
		{"admin|read", "GET", apps, 403},
		{"admin|sec", "GET", apps, 403},
		{"admin|update sec", "GET", apps, 403},
		{"svc.orders|read update sec", "GET", apps, 403},
		{"ghost|read sec", "GET", apps, 403},
		{"admin|update sec", "PATCH", app1(webID), 204},
		{"admin|read sec", "PATCH", app1(webID), 403},
		{"admin|read update", "PATCH", app1(webID), 403},
		{"svc.orders|update sec", "PATCH", app1(webID), 403},
		{"svc.orders|read sec", "GET", people, 200},
		{"svc.orders|read", "GET", people, 403},
		{"svc.orders|read", "GET", clients, 200},
		{"svc.orders|update", "GET", clients, 403},
		{"svc.orders|read", "GET", "Public_Users", 200},
		{"svc.orders|read", "GET", "GetVersion", 200},
		{"svc.orders|openid", "GET", "GetVersion", 403},
	} {
		t.Run(c.caller+" "+c.method+" "+c.target, func(t *testing.T) {
			in := newInstance(t, settings{})
			in.caller = c.caller
			body := ""
			if c.method == "PATCH" {
				body = `{"Notes":"x"}`
			}
			got := in.do(c.method, c.target, body)
			equal(t, "status", got.status, c.status)
			stored, _ := in.store.Application(webID)
			equal(t, "written", stored.ObjectVersion == 2, c.status == 204)
		})
	}
	in := newInstance(t, settings{quirks: model.Quirks{ForbiddenStatus: 500}})
	in.caller = "admin|read"
	in.get(apps).fails(500, 500, "Unauthorized")
}

func TestLicences(t *testing.T) {
	in := newInstance(t, settings{slots: 1})
	in.get(apps).ok()
	in.get(apps).ok()
	equal(t, "sessions", len(in.sessions.List()), 1)
	in.caller = "svc.orders|read"
	refused := in.get(clients)
	refused.fails(500, 500, "MaximumLicenseCountExceeded")
	if message := refused.object()["error"].(map[string]any)["message"]; !strings.Contains(fmt.Sprint(message), "MaximumLicenseCountExceeded") {
		t.Errorf("message %v does not name the cause", message)
	}
	in.now = in.now.Add(session.IdleTimeout)
	in.get(clients).ok()

	other := newInstance(t, settings{slots: 1, quirks: model.Quirks{NoLicenceStatus: 429}})
	other.get(apps).ok()
	other.caller = "svc.orders|read"
	other.get(clients).fails(429, 429, "MaximumLicenseCountExceeded")
}

func TestRateLimit(t *testing.T) {
	in := newInstance(t, settings{rpm: 2})
	in.get(apps).ok()
	in.get(apps).ok()
	in.get(apps).fails(429, 429, "TooManyRequests")
	in.now = in.now.Add(time.Minute)
	in.get(apps).ok()
}

func TestErrorShapes(t *testing.T) {
	flat := newInstance(t, settings{quirks: model.Quirks{ErrorShape: "flat"}}).get(apps + "?$select=Code").object()
	equal(t, "members", strings.Join(sortedKeys(flat), " "), "code info message messageFormat parameters type")
	equal(t, "code", flat["code"], any(0.0))
	short := newInstance(t, settings{quirks: model.Quirks{ErrorShape: "messageOnly"}}).get(apps + "?$select=Code").object()
	inner := short["error"].(map[string]any)
	equal(t, "members", strings.Join(sortedKeys(inner), " "), "message")
	equal(t, "message", inner["message"], any("Could not find a property named 'Code' on type 'Erp.Systems_Security_TrustedApplication'."))
}
