package erpnet

import (
	"context"
	"slices"
	"sync"
	"time"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// DefaultBatchSize is how many calls go into one request at most.
const DefaultBatchSize = 50

// batchBytes bounds the bodies of the calls in one request; a single one of any size goes alone.
const batchBytes = 1 << 20

// patienceWithoutBatches is how long calls go alone after an instance refused a batch, or left a part of one out.
const patienceWithoutBatches = time.Hour

// queue holds the calls of a Server that wait for their turn. What waits when the turn comes goes as one request.
type queue struct {
	send  func([]*waiter) // answers all of them, or puts them back
	limit *limiter
	size  int
	now   func() time.Time

	mu      sync.Mutex
	waiting []*waiter
	sending bool
	// crowded tells that a whole batch waits.
	crowded chan struct{}
	// alone is until when no batches are sent.
	alone time.Time
}

// waiter is a call that waits for its turn, and then for its answer.
type waiter struct {
	ctx   context.Context
	call  call
	odata string // the service root
	body  []byte
	token idserver.Secret
	// alone: it was part of a batch that was refused.
	alone bool
	// answered is closed when answer and err are set.
	answered chan struct{}
	answer   oauth.Answer
	err      error // a *oauth.NoAnswerError
}

func (w *waiter) end(a oauth.Answer, err error) {
	w.answer, w.err = a, err
	close(w.answered)
}

// do waits for the turn of a call and for its answer. The error is a *oauth.NoAnswerError.
func (q *queue) do(w *waiter) (oauth.Answer, error) {
	w.answered = make(chan struct{})
	q.add(w)
	select {
	case <-w.answered:
		return w.answer, w.err
	case <-w.ctx.Done():
	}
	if q.withdraw(w) {
		return oauth.Answer{}, &oauth.NoAnswerError{Message: "the call was given up while it waited for its turn", Cause: context.Cause(w.ctx)}
	}
	return oauth.Answer{}, &oauth.NoAnswerError{Sent: true, Message: "the call was given up", Cause: context.Cause(w.ctx)}
}

func (q *queue) add(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
	if len(q.waiting) >= q.size {
		select {
		case q.crowded <- struct{}{}:
		default: // told before
		}
	}
	if !q.sending {
		q.sending = true
		go q.work() // ends when nothing waits
	}
}

// withdraw takes a call out that was not sent yet.
func (q *queue) withdraw(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.waiting)
	q.waiting = slices.DeleteFunc(q.waiting, func(other *waiter) bool { return other == w })
	return len(q.waiting) < before
}

// work sends what waits, until nothing does.
func (q *queue) work() {
	for q.more() {
		q.gather()
		leave, err := q.limit.enter(context.Background()) // those who wait give up by themselves
		next := q.take()
		switch {
		case err != nil: // nothing is let through
			for _, w := range next {
				w.end(oauth.Answer{}, &oauth.NoAnswerError{Message: "no turn can be had", Cause: err})
			}
			continue
		case len(next) > 0:
			q.send(next)
		}
		leave()
	}
}

func (q *queue) more() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sending = len(q.waiting) > 0
	return q.sending
}

// gather waits a moment for others where requests go more often than is thrifty, until a whole batch waits.
func (q *queue) gather() {
	if !q.batching() {
		return
	}
	turn := q.limit.thrift.Reserve()
	wait := turn.Delay()
	if wait <= 0 || !turn.OK() {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.crowded:
		turn.Cancel()
	}
}

func (q *queue) batching() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size > 1 && !q.now().Before(q.alone)
}

// take removes from the queue what goes next: as much as a batch holds, or one call where none are sent.
func (q *queue) take() []*waiter {
	batching := q.batching()
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.crowded:
	default:
	}
	n, bytes := 0, 0
	for n < len(q.waiting) && n < q.size {
		next := q.waiting[n]
		if bytes += len(next.body); n > 0 && (!batching || next.alone || q.waiting[0].alone || bytes > batchBytes) {
			break
		}
		n++
	}
	next := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return next
}

// separate sends no batches for a while, and puts those of one that was refused as a whole at the front again.
func (q *queue) separate(refused []*waiter) {
	for _, w := range refused {
		w.alone = true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.alone = q.now().Add(patienceWithoutBatches)
	q.waiting = slices.Insert(q.waiting, 0, refused...)
}
