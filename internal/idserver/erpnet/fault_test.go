package erpnet_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/test/standin"
)

const page = "<html><title>Sign in to the guest network</title></html>"

// kinds are all that the stand-in and the transport can do.
var kinds = []contract.FaultKind{
	contract.Unreachable, contract.CutBefore, contract.AnswerLost, contract.Hang, contract.Status401, contract.Status403,
	contract.Status404, contract.Status429, contract.Status500, contract.Status503, contract.Truncated, contract.HTML,
	contract.OtherJSON, contract.Huge, contract.Endless, contract.Nested, contract.Redirected,
}

// atServer are the faults that the stand-in itself makes.
var atServer = map[contract.FaultKind]standin.Fault{
	contract.CutBefore:  {Drop: standin.DropBefore},
	contract.AnswerLost: {Drop: standin.DropAfter},
	contract.Hang:       {Drop: standin.DropHang},
	contract.Status401:  {Status: http.StatusUnauthorized, Body: page, ContentType: "text/html"},
	contract.Status403:  {Status: http.StatusForbidden, Body: page, ContentType: "text/html"},
	contract.Status404:  {Status: http.StatusNotFound, Body: page, ContentType: "text/html"},
	contract.Status429:  {Status: http.StatusTooManyRequests, RetryAfter: "7"},
	contract.Status500:  {Status: http.StatusInternalServerError, Body: page, ContentType: "text/html"},
	contract.Status503:  {Status: http.StatusServiceUnavailable, Body: page, ContentType: "text/html"},
	contract.Truncated:  {Truncate: 25},
	contract.HTML:       {Status: http.StatusOK, Body: page, ContentType: "text/html"},
	contract.OtherJSON:  {Status: http.StatusOK, Body: `{"status":"up"}`, ContentType: "application/json"},
}

const (
	tokenPath = "/id/connect/token"
	appsPath  = "/api/domain/odata/Systems_Security_TrustedApplications"
)

// places are the requests that a target means.
var places = map[contract.Target][]standin.Fault{
	contract.Reads:  {{Method: http.MethodGet, Path: appsPath}},
	contract.Writes: {{Method: http.MethodPost, Path: appsPath}, {Method: http.MethodPatch, Path: appsPath}, {Method: http.MethodDelete, Path: appsPath}},
	contract.Tokens: {{Method: http.MethodPost, Path: tokenPath}},
}

func (b *bed) breakBy(t *testing.T, hostile *hostileTransport, f contract.Fault) (heal func()) {
	t.Helper()
	fault, ok := atServer[f.Kind]
	if !ok {
		hostile.set(t, &f)
		return func() { hostile.set(t, nil) }
	}
	for _, place := range places[f.On] {
		fault.Method, fault.Path, fault.Count = place.Method, place.Path, f.Count
		_, err := b.AddFault(t.Context(), fault)
		must(t, err)
	}
	return func() { must(t, b.RemoveFault(t.Context(), "")) }
}

// hostileTransport answers instead of the server. It also sees to it that no request ever goes to another host.
type hostileTransport struct {
	next http.RoundTripper

	mu    sync.Mutex
	t     *testing.T
	fault *contract.Fault
}

func (h *hostileTransport) around(next http.RoundTripper) http.RoundTripper {
	h.next = next
	return h
}

func (h *hostileTransport) set(t *testing.T, f *contract.Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.t, h.fault = t, f
}

const elsewhere = "elsewhere.example.com"

// RoundTrip implements http.RoundTripper.
func (h *hostileTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.t != nil && r.URL.Hostname() == elsewhere {
		h.t.Errorf("a redirect was followed: %s %s", r.Method, r.URL)
	}
	if h.fault == nil || !matches(r, h.fault.On) {
		h.mu.Unlock()
		defer h.mu.Lock()
		return h.next.RoundTrip(r)
	}
	if h.fault.Kind == contract.Unreachable {
		r = r.Clone(r.Context())
		r.URL.Host = "127.0.0.1:1" // nothing listens there
		return h.next.RoundTrip(r)
	}
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return answerOf(r, h.fault.Kind), nil
}

func matches(r *http.Request, on contract.Target) bool {
	for _, place := range places[on] {
		if r.Method == place.Method && strings.HasPrefix(r.URL.Path, place.Path) {
			return true
		}
	}
	return false
}

func answerOf(r *http.Request, k contract.FaultKind) *http.Response {
	a := &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: -1, Request: r,
	}
	switch k {
	case contract.Huge:
		a.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"value":["`), io.LimitReader(repeat("x"), 100<<20), strings.NewReader(`"]}`)))
	case contract.Endless:
		a.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"value":[`), repeat(`{},`)))
	case contract.Nested:
		a.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"value":`), io.LimitReader(repeat("["), 1_000_000)))
	case contract.Redirected:
		a.Status, a.StatusCode, a.Body = "307 Temporary Redirect", http.StatusTemporaryRedirect, http.NoBody
		a.Header.Set("Location", "https://"+elsewhere+r.URL.Path)
	}
	return a
}

// repeat is an endless text.
type repeat string

// Read implements io.Reader.
func (s repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = s[i%len(s)]
	}
	return len(p), nil
}
