package domainapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/session"
)

// request is one request of a batch.
type request struct{ contentID, method, target, body string }

func (r request) part(boundary string) string {
	id := ""
	if r.contentID != "" {
		id = "Content-ID: " + r.contentID + "\r\n"
	}
	content := ""
	if r.body != "" {
		content = "Content-Type: application/json\r\n"
	}
	return "--" + boundary + "\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n" + id +
		"\r\n" + r.method + " " + r.target + " HTTP/1.1\r\n" + content + "\r\n" + r.body + "\r\n"
}

func changeset(name string, requests ...request) string {
	out := "--outer\r\nContent-Type: multipart/mixed; boundary=" + name + "\r\n\r\n"
	for _, r := range requests {
		out += r.part(name)
	}
	return out + "--" + name + "--\r\n"
}

func (in *instance) batch(parts string, headers ...string) answer {
	in.t.Helper()
	headers = append([]string{"Content-Type", "multipart/mixed; boundary=outer"}, headers...)
	return in.do("POST", "$batch", parts+"--outer--\r\n", headers...)
}

// parts renders the answer to a batch: one word per part, status or [Content-ID:status ...] for a changeset.
func (a answer) parts() string {
	a.t.Helper()
	a.ok()
	var out []string
	for _, p := range readParts(a.t, a.header.Get("Content-Type"), strings.NewReader(string(a.body))) {
		out = append(out, p.summary)
	}
	return strings.Join(out, " ")
}

type answeredPart struct {
	summary string
	body    string
}

func readParts(t *testing.T, contentType string, body io.Reader) []answeredPart {
	t.Helper()
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	var out []answeredPart
	for reader := multipart.NewReader(body, parameters["boundary"]); ; {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "multipart/") {
			var words []string
			for _, p := range readParts(t, part.Header.Get("Content-Type"), part) {
				words = append(words, p.summary)
			}
			out = append(out, answeredPart{summary: fmt.Sprint(words)})
			continue
		}
		response, err := http.ReadResponse(bufio.NewReader(part), nil)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		summary := fmt.Sprint(response.StatusCode)
		if id := part.Header.Get("Content-ID"); id != "" {
			summary = id + ":" + summary
		}
		out = append(out, answeredPart{summary, string(content)})
	}
}

func newApp(id, uri string) request {
	return request{id, "POST", apps, `{"ApplicationUri":"` + uri + `","Name":"New"}`}
}

func TestBatch(t *testing.T) {
	in := newInstance(t, settings{})
	root := in.url
	got := in.batch(
		request{"", "GET", apps + "?$select=Name&$top=1", ""}.part("outer") +
			changeset("c1", newApp("1", "uri1"), request{"2", "PATCH", "$1", `{"Name":"Renamed"}`},
				request{"3", "PATCH", root + app1(webID), `{"Notes":"seen"}`}) +
			changeset("c2", request{"1", "DELETE", "/api/domain/odata/" + app1(syncID), ""}) +
			request{"r", "GET", apps + "/$count", ""}.part("outer"))
	equal(t, "parts", got.parts(), "200 [1:201 2:204 3:204] [1:204] r:200")
	created, ok := in.store.ApplicationByURI("uri1")
	equal(t, "created", ok, true)
	equal(t, "name", created.Name, "Renamed")
	changed, _ := in.store.Application(webID)
	equal(t, "notes", *changed.Notes, "seen")
	equal(t, "records", len(in.store.Applications()), 2)
	answers := readParts(t, got.header.Get("Content-Type"), strings.NewReader(string(got.body)))
	if !strings.Contains(answers[0].body, "Example Shop") {
		t.Errorf("first part: %s", answers[0].body)
	}
	equal(t, "count", answers[3].body, "2")
	equal(t, "requests of the session", in.sessions.List()[0].Requests, 1)
}

func TestChangesetIsAtomic(t *testing.T) {
	in := newInstance(t, settings{})
	got := in.batch(changeset("c1", newApp("1", "uri1"), request{"2", "PATCH", app1(webID), `{"Name":"Lost"}`},
		request{"3", "PATCH", clients + "(0b7f4f6e-91c5-4d2e-8f10-6a0d3c1b2a01)", `{"Active":false}`},
		newApp("4", "com.example.sync/orders"), newApp("5", "uri5")))
	equal(t, "parts", got.parts(), "4:500")
	if body := string(got.body); !strings.Contains(body, `"error":{`) || !strings.Contains(body, `"code":2129`) {
		t.Errorf("the failed part: %s", body)
	}
	equal(t, "records", len(in.store.Applications()), 2)
	untouched, _ := in.store.Application(webID)
	equal(t, "name", untouched.Name, "Example Shop")
	equal(t, "version", untouched.ObjectVersion, 1)
	row := in.get(clients + "(0b7f4f6e-91c5-4d2e-8f10-6a0d3c1b2a01)").object()
	equal(t, "customer", row["Active"], any(true))
}

func TestBatchAfterAFailure(t *testing.T) {
	failing := changeset("c1", newApp("1", "com.example.sync/orders"))
	following := changeset("c2", newApp("1", "uri2"))
	for _, c := range []struct {
		name, want string
		quirks     model.Quirks
		headers    []string
	}{
		{name: "stops", want: "1:500"},
		{name: "preference", want: "1:500 [1:201]", headers: []string{"Prefer", "return=minimal, odata.continue-on-error"}},
		{name: "short preference", want: "1:500 [1:201]", headers: []string{"Prefer", "continue-on-error=true"}},
		{name: "no preference", want: "1:500", headers: []string{"Prefer", "continue-on-error=false"}},
		{name: "quirk", want: "1:500 [1:201]", quirks: model.Quirks{BatchContinuesOnError: true}},
		{name: "deaf", want: "1:500", quirks: model.Quirks{BatchStopsAtFailure: true}, headers: []string{"Prefer", "odata.continue-on-error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := newInstance(t, settings{quirks: c.quirks})
			equal(t, "parts", in.batch(failing+following, c.headers...).parts(), c.want)
			_, created := in.store.ApplicationByURI("uri2")
			equal(t, "second changeset", created, strings.Contains(c.want, "201"))
		})
	}
}

func TestBatchPartsAreGated(t *testing.T) {
	in := newInstance(t, settings{})
	for _, c := range []struct{ name, caller, parts, want string }{
		{"read without sec", "admin|read update", request{"", "GET", apps, ""}.part("outer"), "403"},
		{"write without update", "admin|read sec", changeset("c", newApp("7", "u")), "7:403"},
		{"write of no administrator", "svc.orders|read update sec", changeset("c", newApp("7", "u")), "7:403"},
		{"write outside", operator, newApp("7", "u").part("outer"), "7:500"},
		{"read inside", operator, changeset("c", request{"7", "GET", apps, ""}), "7:500"},
		{"dangling reference", operator, changeset("c", request{"7", "PATCH", "$6", "{}"}), "7:500"},
		{"unknown record", operator, changeset("c", request{"7", "PATCH", app1(adminID), "{}"}), "7:404"},
		{"created application as user", operator, changeset("c", newApp("6", "u"),
			request{"7", "PATCH", app1(webID), `{"SystemUser@odata.bind":"$6"}`}), "7:500"},
		{"nested transaction", operator, changeset("c", request{"7", "POST", "BeginTransaction", "{}"}), "7:500"},
		{"batch in batch", operator, changeset("c", request{"7", "POST", "$batch", "{}"}), "7:500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in.caller = c.caller
			equal(t, "parts", in.batch(c.parts).parts(), c.want)
			equal(t, "records", len(in.store.Applications()), 2)
		})
	}
}

func TestMalformedBatch(t *testing.T) {
	in := newInstance(t, settings{})
	for name, parts := range map[string]string{
		"no content id":    changeset("c", newApp("", "u")),
		"same content id":  changeset("c", newApp("1", "u"), newApp("1", "v")),
		"foreign host":     request{"", "GET", "https://elsewhere.example.com/" + apps, ""}.part("outer"),
		"no request":       "--outer\r\nContent-Type: application/http\r\n\r\nhello\r\n",
		"no http":          "--outer\r\nContent-Type: application/json\r\n\r\n{}\r\n",
		"open changeset":   "--outer\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" + newApp("1", "u").part("c"),
		"malformed target": request{"", "GET", "%zz", ""}.part("outer"),
	} {
		t.Run(name, func(t *testing.T) {
			in.batch(parts).fails(500, 0, "ODataException")
			equal(t, "records", len(in.store.Applications()), 2)
		})
	}
	in.do("POST", "$batch", "{}").fails(500, 0, "NotSupported")
	in.do("GET", "$batch", "").fails(405, 405, "NotSupported")
	in.batch(strings.Repeat(request{"", "GET", "GetVersion", ""}.part("outer"), maxBatchParts+1)).fails(500, 0, "NotSupported")
}

func TestNoBatch(t *testing.T) {
	in := newInstance(t, settings{quirks: model.Quirks{NoBatch: true}})
	in.batch(changeset("c", newApp("1", "uri1"))).fails(500, 0, "NotSupported")
	equal(t, "records", len(in.store.Applications()), 2)
}

func TestBatchIsOneRequestOfTheSession(t *testing.T) {
	in := newInstance(t, settings{rpm: 1})
	equal(t, "parts", in.batch(request{"", "GET", "GetVersion", ""}.part("outer")+request{"", "GET", "GetVersion", ""}.part("outer")).parts(), "200 200")
	in.get("GetVersion").fails(429, 429, "TooManyRequests")
	in.now = in.now.Add(session.IdleTimeout)
	equal(t, "sessions", len(in.sessions.List()), 0)
}
