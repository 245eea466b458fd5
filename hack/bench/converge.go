package main

import (
	"context"
	"fmt"
	"time"

	"trustedapps.dev/operator/hack/bench/figures"
)

// slowServers are the latencies of servers, in milliseconds, beside that of none.
var slowServers = []int{20, 200}

// warm lets the API server do what it does once, such as to read the schemas of our kinds.
func (s *stage) warm(ctx context.Context, _ options, _ *figures.Report) error {
	const n = 100
	namespace, err := s.namespace(ctx)
	if err != nil {
		return err
	}
	if _, err := s.floor(ctx, namespace, n); err != nil {
		return err
	}
	return s.wipe(ctx)
}

// tenth measures a tenth of the applications.
func (s *stage) tenth(ctx context.Context, o options, r *figures.Report) error {
	return s.turns(ctx, o.n/10, o.rounds, r)
}

// converge measures all of them, but for the last time.
func (s *stage) converge(ctx context.Context, o options, r *figures.Report) error {
	return s.turns(ctx, o.n, o.rounds-1, r)
}

// turns measures floor and operator in turns.
func (s *stage) turns(ctx context.Context, n, rounds int, r *figures.Report) error {
	for range rounds {
		if err := s.floorRound(ctx, n, r); err != nil {
			return err
		}
		if err := s.operatorRound(ctx, n, 0, r, nil); err != nil {
			return err
		}
		if err := s.wipe(ctx); err != nil {
			return err
		}
	}
	return nil
}

// latencies measures the operator at slow servers, each once. They are in the middle of the run, between the floors that they are compared with.
func (s *stage) latencies(ctx context.Context, o options, r *figures.Report) error {
	for _, ms := range slowServers {
		if err := s.operatorRound(ctx, o.n, ms, r, nil); err != nil {
			return err
		}
		if err := s.wipe(ctx); err != nil {
			return err
		}
	}
	return nil
}

// convergeLast measures all applications once more, which live on.
func (s *stage) convergeLast(ctx context.Context, o options, r *figures.Report) error {
	if err := s.floorRound(ctx, o.n, r); err != nil {
		return err
	}
	if o.profiles == "" {
		return s.operatorRound(ctx, o.n, 0, r, nil)
	}
	return s.operatorRound(ctx, o.n, 0, r, func(began context.Context) error {
		return s.profileCPU(began, o, r.Floors[len(r.Floors)-1]) // about as long as the operator will take
	})
}

// measured adds a round, with the load around it.
func measured(r *figures.Report, round figures.Round, run func() (time.Duration, error)) error {
	round.LoadBefore = load()
	before := computed()
	took, err := run()
	if err != nil {
		return fmt.Errorf("measuring the %s: %w", round.What, err)
	}
	round.Seconds, round.LoadAfter, round.CPU = figures.Seconds(took), load(), spent(before)
	r.Add(round)
	progress("%s, %d applications, server of %d ms: %.1f s", round.What, round.N, round.LatencyMS, round.Seconds)
	return nil
}

func (s *stage) floorRound(ctx context.Context, n int, r *figures.Report) error {
	namespace, err := s.namespace(ctx)
	if err != nil {
		return err
	}
	if err := measured(r, figures.Round{What: figures.Floor, N: n}, func() (time.Duration, error) { return s.floor(ctx, namespace, n) }); err != nil {
		return err
	}
	return s.wipe(ctx)
}

// operatorRound measures n new applications at a server that takes its time. meanwhile is done while the operator works; nil: nothing. What a creation
// costs is that of the last round of all applications at a server without latency.
func (s *stage) operatorRound(ctx context.Context, n, ms int, r *figures.Report, meanwhile func(context.Context) error) error {
	if err := s.open(ctx, server, limits{unbounded: true}); err != nil {
		return err
	}
	if ms > 0 {
		if err := slow(ms)(ctx, s.servers[server]); err != nil {
			return err
		}
	}
	namespace, err := s.namespace(ctx)
	if err != nil {
		return err
	}
	s.last = namespace
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
	var cpu float64
	if err := measured(r, figures.Round{What: figures.Operator, N: n, LatencyMS: ms}, func() (took time.Duration, err error) {
		took, err = s.register(ctx, server, namespace, n, meanwhile)
		if err != nil {
			return 0, err
		}
		now, err := s.cpu()
		cpu = now - before.cpu
		return took, err
	}); err != nil {
		return err
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	after, err := s.usage(ctx)
	if err != nil || n != r.N || ms > 0 {
		return err
	}
	cost, apps := after.since(before), float64(n)
	r.CPUPerApp, r.KubeWritesPerApp, r.ServerCallsPerApp = cpu*1000/apps, float64(cost.kubeWrites)/apps, float64(cost.calls())/apps
	return nil
}

// register makes n applications and waits until all of them are Ready.
func (s *stage) register(ctx context.Context, at, namespace string, n int, meanwhile func(context.Context) error) (time.Duration, error) {
	began, beside, created := time.Now(), make(chan error, 1), make(chan error, 1)
	go func() {
		if meanwhile == nil {
			beside <- nil
			return
		}
		beside <- meanwhile(ctx)
	}()
	go func() { created <- s.create(ctx, at, namespace, n) }()
	if err := s.allReady(ctx, namespace, n); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if err := <-created; err != nil {
		return 0, err
	}
	return took, <-beside
}
