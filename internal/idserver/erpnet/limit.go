package erpnet

import (
	"context"
	"sync"

	"golang.org/x/time/rate"

	"trustedapps.dev/operator/internal/idserver/oauth"
)

// A session of the Domain API allows one request in flight and 600 a minute (SessionConcurrentRequests, SessionRpm). The
// bucket stays below that in any minute: 540 refilled and a burst of 20.
const (
	requestsPerSecond = 9
	requestBurst      = 20
)

// limiter lets one request of the Domain API go at a time, in the order of arrival, so that deletions are not starved.
type limiter struct {
	turn chan struct{} // senders are served first in, first out
	rate *rate.Limiter
}

func newLimiter() *limiter {
	return &limiter{turn: make(chan struct{}, 1), rate: rate.NewLimiter(requestsPerSecond, requestBurst)}
}

// Limits are the limits of instances, by their URL. Servers for one instance that are made with the same Limits share them: a connection
// with new credentials, say, and the one that it replaces. The zero value is ready to be used, by several goroutines at once.
type Limits struct {
	mu        sync.Mutex
	instances map[string]*limiter
}

// of returns the limits of an instance; without Limits, ones of its own.
func (l *Limits) of(url string) *limiter {
	if l == nil {
		return newLimiter()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.instances == nil {
		l.instances = map[string]*limiter{}
	}
	known, ok := l.instances[url]
	if !ok {
		known = newLimiter()
		l.instances[url] = known
	}
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
