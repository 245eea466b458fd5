package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/hack/bench/figures"
)

// steady is how many applications are made at one a second, so that a hundredth of them is one.
const steady = 100

// stream makes an application of a server each time, in a namespace of its own, until there are enough, and measures how long each takes to its
// Secret. It waits for none of them before it makes the next.
func (s *stage) stream(ctx context.Context, at string, each time.Duration, enough func(made int) bool) ([]time.Duration, error) {
	namespace, err := s.namespace(ctx)
	if err != nil {
		return nil, err
	}
	arrivals, err := s.watchSecrets(ctx, namespace)
	if err != nil {
		return nil, err
	}
	defer arrivals.stop()
	ticker := time.NewTicker(each)
	defer ticker.Stop()
	var made []time.Time
	for !enough(len(made)) {
		made = append(made, time.Now())
		if err := s.bed.Admin.Create(ctx, application(at, namespace, fmt.Sprintf("app-%d", len(made)-1))); err != nil {
			return nil, fmt.Errorf("creating an application: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-ticker.C:
		}
	}
	if err := s.until(ctx, "all Secrets are there", func() (bool, error) { return arrivals.complete(len(made)) }); err != nil {
		return nil, err
	}
	took := make([]time.Duration, len(made))
	for i, began := range made {
		took[i] = arrivals.at[fmt.Sprintf("app-%d", i)].Sub(began)
	}
	return took, nil
}

// arrivals are when the Secrets of a namespace came.
type arrivals struct {
	stop func()

	mu    sync.Mutex
	at    map[string]time.Time
	ended bool
}

func (s *stage) watchSecrets(ctx context.Context, namespace string) (*arrivals, error) {
	watching, err := client.NewWithWatch(s.config, client.Options{Scheme: s.bed.Admin.Scheme()})
	if err != nil {
		return nil, fmt.Errorf("making a client that watches: %w", err)
	}
	watch, err := watching.Watch(ctx, &corev1.SecretList{}, client.InNamespace(namespace))
	if err != nil {
		return nil, fmt.Errorf("watching Secrets: %w", err)
	}
	a := &arrivals{stop: watch.Stop, at: map[string]time.Time{}}
	go func() {
		for event := range watch.ResultChan() {
			now := time.Now()
			secret, ok := event.Object.(*corev1.Secret)
			a.mu.Lock()
			if ok && a.at[secret.Name].IsZero() {
				a.at[secret.Name] = now
			}
			a.mu.Unlock()
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.ended = true
	}()
	return a, nil
}

// complete says whether all of n came.
func (a *arrivals) complete(n int) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return false, errors.New("the watch of Secrets ended")
	}
	return len(a.at) == n, nil
}

// times is enough for a stream of so many.
func times(n int) func(made int) bool { return func(made int) bool { return made == n } }

// steady is one application a second.
func (s *stage) steady(ctx context.Context, _ options, r *figures.Report) error {
	took, err := s.stream(ctx, server, time.Second, times(steady))
	r.P50, r.P99, r.SteadySamples = figures.Percentile(took, 0.5), figures.Percentile(took, 0.99), len(took)
	return err
}
