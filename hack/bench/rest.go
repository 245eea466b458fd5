package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/hack/bench/figures"
)

const (
	// idling is for how long the operator is watched at rest.
	idling = 30 * time.Second
	// strangers are the Secrets that have nothing to do with the operator, and strangerSize how many bytes each holds.
	strangers, strangerSize = 300, 1_000_000
)

// memory measures what the operator holds that has registered all applications, and that Secrets of others do not change it.
func (s *stage) memory(ctx context.Context, _ options, r *figures.Report) (err error) {
	if r.RSS, err = s.settledMemory(ctx); err != nil {
		return err
	}
	namespace, err := s.namespace(ctx)
	if err != nil {
		return err
	}
	large := make([]byte, strangerSize)
	if err := inParallel(strangers, func(i int) error {
		return s.bed.Admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: strconv.Itoa(i)}, Data: map[string][]byte{"large": large},
		})
	}); err != nil {
		return fmt.Errorf("making Secrets of others: %w", err)
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	with, err := s.settledMemory(ctx)
	if err != nil {
		return err
	}
	r.RSSUnrelated = with - r.RSS
	if err := s.bed.Admin.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("deleting Secrets of others: %w", err)
	}
	return nil
}

// settledMemory is what the operator holds, in MB, once that has stopped to change: Go's runtime gives back in the background what it needs no longer.
func (s *stage) settledMemory(ctx context.Context) (megabytes float64, err error) {
	const (
		mebi    = 1.048576 // million bytes
		slack   = 0.1      // MB
		settled = 10 * time.Second
	)
	since := time.Now()
	err = s.until(ctx, "the operator's memory has settled", func() (bool, error) {
		now, err := s.operator.Memory()
		if now *= mebi; math.Abs(now-megabytes) > slack {
			megabytes, since = now, time.Now()
		}
		return time.Since(since) > settled, err
	})
	return megabytes, err
}

// idle measures what the operator does while nobody does anything.
func (s *stage) idle(ctx context.Context, _ options, r *figures.Report) error {
	if err := s.rest(ctx); err != nil {
		return err
	}
	before, err := s.usage(ctx)
	if err != nil {
		return err
	}
	if err := during(ctx, idling); err != nil {
		return err
	}
	after, err := s.usage(ctx)
	cost := after.since(before)
	r.Idle = figures.IdleCost{Seconds: idling.Seconds(), KubeWrites: cost.kubeWrites, ServerCalls: cost.calls()}
	return err
}
