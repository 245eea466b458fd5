package contract

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
)

// Wire is a transport between a backend and its server that fails as it is told, and counts. It also sees to it that no request ever goes to
// another host.
type Wire struct {
	// Target tells what a request is for; ok is false for one that does not count.
	Target func(*http.Request) (on Target, ok bool)

	next http.RoundTripper

	mu       sync.Mutex
	t        *testing.T
	faults   []*Fault
	counts   Requests
	inFlight int
}

// Around puts the wire before a transport.
func (w *Wire) Around(next http.RoundTripper) http.RoundTripper {
	w.next = next
	return w
}

// Break is for Harness.Break.
func (w *Wire) Break(t *testing.T, f Fault) (heal func()) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.Count == 0 {
		f.Count = -1
	}
	w.t, w.faults = t, append(w.faults, &f)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		f.Count = 0
	}
}

// Requests is for Harness.Requests.
func (w *Wire) Requests(*testing.T) Requests {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts
}

const elsewhere = "elsewhere.example.com"

// begin counts a request, and says how it fails.
func (w *Wire) begin(r *http.Request) (kind FaultKind, end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil && r.URL.Hostname() == elsewhere {
		w.t.Errorf("a redirect was followed: %s %s", r.Method, r.URL)
	}
	on, ok := w.Target(r)
	if !ok {
		return "", func() {}
	}
	switch on {
	case Tokens:
		w.counts.Tokens++
	case Reads, Writes:
		if on == Reads {
			w.counts.Reads++
		} else {
			w.counts.Writes++
		}
		w.inFlight++
		w.counts.MaxInFlight = max(w.counts.MaxInFlight, w.inFlight)
	}
	for _, f := range w.faults {
		if f.On == on && f.Count != 0 {
			f.Count--
			kind = f.Kind
			break
		}
	}
	return kind, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if on != Tokens {
			w.inFlight--
		}
	}
}

var errCut = errors.New("the connection was cut")

// RoundTrip implements http.RoundTripper.
func (w *Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	kind, end := w.begin(r)
	defer end()
	switch kind {
	case "":
		return w.next.RoundTrip(r)
	case Unreachable:
		r = r.Clone(r.Context())
		r.URL.Host = "127.0.0.1:1" // nothing listens there
		return w.next.RoundTrip(r)
	case AnswerLost, Truncated:
		return lose(kind, w.next, r)
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{}) // as far as the client can tell it was sent
	}
	if r.Body != nil {
		_ = r.Body.Close()
	}
	switch kind {
	case CutBefore:
		return nil, errCut
	case Hang:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return answerOf(r, kind), nil
}

// lose lets the request have its effect, and the client not see the end of the answer.
func lose(kind FaultKind, next http.RoundTripper, r *http.Request) (*http.Response, error) {
	response, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if kind == AnswerLost || err != nil {
		return nil, errCut
	}
	response.Header.Del("Content-Length")
	response.ContentLength, response.Body = -1, io.NopCloser(bytes.NewReader(body[:len(body)/2]))
	if len(body) == 0 { // what is empty cannot be cut
		return nil, errCut
	}
	return response, nil
}

// Page is what a proxy says instead of the server.
const Page = "<html><title>Sign in to the guest network</title></html>"

var statuses = map[FaultKind]int{
	Status401: http.StatusUnauthorized, Status403: http.StatusForbidden, Status404: http.StatusNotFound, Status429: http.StatusTooManyRequests,
	Status500: http.StatusInternalServerError, Status503: http.StatusServiceUnavailable, Redirected: http.StatusTemporaryRedirect,
}

// answerOf is an answer that the server never gave.
func answerOf(r *http.Request, k FaultKind) *http.Response {
	status, broken := statuses[k]
	if !broken {
		status = http.StatusOK
	}
	a := &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: -1, Request: r,
	}
	switch k {
	case OtherJSON:
		a.Body = io.NopCloser(strings.NewReader(`{"status":"up"}`))
	case Huge:
		a.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"value":["`), io.LimitReader(repeat("x"), 100<<20), strings.NewReader(`"]}`)))
	case Endless:
		a.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"value":[`), repeat(`{},`)))
	case Nested:
		a.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"value":`), io.LimitReader(repeat("["), 1_000_000)))
	case Redirected:
		a.Body = http.NoBody
		a.Header.Set("Location", "https://"+elsewhere+r.URL.Path)
	case Status429:
		a.Body = http.NoBody
		a.Header.Set("Retry-After", "7")
	default:
		a.Body = io.NopCloser(strings.NewReader(Page))
		a.Header.Set("Content-Type", "text/html")
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
