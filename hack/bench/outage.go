package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/hack/bench/figures"
	"trustedapps.dev/operator/test/standin"
)

const (
	// An application is made each perOutage, outageSamples times, while another server is not well. So many that the p99 is not just the worst of them.
	perOutage, outageSamples = 500 * time.Millisecond, 120
	// crowd is how many applications of the other server wait meanwhile.
	crowd = 500
	// slowness is how long the other server takes for each request, in milliseconds.
	slowness = 200
)

// outage measures the applications of one server while another one is not well, and has applications to serve.
func (s *stage) outage(ctx context.Context, _ options, r *figures.Report) (err error) {
	if r.Outage.Alone, err = s.pace(ctx, "", ""); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		limits
		begin, end func(context.Context, *standin.Instance) error
		crowd      int
		// told: what the crowd costs once, when it is made, is over before anything is measured.
		told bool
		pace *figures.Pace
	}{
		{name: "slow", begin: slow(slowness), end: well, pace: &r.Outage.Slow},
		{name: "queued", limits: limits{unbounded: true, alone: true}, begin: slow(slowness), end: well, crowd: crowd, pace: &r.Outage.Queued},
		{name: "burst", begin: slow(slowness), end: well, crowd: crowd, pace: &r.Outage.Burst},
		// The last: there is nothing to wait for after it.
		{name: "down", begin: down, crowd: crowd, told: true, pace: &r.Outage.Down},
	} {
		if err := s.open(ctx, c.name, c.limits); err != nil {
			return err
		}
		if err := s.serverReady(ctx, c.name); err != nil {
			return err
		}
		if err := c.begin(ctx, s.servers[c.name]); err != nil {
			return err
		}
		namespace, err := s.namespace(ctx)
		if err != nil {
			return err
		}
		if err := s.create(ctx, c.name, namespace, c.crowd); err != nil {
			return err
		}
		if c.told {
			if err := s.allTold(ctx, namespace, c.crowd); err != nil {
				return err
			}
		}
		beside := ""
		if c.crowd == 0 {
			beside = c.name
		}
		if *c.pace, err = s.pace(ctx, namespace, beside); err != nil {
			return err
		}
		progress("while another server is %s: p99 %.0f ms", c.name, c.pace.P99)
		if c.end == nil {
			continue
		}
		if err := c.end(ctx, s.servers[c.name]); err != nil {
			return err
		}
		if c.crowd == 0 {
			continue
		}
		if err := s.allReady(ctx, namespace, c.crowd); err != nil {
			return err
		}
	}
	return nil
}

// allTold waits until all applications of a namespace have a status, whatever it is.
func (s *stage) allTold(ctx context.Context, namespace string, n int) error {
	return s.until(ctx, "all applications have a status", func() (bool, error) {
		var apps v1alpha1.TrustedApplicationList
		if err := s.bed.Admin.List(ctx, &apps, client.InNamespace(namespace)); err != nil {
			return false, fmt.Errorf("listing applications: %w", err)
		}
		told := 0
		for i := range apps.Items {
			if len(apps.Items[i].Status.Conditions) > 0 { // nothing is observed of a spec whose server is down
				told++
			}
		}
		return told == n, nil
	})
}

// slow makes a server take its time for each request, in milliseconds, until it is well again.
func slow(ms int) func(context.Context, *standin.Instance) error {
	return func(ctx context.Context, instance *standin.Instance) error {
		_, err := instance.AddFault(ctx, standin.Fault{LatencyMs: ms})
		return err
	}
}

func well(ctx context.Context, instance *standin.Instance) error {
	return instance.RemoveFault(ctx, "")
}

func down(ctx context.Context, instance *standin.Instance) error { return instance.SetDown(ctx, true) }

// pace measures two applications a second at the server that is well, while those of a namespace wait ("": none do), and as many are made at the
// server beside ("": none are).
func (s *stage) pace(ctx context.Context, waiting, beside string) (p figures.Pace, err error) {
	if waiting != "" {
		if p.Pending, err = s.pending(ctx, waiting); err != nil {
			return p, err
		}
	}
	others := make(chan error, 1)
	go func() {
		if beside == "" {
			others <- nil
			return
		}
		_, err := s.stream(ctx, beside, perOutage, times(outageSamples))
		others <- err
	}()
	took, err := s.stream(ctx, server, perOutage, times(outageSamples))
	if err := errors.Join(err, <-others); err != nil {
		return p, err
	}
	p.P50, p.P99, p.Samples = figures.Percentile(took, 0.5), figures.Percentile(took, 0.99), len(took)
	if waiting != "" {
		p.PendingAfter, err = s.pending(ctx, waiting)
	}
	return p, err
}
