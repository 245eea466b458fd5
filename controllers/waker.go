package controllers

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// waker brings names of objects from whoever noticed something to a controller. Waking never blocks, and a name that waits
// already is not queued twice.
type waker[T client.Object] struct {
	out   chan event.TypedGenericEvent[T]
	blank func() T
	ring  chan struct{}

	mu      sync.Mutex
	waiting []types.NamespacedName
	queued  map[types.NamespacedName]bool
}

func newWaker[T client.Object](blank func() T) *waker[T] {
	return &waker[T]{
		out: make(chan event.TypedGenericEvent[T]), blank: blank, ring: make(chan struct{}, 1), queued: map[types.NamespacedName]bool{},
	}
}

// wake queues a name.
func (w *waker[T]) wake(name types.NamespacedName) {
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

// wakeNamed queues the name of a cluster-scoped object.
func (w *waker[T]) wakeNamed(name string) { w.wake(types.NamespacedName{Name: name}) }

// Start implements manager.Runnable.
func (w *waker[T]) Start(ctx context.Context) error {
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
		object := w.blank()
		object.SetNamespace(name.Namespace)
		object.SetName(name.Name)
		select {
		case <-ctx.Done():
			return nil
		case w.out <- event.TypedGenericEvent[T]{Object: object}:
		}
	}
}

func (w *waker[T]) pop() (name types.NamespacedName, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		return name, false
	}
	name, w.waiting = w.waiting[0], w.waiting[1:]
	delete(w.queued, name)
	return name, true
}
