package main

import (
	"context"
	"fmt"

	"trustedapps.dev/operator/hack/bench/figures"
)

// unbatched is how many applications are registered one by one, at most: a server with its limits takes its time for each.
const unbatched = 300

// batches measures what registrations cost at a server that enforces the limits of ERP.net: with the operator's defaults, and one by one.
func (s *stage) batches(ctx context.Context, o options, r *figures.Report) error {
	for _, c := range []struct {
		apps int
		limits
		cost *figures.BatchCost
	}{{o.n, limits{}, &r.Batch}, {min(o.n, unbatched), limits{alone: true}, &r.Unbatched}} {
		if err := s.batch(ctx, c.apps, c.limits, c.cost); err != nil {
			return err
		}
		progress("%d applications within the limits of a server: %d requests in %.1f s", c.cost.Apps, c.cost.Requests, c.cost.Seconds)
		if err := s.wipe(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) batch(ctx context.Context, n int, l limits, cost *figures.BatchCost) error {
	if err := s.open(ctx, server, l); err != nil {
		return err
	}
	namespace, err := s.namespace(ctx)
	if err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	if err := s.serverReady(ctx, server); err != nil {
		return err
	}
	before, err := s.usage(ctx)
	if err != nil {
		return err
	}
	took, err := s.register(ctx, server, namespace, n, nil)
	if err != nil {
		return err
	}
	after, err := s.usage(ctx)
	if err != nil {
		return err
	}
	made := after.since(before).server
	*cost = figures.BatchCost{Apps: n, Requests: made.DomainAPI, TooManyRequests: made.Rejected429, Seconds: figures.Seconds(took)}
	if made.Writes < n {
		return fmt.Errorf("%d applications are Ready, and the server saw only %d writes", n, made.Writes)
	}
	return nil
}
