// Bench measures the operator as it ships on real parts, beside the floor: a bare loop of client-go that does the same durable writes for each
// application. Both run on the same API server, in turns; figures are medians of the rounds.
//
//	make bench [N=1000] [ROUNDS=3]      build/bench.json
//	make bench-plots                    docs/performance.md and its pictures, from docs/performance.json
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"trustedapps.dev/operator/hack/bench/figures"
)

// options say what is measured.
type options struct {
	n, rounds int
	// out gets the figures, and profiles the profiles of the operator; empty: none are taken.
	out, profiles string
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 1000, "The number of applications; a tenth of them is measured, too.")
	flag.IntVar(&o.rounds, "rounds", 3, "How often each of floor and operator is measured.")
	flag.StringVar(&o.out, "out", "build/bench.json", "Where the figures go.")
	flag.StringVar(&o.profiles, "profile", "", "A directory that gets converge.pprof, of the last convergence, and heap.pprof, of the end.")
	plots := flag.String("plots", "", "Measure nothing: write the tables of performance.md in this directory, and its pictures, from performance.json there.")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	err := errors.New("there have to be at least 10 applications and one round")
	switch {
	case *plots != "":
		err = figures.Publish(*plots)
	case o.n >= 10 && o.rounds > 0:
		err = run(o)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := newStage(ctx, o)
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return err
	}
	machine, err := s.machine()
	if err != nil {
		return err
	}
	report := &figures.Report{Convergence: figures.Convergence{N: o.n}, Workers: s.workers, Cores: runtime.NumCPU(), Load: load(), Machine: machine}
	if err := s.measure(ctx, o, report); err != nil {
		return err
	}
	impossible := report.Complete()
	return errors.Join(impossible, report.Print(os.Stdout), report.Write(o.out))
}

// measure measures everything. The applications of the last convergence live on, for what is measured of the operator that has them.
func (s *stage) measure(ctx context.Context, o options, r *figures.Report) error {
	for _, phase := range []struct {
		name string
		run  func(context.Context, options, *figures.Report) error
	}{
		{"the first requests", s.warm}, {"the convergence of a tenth", s.tenth}, {"the convergence of all", s.converge}, {"slow servers", s.latencies},
		{"a server with its limits", s.batches}, {"the convergence of all, the last time", s.convergeLast},
		{"memory", s.memory}, {"a restart", s.restart}, {"applications during a restart", s.restartBusy}, {"rest", s.idle}, {"a sweep", s.sweep},
		{"one application a second", s.steady}, {"outages of another server", s.outage}, {"the end", s.end},
	} {
		progress("measuring: %s", phase.name)
		if err := phase.run(ctx, o, r); err != nil {
			return fmt.Errorf("measuring %s: %w", phase.name, err)
		}
	}
	return nil
}

// progress tells what is going on.
func progress(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) }
