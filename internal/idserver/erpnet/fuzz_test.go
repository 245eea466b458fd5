package erpnet

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// FuzzApplications: whatever a list holds, its rows are ones that a decision can be made on, and can be shown.
func FuzzApplications(f *testing.F) {
	for _, seed := range []string{
		`{"value":[]}`, `{"value":[{"@odata.id":"x(3f1c6a52-8d0e-4b77-9a41-5e2f0c9d7b10)","ApplicationUri":"a","ClientType":"Public","IsEnabled":true,` +
			`"ImpersonateAsInternalUserAllowed":true,"ImpersonateAsCommunityUserAllowed":false,"SystemUserAllowed":false,"ApplicationSecretHash":null,` +
			`"SystemUser":{"Id":"7b0f9c3e-52d1-4a6b-9d7f-0c1e2a3b4d5f","Login":"svc","IsAdmin":true},"Notes":"trustedapps.dev/owner=c/a/b/u","ObjectVersion":4}],"@odata.nextLink":"x"}`,
		`{"value":[`, `<html>`, `{"value":[{"SystemUser":"x"}]}`,
	} {
		f.Add([]byte(seed))
	}
	at := &site{odata: "https://h/api/domain/odata/", features: featuresOf(version{26, 3, 100, 4})}
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, next, err := parseApplications(body)
		if err != nil {
			return
		}
		for _, a := range rows {
			r := at.reply(a)
			if !guidForm.MatchString(r.Credential.Handle) || r.Credential.ClientID == "" {
				t.Fatalf("a row without identity: %q", body)
			}
			if _, err := json.Marshal(a); err != nil {
				t.Fatalf("a row that cannot be sent back: %v", err)
			}
			if r.Owner != (idserver.Mark{}) && r.ForeignOwner != "" {
				t.Fatalf("a row with two owners: %q", body)
			}
		}
		if link, err := at.resolve(next); err == nil && !strings.HasPrefix(link, "https://h/") {
			t.Fatalf("a link to another place: %q", link)
		}
	})
}

// FuzzRefusal: no error body can put its text into an error.
func FuzzRefusal(f *testing.F) {
	for _, seed := range []string{
		`{"error":{"message":"x","code":2129}}`, `{"message":"x","code":0}`, `{"error":{"message":"x"}}`, `{"error":"invalid_client"}`, `<html>`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, ok := parseRefusal(oauth.Answer{Status: 500, Body: body})
		if !ok {
			return
		}
		shown := r.as(idserver.ErrRejected, "trying", "", "message").Error()
		code := ""
		if r.code != nil {
			code = r.as(idserver.ErrRejected, "", "", "").ServerCode
		}
		want := "trying: rejected: message (HTTP 500)"
		if code != "" {
			want = "trying: rejected: message (HTTP 500, code " + code + ")"
		}
		if shown != want {
			t.Fatalf("%q", shown)
		}
	})
}

// FuzzDiscovery: documents of discovery never lead a secret to another place or in the clear.
func FuzzDiscovery(f *testing.F) {
	for _, seed := range []string{
		`{"WebSites":[{"Type":"ID","Url":"https://h/id"},{"Type":"DomainAPI","Status":"Working","Url":"https://h/api"}]}`,
		`{"Attributes":[{"Name":"ApplicationUri"},{"Name":"ClientType"},{"Name":"ImpersonateLoginUrl"}]}`, `26.2.1.66`, `<html>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a := oauth.Answer{Status: 200, Body: body}
		if authority, odata, ok := parseSites(a); ok && checkSites(a, authority, odata) == nil {
			if !strings.HasPrefix(strings.ToLower(authority), "https://") || !strings.HasPrefix(strings.ToLower(odata), "https://") {
				t.Fatalf("sites in the clear: %q %q", authority, odata)
			}
		}
		if refined, ok := featuresOf(version{26, 2}).refine(body); ok && refined.urlLength <= 0 {
			t.Fatalf("no room for URLs: %+v", refined)
		}
		if v, ok := parseVersion(string(body)); ok && !v.known() {
			t.Fatal("a version that is unknown")
		}
	})
}

// FuzzBatch: whatever answers a batch, no call gets the part of another one, and no part is there twice.
func FuzzBatch(f *testing.F) {
	part := func(id, status string) string {
		return "--b\r\nContent-Type: application/http\r\nContent-ID: " + id + "\r\n\r\nHTTP/1.1 " + status + " X\r\nA: b\r\n\r\n{}\r\n"
	}
	for _, seed := range []string{
		part("1", "201") + part("2", "500") + "--b--", part("2", "201") + part("1", "201"), part("1", "201"), "--b\r\n\r\nHTTP/1.1 999 X", "<html>", "",
		"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c" + part("1", "204")[3:] + "--c--\r\n--b--",
	} {
		f.Add("multipart/mixed; boundary=b", []byte(seed))
	}
	calls := []*waiter{{call: call{method: "POST"}}, {call: call{method: "GET"}}, {call: call{method: "PATCH"}}}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		parts := readBatch(calls, oauth.Answer{Header: map[string][]string{"Content-Type": {kind}}, Body: body})
		if len(parts) > len(calls) {
			t.Fatalf("%d parts of %d calls", len(parts), len(calls))
		}
		for i, a := range parts {
			if a.Status < 100 || a.Status > 599 {
				t.Fatalf("a part with the status %d", a.Status)
			}
			for _, id := range a.Header["Content-Id"] {
				if id != strconv.Itoa(i+1) {
					t.Fatalf("call %d gets the part of call %s", i+1, id)
				}
			}
		}
	})
}
