package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// still is for how long nothing may happen where the operator is said to have come to rest.
const still = 2 * time.Second

// converge measures floor and operator in turns.
func (s *stage) converge(ctx context.Context, o options, r *Report) error {
	for round := range o.rounds {
		namespace := fmt.Sprintf("floor-%d", round)
		if err := s.bed.Admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
			return err
		}
		took, err := s.floor(ctx, namespace, o.n)
		if err != nil {
			return fmt.Errorf("measuring the floor: %w", err)
		}
		r.Floors = append(r.Floors, took.Seconds())
		if err := s.clear(ctx, namespace); err != nil {
			return err
		}
		if took, err = s.operatorRound(ctx, o, r, round); err != nil {
			return fmt.Errorf("measuring the operator: %w", err)
		}
		r.Operators = append(r.Operators, took.Seconds())
		progress("round %d: floor %.1f s, operator %.1f s", round+1, r.Floors[round], r.Operators[round])
	}
	r.FloorSeconds, r.Seconds = median(r.Floors), median(r.Operators)
	r.Ratio = r.Seconds / r.FloorSeconds
	return nil
}

// operatorRound is how long the operator takes for n new applications. Those of the last round stay.
func (s *stage) operatorRound(ctx context.Context, o options, r *Report, round int) (time.Duration, error) {
	namespace := fmt.Sprintf("apps-%d", round)
	if err := s.bed.Admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return 0, err
	}
	if err := s.start(ctx); err != nil {
		return 0, err
	}
	if err := s.serverReady(ctx); err != nil {
		return 0, err
	}
	before, err := s.kubeWrites()
	if err != nil {
		return 0, err
	}
	if err := s.instance.ResetCounts(ctx); err != nil {
		return 0, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return 0, err
	}
	began, created := time.Now(), make(chan error, 1)
	go func() { created <- s.create(ctx, namespace, "app", o.n) }()
	if err := s.allReady(ctx, namespace, o.n); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if err := <-created; err != nil {
		return 0, err
	}
	after, err := s.cpu()
	if err != nil {
		return 0, err
	}
	r.CPUPerApp = (after - cpu) * 1000 / float64(o.n)
	if err := s.rest(ctx); err != nil {
		return 0, err
	}
	writes, err := s.kubeWrites()
	if err != nil {
		return 0, err
	}
	calls, err := s.serverCalls(ctx)
	if err != nil {
		return 0, err
	}
	r.KubeWritesPerApp, r.ServerCallsPerApp = float64(writes-before)/float64(o.n), float64(calls)/float64(o.n)
	if round == o.rounds-1 {
		return took, nil // the applications live on
	}
	if err := s.clear(ctx, namespace); err != nil {
		return 0, err
	}
	return took, s.stop()
}

func (s *stage) serverReady(ctx context.Context) error {
	return until(ctx, "the server is Ready", func() (bool, error) {
		var ids v1alpha1.IdentityServer
		err := s.bed.Admin.Get(ctx, client.ObjectKey{Name: server}, &ids)
		return meta.IsStatusConditionTrue(ids.Status.Conditions, v1alpha1.ConditionReady), err
	})
}

// rest waits until neither the server nor Kubernetes was asked for anything for a while.
func (s *stage) rest(ctx context.Context) error {
	last, since := -1, time.Now()
	return until(ctx, "the operator is at rest", func() (bool, error) {
		writes, err := s.kubeWrites()
		if err != nil {
			return false, err
		}
		calls, err := s.serverCalls(ctx)
		if n := writes + calls; n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > still, err
	})
}

// cpu is what the operator's process took so far, in seconds.
func (s *stage) cpu() (float64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.operator.PID()))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("the kernel tells no times of the process")
	}
	var ticks float64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const perSecond = 100 // USER_HZ, on every platform that the operator is built for
	return ticks / perSecond, nil
}
