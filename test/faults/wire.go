package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Side is where a call goes.
type Side string

// The sides of the operator.
const (
	kube   Side = "kube"
	server Side = "server"
)

// Call is a request of the operator that something can happen to.
type Call struct {
	Side Side
	// Op is method and place, without the names that each run draws.
	Op string
	// Write: it changes something.
	Write bool
}

// Fault is what happens to a call.
type Fault string

// The faults.
const (
	crashBefore  Fault = "crash before"
	crashAfter   Fault = "crash after"
	answerLost   Fault = "answer lost"
	lateApply    Fault = "late apply"
	conflict     Fault = "409"
	throttled    Fault = "429"
	broken       Fault = "500"
	unavailable  Fault = "503"
	unauthorized Fault = "401"
	forbidden    Fault = "403"
	truncated    Fault = "truncated"
	page         Fault = "200 with HTML"
)

// faultsOf are those that can strike a call.
func faultsOf(c Call) []Fault {
	switch {
	case c.Side == kube:
		return []Fault{crashBefore, crashAfter, answerLost, lateApply, conflict, throttled, broken, unavailable}
	case c.Write:
		return []Fault{crashBefore, crashAfter, answerLost, lateApply, unauthorized, forbidden, conflict, throttled, unavailable, truncated, page}
	}
	return []Fault{crashBefore, unauthorized, forbidden, throttled, broken, unavailable, truncated, page}
}

// Strike is a fault at the Nth call after the wire was armed.
type Strike struct {
	At    int
	Fault Fault
}

// Wire is between one operator process and the outside.
type Wire struct {
	// crash ends the process; it must not wait for that.
	crash func()

	mu     sync.Mutex
	armed  bool
	dead   bool
	script map[int]Fault
	calls  []Call
	struck []Strike
	late   []late
	last   time.Time
}

// late is a request that the client gave up and that arrives later.
type late struct {
	op   string
	send func()
}

func newWire(crash func()) *Wire { return &Wire{crash: crash, last: time.Now()} }

// arm begins to count, and to strike.
func (w *Wire) arm(script ...Strike) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed, w.script, w.calls = true, map[int]Fault{}, nil
	for _, s := range script {
		w.script[s.At] = s.Fault
	}
}

// Errors that the operator sees.
var (
	errDead = errors.New("the process is gone")
	errLost = errors.New("read: connection reset by peer")
)

// transport puts the wire into the transport of one side.
func (w *Wire) transport(side Side) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) { return w.round(side, next, r) })
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (w *Wire) round(side Side, next http.RoundTripper, r *http.Request) (*http.Response, error) {
	call, counts := classify(side, r)
	fault, dead := w.enter(call, counts)
	if dead {
		return nil, errDead
	}
	if !counts {
		return next.RoundTrip(r)
	}
	defer w.touch()
	switch fault {
	case "":
		response, err := next.RoundTrip(r)
		w.arrive(call.Op)
		return response, err
	case crashBefore:
		w.die()
		return nil, errDead
	case crashAfter:
		drain(next.RoundTrip(r))
		w.die()
		return nil, errDead
	case answerLost:
		drain(next.RoundTrip(r))
		return nil, errLost
	case lateApply:
		return nil, w.postpone(call, next, r)
	case truncated:
		return cut(next.RoundTrip(r))
	}
	return refusal(side, fault, r), nil
}

// enter counts a call and says what strikes it.
func (w *Wire) enter(call Call, counts bool) (fault Fault, dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return "", true
	}
	if !counts || !w.armed {
		return "", false
	}
	w.last = time.Now()
	at := len(w.calls)
	w.calls = append(w.calls, call)
	fault = w.script[at]
	if fault != "" {
		w.struck = append(w.struck, Strike{at, fault})
	}
	return fault, false
}

func (w *Wire) touch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
}

func (w *Wire) die() {
	w.mu.Lock()
	w.dead = true
	w.mu.Unlock()
	w.crash()
}

// postpone keeps a request to send it after the next one of its kind.
func (w *Wire) postpone(call Call, next http.RoundTripper, r *http.Request) error {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return err
		}
		_ = r.Body.Close()
	}
	again := r.Clone(context.Background())
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = append(w.late, late{call.Op, func() { drain(next.RoundTrip(again)) }})
	return errLost
}

// arrive sends what was postponed, now that one of its kind arrived; all of it where op is empty.
func (w *Wire) arrive(op string) (any bool) {
	w.mu.Lock()
	var now, later []late
	for _, l := range w.late {
		if op == "" || l.op == op {
			now = append(now, l)
		} else {
			later = append(later, l)
		}
	}
	w.late = later
	w.mu.Unlock()
	for _, l := range now {
		l.send()
	}
	return len(now) > 0
}

// quiet says for how long nothing was called.
func (w *Wire) quiet() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.last)
}

// recorded are the calls since the wire was armed.
func (w *Wire) recorded() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Call(nil), w.calls...)
}

// hits are the strikes that took place.
func (w *Wire) hits() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.struck)
}

func drain(response *http.Response, err error) {
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}

// cut ends an answer in the middle.
func cut(response *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), failing{}))
	return response, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// refusal is an answer that the outside never gave.
func refusal(side Side, f Fault, r *http.Request) *http.Response {
	code := map[Fault]int{conflict: 409, throttled: 429, broken: 500, unavailable: 503, unauthorized: 401, forbidden: 403, page: 200}[f]
	body, kind := `{"error":{"code":"","message":"as scripted"}}`, "application/json"
	switch {
	case f == page:
		body, kind = "<html><body>Welcome to the proxy</body></html>", "text/html"
	case side == kube:
		reason := map[Fault]string{conflict: "Conflict", throttled: "TooManyRequests", broken: "InternalError", unavailable: "ServiceUnavailable"}[f]
		body = fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":"as scripted","code":%d}`, reason, code)
	}
	header := http.Header{"Content-Type": {kind}}
	if f == throttled {
		header.Set("Retry-After", "1")
	}
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

var drawn = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|run-\d+|acme-\d+`)

// classify names a call. Reads of Kubernetes, Leases, Events and questions about permissions do not count.
func classify(side Side, r *http.Request) (Call, bool) {
	write := r.Method != http.MethodGet && r.Method != http.MethodHead
	path := drawn.ReplaceAllString(r.URL.Path, "*")
	c := Call{Side: side, Op: r.Method + " " + path, Write: write}
	if side == kube {
		skipped := strings.Contains(path, "/events") || strings.Contains(path, "/leases") || strings.HasSuffix(path, "/selfsubjectaccessreviews")
		return c, write && !skipped
	}
	c.Write = write && strings.Contains(path, "/odata/")
	return c, true
}
