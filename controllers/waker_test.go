package controllers

import (
	"context"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
)

func newTestWaker(t *testing.T) *waker[*v1alpha1.IdentityServer] {
	t.Helper()
	return newWaker(func() *v1alpha1.IdentityServer { return &v1alpha1.IdentityServer{} })
}

func TestWakerBringsEveryNameOnceAndInOrder(t *testing.T) {
	g := NewWithT(t)
	w := newTestWaker(t)
	for _, name := range []string{"a", "b", "a", "c", "b"} {
		w.wakeNamed(name) // nobody listens yet, and nobody is held up
	}
	stopped := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { stopped <- w.Start(ctx) }()
	for _, name := range []string{"a", "b", "c"} {
		g.Expect((<-w.out).Object.Name).To(Equal(name))
	}
	w.wakeNamed("a")
	g.Expect((<-w.out).Object.Name).To(Equal("a"), "once it was brought it may be woken again")
	stop()
	g.Expect(<-stopped).To(Succeed())
}

func TestWakerLosesNothing(t *testing.T) {
	g := NewWithT(t)
	const names = 200
	w := newTestWaker(t)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- w.Start(ctx) }()
	for worker := range 4 {
		go func() {
			for i := range names {
				w.wakeNamed(fmt.Sprintf("%d-%d", worker, i))
			}
		}()
	}
	seen := map[string]bool{}
	for len(seen) < 4*names {
		seen[(<-w.out).Object.Name] = true
	}
	w.wakeNamed("unheard")
	stop()
	g.Expect(<-stopped).To(Succeed(), "it ends while nobody listens, too")
}
