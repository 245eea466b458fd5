package faults

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Wire is between the operators of one run and the outside. It counts their calls, and lets happen at them what a script says.
type Wire struct {
	// before is called before a call that counts, with what happens at it; after is called when one was answered.
	before func(p *process, c Call, f Fault)
	after  func(c Call)

	mu     sync.Mutex
	armed  bool
	script map[int]Fault
	calls  []Call
	struck int
	late   []late
	// flying are the calls under way, held those of them that wait for something else in the run.
	flying, held int
	last         time.Time
}

// late is a request that its client has given up, and that arrives later.
type late struct {
	op   string
	send func()
}

// arm begins to count from zero, and to strike.
func (w *Wire) arm(script Script) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed, w.script, w.calls, w.last = true, map[int]Fault{}, nil, time.Now()
	for _, s := range script {
		w.script[s.At] = s.Fault
	}
}

// Errors that the operator sees.
var (
	errDead = errors.New("the process is gone")
	errLost = errors.New("read: connection reset by peer")
)

// transport puts the wire into the transport of one side of a process.
func (p *process) transport(side Side) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		p.bases.Store(next, true)
		return roundTripper(func(r *http.Request) (*http.Response, error) { return p.round(side, next, r) })
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (p *process) round(side Side, next http.RoundTripper, r *http.Request) (*http.Response, error) {
	call, counts := classify(side, r)
	switch {
	case p.dead.Load():
		return nil, errDead
	case side == kube && isWatch(r):
		return p.streams.watch(next, r)
	case !counts:
		return next.RoundTrip(r)
	}
	w := p.wire
	fault, armed := w.enter(call)
	defer w.leave()
	if armed {
		w.before(p, call, fault)
	}
	response, err := p.send(call, fault, next, r)
	if armed && err == nil && response.StatusCode < http.StatusMultipleChoices && !fault.refuses() {
		w.after(call)
	}
	return response, err
}

// send performs a call, or does not.
func (p *process) send(call Call, fault Fault, next http.RoundTripper, r *http.Request) (*http.Response, error) {
	switch fault {
	case crashBefore, olderList:
		p.die()
		return nil, errDead
	case crashAfter:
		drain(next.RoundTrip(r))
		p.die()
		return nil, errDead
	case answerLost:
		drain(next.RoundTrip(r))
		return nil, errLost
	case lateApply:
		return nil, p.wire.postpone(call, next, r)
	case truncated:
		return cut(next.RoundTrip(r))
	}
	if fault.refuses() {
		return refusal(call.Side, fault, r), nil
	}
	response, err := next.RoundTrip(r)
	p.wire.arrive(call.Op)
	return response, err
}

// enter counts a call and says what happens at it.
func (w *Wire) enter(call Call) (fault Fault, armed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flying++
	w.last = time.Now()
	if !w.armed {
		return "", false
	}
	fault = w.script[len(w.calls)]
	w.calls = append(w.calls, call)
	if fault != "" {
		w.struck++
	}
	return fault, true
}

func (w *Wire) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flying--
	w.last = time.Now()
}

// stir begins the wait for quiet anew: something happened that the operator will hear of.
func (w *Wire) stir() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
}

// hold runs do while the call that asks for it stands still.
func (w *Wire) hold(do func()) {
	w.mu.Lock()
	w.held++
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.held--
		w.last = time.Now()
	}()
	do()
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
func (w *Wire) arrive(op string) (sent bool) {
	w.mu.Lock()
	var now, later []late
	for _, l := range w.late {
		if op == "" || l.op == op {
			now = append(now, l)
		} else {
			later = append(later, l)
		}
	}
	w.late, w.last = later, time.Now()
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
	if w.flying > 0 {
		return 0
	}
	return time.Since(w.last)
}

// quietBeside says for how long nothing was called beside what is held.
func (w *Wire) quietBeside() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flying > w.held {
		return 0
	}
	return time.Since(w.last)
}

// happened says whether a fault struck.
func (w *Wire) happened(f Fault) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for at, fault := range w.script {
		if fault == f && at < len(w.calls) {
			return true
		}
	}
	return false
}

// recorded are the calls since the wire was armed, and how many strikes took place.
func (w *Wire) recorded() (calls []Call, struck int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Call(nil), w.calls...), w.struck
}
