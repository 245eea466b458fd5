package main

import (
	"context"
	"time"

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

// outage measures the applications of one server while another one is not well, and has a crowd of applications to serve.
func (s *stage) outage(ctx context.Context, _ options, r *figures.Report) (err error) {
	if r.Outage.Alone, err = s.pace(ctx, ""); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		limits
		begin, end func(context.Context, *standin.Instance) error
		pace       *figures.Pace
	}{
		{"slow", limits{}, slow(slowness), well, &r.Outage.Slow},
		{"queued", limits{unbounded: true, alone: true}, slow(slowness), well, &r.Outage.Queued},
		{"down", limits{}, down, nil, &r.Outage.Down}, // the last: there is nothing to wait for after it
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
		if err := s.create(ctx, c.name, namespace, crowd); err != nil {
			return err
		}
		if *c.pace, err = s.pace(ctx, namespace); err != nil {
			return err
		}
		progress("while another server is %s: p99 %.0f ms", c.name, c.pace.P99)
		if c.end == nil {
			continue
		}
		if err := c.end(ctx, s.servers[c.name]); err != nil {
			return err
		}
		if err := s.allReady(ctx, namespace, crowd); err != nil {
			return err
		}
	}
	return nil
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

// pace measures two applications a second at the server that is well, while those of a namespace wait; "": none do.
func (s *stage) pace(ctx context.Context, waiting string) (p figures.Pace, err error) {
	if waiting != "" {
		if p.Pending, err = s.pending(ctx, waiting); err != nil {
			return p, err
		}
	}
	took, err := s.stream(ctx, server, perOutage, times(outageSamples))
	if err != nil {
		return p, err
	}
	p.P50, p.P99, p.Samples = figures.Percentile(took, 0.5), figures.Percentile(took, 0.99), len(took)
	if waiting != "" {
		p.PendingAfter, err = s.pending(ctx, waiting)
	}
	return p, err
}
