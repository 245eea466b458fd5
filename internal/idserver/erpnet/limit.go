package erpnet

import (
	"cmp"
	"context"
	"sync"

	"golang.org/x/time/rate"

	"trustedapps.dev/operator/internal/idserver/oauth"
)

// DefaultRequestsPerMinute is what an instance allows one session in a minute (SessionRpm), of which one is in flight at a time
// (SessionConcurrentRequests), unless its administrators changed it.
const DefaultRequestsPerMinute = 600

// limiter lets one request of the Domain API go at a time, in the order of arrival, so that deletions are not starved.
type limiter struct {
	turn chan struct{} // senders are served first in, first out
	// rate stays below what is allowed in any minute: nine tenths refilled, and a burst of a thirtieth.
	rate *rate.Limiter
	// thrift is how often a request goes that has room for more: under load some wait a moment, and go together.
	thrift *rate.Limiter
}

func newLimiter(perMinute int) *limiter {
	r, t := paces(perMinute)
	return &limiter{turn: make(chan struct{}, 1), rate: rate.NewLimiter(r.limit, r.burst), thrift: rate.NewLimiter(t.limit, t.burst)}
}

// allow changes what is allowed in a minute.
func (l *limiter) allow(perMinute int) {
	r, t := paces(perMinute)
	l.rate.SetLimit(r.limit)
	l.rate.SetBurst(r.burst)
	l.thrift.SetLimit(t.limit)
	l.thrift.SetBurst(t.burst)
}

type pace struct {
	limit rate.Limit
	burst int
}

func paces(perMinute int) (most, thrifty pace) {
	perMinute = cmp.Or(perMinute, DefaultRequestsPerMinute)
	second := rate.Limit(perMinute) / 60
	return pace{second * 9 / 10, max(1, perMinute/30)}, pace{second / 4, max(1, perMinute/100)}
}

// Limits are the limits of instances, by their URL. Servers for one instance that are made with the same Limits share them: a connection
// with new credentials, say, and the one that it replaces. The zero value is ready to be used, by several goroutines at once.
type Limits struct {
	mu        sync.Mutex
	instances map[string]*limiter
}

// of returns the limits of an instance; without Limits, ones of its own. The last who asks says what is allowed.
func (l *Limits) of(url string, perMinute int) *limiter {
	if l == nil {
		return newLimiter(perMinute)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.instances == nil {
		l.instances = map[string]*limiter{}
	}
	known, ok := l.instances[url]
	if !ok {
		known = newLimiter(perMinute)
		l.instances[url] = known
	}
	known.allow(perMinute)
	return known
}

// enter waits for the turn. The caller must call leave when the whole answer was read.
func (l *limiter) enter(ctx context.Context) (leave func(), err error) {
	leave, err = oauth.Take(ctx, l.turn)
	if err != nil {
		return nil, err
	}
	if err := l.rate.Wait(ctx); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}
