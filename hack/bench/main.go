// Bench measures the operator as it ships on real parts, beside the floor: a bare loop of client-go that does the same durable writes for each
// application. Both run in the same minute on the same API server, in turns; figures are medians of the rounds.
//
//	make bench [N=1000] [ROUNDS=3]      build/bench.json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// options say how much is measured.
type options struct {
	n, rounds int
	out       string
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 1000, "The number of applications.")
	flag.IntVar(&o.rounds, "rounds", 3, "How often each of floor and operator is measured.")
	flag.StringVar(&o.out, "out", "build/bench.json", "Where the figures go.")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	if err := run(o); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report := Report{N: o.n, Workers: workers, Cores: runtime.NumCPU(), Load: load()}
	s, err := newStage(ctx)
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return err
	}
	if err := s.converge(ctx, o, &report); err != nil {
		return err
	}
	if err := s.life(ctx, o, &report); err != nil {
		return err
	}
	report.print()
	content, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return os.WriteFile(o.out, append(content, '\n'), 0o600)
}

// load is the load average of the last minute when the bench began; 0 where the kernel does not tell it.
func load() (average float64) {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil || len(strings.Fields(string(content))) == 0 {
		return 0
	}
	_, _ = fmt.Sscan(strings.Fields(string(content))[0], &average)
	return average
}

// progress tells what is going on.
func progress(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) }
