package rotation

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"trustedapps.dev/operator/test/bed"
)

// workload asks for a token again and again, with what is mounted.
type workload struct {
	mount *mount
	http  *http.Client
	// triesNext: where client_secret is refused it tries client_secret_next.
	triesNext bool
	every     time.Duration

	counts counter
}

// counter counts while others look.
type counter struct {
	mu sync.Mutex
	counts
}

func (c *counter) add(a answer, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count(a, now)
}

func (c *counter) read() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

// granted is how many tokens the workload got.
func (w *workload) granted() int {
	c := w.counts.read()
	return c.requests - c.failed
}

// counts are what became of the requests of a workload.
type counts struct {
	// requests were answered; failed are those of them that were refused, with every secret that the client knew. unanswered are others,
	// while the server restarted: a client repeats them.
	requests, failed, unanswered int
	// longest is the longest time in which nothing but refusals came.
	longest time.Duration
	refused time.Time // since when
}

// work asks until ctx ends.
func (w *workload) work(ctx context.Context) error {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		answer, err := w.ask(ctx)
		if err != nil {
			return err
		}
		if ctx.Err() == nil {
			w.counts.add(answer, time.Now())
		}
	}
}

// answer is what came of one request of a workload.
type answer int

const (
	unanswered answer = iota
	granted
	refused
)

func (c *counts) count(a answer, now time.Time) {
	switch a {
	case unanswered:
		c.unanswered++
		return
	case refused:
		c.failed++
		if c.refused.IsZero() {
			c.refused = now
		}
	case granted:
		c.refused = time.Time{}
	}
	c.requests++
	if !c.refused.IsZero() {
		c.longest = max(c.longest, now.Sub(c.refused))
	}
}

// ask asks for a token as the strategy wants it. An error is one of the test.
func (w *workload) ask(ctx context.Context) (answer, error) {
	files, err := w.mount.files()
	if err != nil {
		return unanswered, err
	}
	secrets := []string{files["client_secret"]}
	if next := files["client_secret_next"]; next != "" && w.triesNext {
		secrets = append(secrets, next)
	}
	for _, secret := range secrets {
		a, err := w.token(ctx, files["token_endpoint"], files["client_id"], secret)
		if err != nil || a != refused {
			return a, err
		}
	}
	return refused, nil
}

func (w *workload) token(ctx context.Context, endpoint, id, secret string) (answer, error) {
	status, err := bed.Token(ctx, w.http, endpoint, id, secret)
	if err != nil {
		return unanswered, nil //nolint:nilerr // the server restarts; it is counted
	}
	switch status {
	case http.StatusOK:
		return granted, nil
	case http.StatusBadRequest, http.StatusUnauthorized:
		return refused, nil
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return unanswered, nil
	}
	return unanswered, fmt.Errorf("a token request was answered with HTTP %d", status)
}
