package erpnet

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver/oauth"
)

// sent is what a queue sends, and when.
type sent struct {
	mu    sync.Mutex
	sizes []int
	at    []time.Time
}

// soFar are the sizes of what was sent.
func (s *sent) soFar() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sizes)
}

// newQueue makes a queue whose requests take a while.
func newQueue(takes time.Duration) (*queue, *sent) {
	log := &sent{}
	q := &queue{limit: newLimiter(0), size: DefaultBatchSize, now: time.Now, crowded: make(chan struct{}, 1)}
	q.send = func(calls []*waiter) {
		log.mu.Lock()
		log.sizes, log.at = append(log.sizes, len(calls)), append(log.at, time.Now())
		log.mu.Unlock()
		<-time.After(takes)
		for _, w := range calls {
			w.end(oauth.Answer{Status: http.StatusOK}, nil)
		}
	}
	return q, log
}

func (q *queue) try(ctx context.Context, body string) error {
	_, err := q.do(&waiter{ctx: ctx, body: []byte(body)})
	return err
}

// One application a second, with two calls each, waits for nothing.
func TestALoneCallDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		q, log := newQueue(time.Millisecond)
		for range 600 {
			began := time.Now()
			for range 2 {
				g.Expect(q.try(t.Context(), "{}")).To(Succeed())
			}
			g.Expect(time.Since(began)).To(Equal(2 * time.Millisecond))
			<-time.After(time.Second)
		}
		g.Expect(log.soFar()).To(HaveLen(1200))
	})
}

// Under load calls gather: ten thousand that arrive at 150 a second take at most 600 requests, 600 a minute are never exceeded, and no call
// waits for longer than half a second.
func TestUnderLoadCallsGather(t *testing.T) {
	for _, takes := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			g := NewWithT(t)
			q, log := newQueue(takes)
			var callers sync.WaitGroup
			for range 10_000 {
				callers.Go(func() {
					began := time.Now()
					if err := q.try(t.Context(), "{}"); err != nil || time.Since(began) > takes+500*time.Millisecond {
						t.Errorf("%v after %s", err, time.Since(began))
					}
				})
				<-time.After(time.Second / 150)
			}
			callers.Wait()
			calls := 0
			for i, n := range log.sizes {
				calls += n
				g.Expect(n).To(BeNumerically("<=", DefaultBatchSize))
				if i >= DefaultRequestsPerMinute {
					g.Expect(log.at[i].Sub(log.at[i-DefaultRequestsPerMinute])).To(BeNumerically(">", time.Minute))
				}
			}
			g.Expect(calls).To(Equal(10_000))
			g.Expect(len(log.sizes)).To(BeNumerically("<=", 600), "at %s", takes)
		})
	}
}

func TestALargeCallGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		q, log := newQueue(time.Second)
		large := string(make([]byte, batchBytes))
		var callers sync.WaitGroup
		for _, body := range []string{"{}", "{}", "{}", large, "{}"} {
			callers.Go(func() { g.Expect(q.try(t.Context(), body)).To(Succeed()) })
			synctest.Wait()
		}
		callers.Wait()
		g.Expect(log.soFar()).To(Equal([]int{1, 2, 1, 1}))
	})
}

func TestWhoGivesUpIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		q, log := newQueue(time.Minute)
		var callers sync.WaitGroup
		callers.Go(func() { g.Expect(q.try(t.Context(), "{}")).To(Succeed()) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g.Expect(q.try(ctx, "{}")).To(MatchError(context.DeadlineExceeded))
		callers.Wait()
		g.Expect(log.soFar()).To(Equal([]int{1}))

		callers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			lost, ok := errors.AsType[*oauth.NoAnswerError](q.try(ctx, "{}"))
			g.Expect(ok && lost.Sent).To(BeTrue(), "the instance may have got it")
		})
		callers.Wait()
		g.Expect(log.soFar()).To(Equal([]int{1, 1}))
		<-time.After(time.Hour) // the request ends, and its goroutine
	})
}

// An instance that refuses batches gets each call alone, and another batch after an hour.
func TestAfterARefusalCallsGoAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		q, log := newQueue(time.Second)
		answer := q.send
		refuses := true
		q.send = func(calls []*waiter) {
			if len(calls) == 1 || !refuses {
				answer(calls)
				return
			}
			log.mu.Lock()
			log.sizes = append(log.sizes, -len(calls))
			log.mu.Unlock()
			q.separate(calls)
		}
		var callers sync.WaitGroup
		several := func() {
			for range 4 {
				callers.Go(func() { g.Expect(q.try(t.Context(), "{}")).To(Succeed()) })
				synctest.Wait()
			}
			callers.Wait()
		}
		several()
		g.Expect(log.soFar()).To(Equal([]int{1, -3, 1, 1, 1}))
		several()
		g.Expect(log.soFar()).To(Equal([]int{1, -3, 1, 1, 1, 1, 1, 1, 1}))
		<-time.After(patienceWithoutBatches)
		refuses = false
		several()
		g.Expect(log.soFar()).To(Equal([]int{1, -3, 1, 1, 1, 1, 1, 1, 1, 1, 3}))
	})
}
