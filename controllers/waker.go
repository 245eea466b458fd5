package controllers

import (
	"context"
	"sync"

	"trustedapps.dev/operator/api/v1alpha1"
)

// waker brings names of servers from whoever noticed something to a controller. Waking never blocks, and a name that waits
// already is not queued twice.
type waker struct {
	out  chan serverEvent
	ring chan struct{}

	mu      sync.Mutex
	waiting []string
	queued  map[string]bool
}

func newWaker() *waker {
	return &waker{out: make(chan serverEvent), ring: make(chan struct{}, 1), queued: map[string]bool{}}
}

// wake queues a name.
func (w *waker) wake(name string) {
	w.mu.Lock()
	if !w.queued[name] {
		w.queued[name] = true
		w.waiting = append(w.waiting, name)
	}
	w.mu.Unlock()
	select {
	case w.ring <- struct{}{}:
	default:
	}
}

// Start implements manager.Runnable.
func (w *waker) Start(ctx context.Context) error {
	for {
		name, ok := w.pop()
		if !ok {
			select {
			case <-ctx.Done():
				return nil
			case <-w.ring:
			}
			continue
		}
		e := serverEvent{Object: &v1alpha1.IdentityServer{}}
		e.Object.Name = name
		select {
		case <-ctx.Done():
			return nil
		case w.out <- e:
		}
	}
}

func (w *waker) pop() (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		return "", false
	}
	name := w.waiting[0]
	w.waiting = w.waiting[1:]
	delete(w.queued, name)
	return name, true
}
