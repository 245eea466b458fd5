package erpnet

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

// The session's limits hold for any number of callers: one at a time, never more than 600 in any minute.
func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		l := newLimiter(0)
		var inFlight, most atomic.Int32
		var mu sync.Mutex
		var starts []time.Time
		var callers sync.WaitGroup
		for range 2000 {
			callers.Go(func() {
				leave, err := l.enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				defer leave()
				most.Store(max(most.Load(), inFlight.Add(1)))
				mu.Lock()
				starts = append(starts, time.Now())
				mu.Unlock()
				<-time.After(time.Millisecond) // the request itself, by the bubble's clock
				inFlight.Add(-1)
			})
		}
		callers.Wait()
		g.Expect(most.Load()).To(Equal(int32(1)))
		g.Expect(starts).To(HaveLen(2000))
		for i := 600; i < len(starts); i++ {
			g.Expect(starts[i].Sub(starts[i-600])).To(BeNumerically(">", time.Minute), "request %d", i)
		}
	})
}

func TestLimiterServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		l := newLimiter(0)
		leave, err := l.enter(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		var order []int
		var callers sync.WaitGroup
		for i := range 10 {
			callers.Go(func() {
				next, err := l.enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i) // the turn is the lock
				next()
			})
			synctest.Wait()
		}
		leave()
		callers.Wait()
		g.Expect(order).To(Equal([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}))
	})
}

func TestLimiterLetsCallersGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		l := newLimiter(0)
		leave, err := l.enter(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = l.enter(ctx)
		g.Expect(err).To(MatchError(context.DeadlineExceeded))
		leave()
		leave, err = l.enter(t.Context())
		g.Expect(err).NotTo(HaveOccurred(), "who gave up holds no place")
		leave()
	})
}

func TestServersOfOneInstanceShareItsLimits(t *testing.T) {
	g := NewWithT(t)
	limits := &Limits{}
	server := func(url string) *Server {
		s, err := New(Config{URL: url, ClientID: "id", ClientSecret: "s", Limits: limits})
		g.Expect(err).NotTo(HaveOccurred())
		return s
	}
	one := server("https://acme.example")
	g.Expect(server("https://ACME.example/").limit).To(BeIdenticalTo(one.limit))
	g.Expect(server("https://other.example").limit).NotTo(BeIdenticalTo(one.limit))
}
