// Command demo is a tour of the operator on loopback: a real Kubernetes control plane, a stand-in ERP.net instance, the operator
// with the permissions that ship, and one application of every kind. `make demo` builds what it needs and runs it in the root of
// the repository; KEEP=1 leaves everything running until Ctrl-C. It exits with 0 only if everything held.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// reportFile is where the result is written, for machines.
const reportFile = "build/demo.json"

func main() {
	keep := os.Getenv("KEEP")
	if err := run(keep != "" && keep != "0"); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

func run(keep bool) (err error) {
	// SIGPIPE too: whoever reads our output may leave, and everything must be stopped all the same.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	alive, lost := context.WithCancelCause(ctx)
	started := time.Now()
	t := newTour(lost)
	// Deferred, so that it also happens on a panic.
	defer func() {
		t.say("")
		t.say("Stopping everything.")
		err = errors.Join(err, t.world.close())
	}()
	err = interrupted(ctx, t.take(alive, keep))
	t.report.Seconds = round(time.Since(started))
	if err != nil {
		t.report.fail(err.Error())
		return errors.Join(err, t.report.write(reportFile))
	}
	t.summary()
	if err := t.report.write(reportFile); err != nil {
		return err
	}
	if keep {
		t.explainKept()
		<-alive.Done()
		if ctx.Err() == nil {
			return context.Cause(alive)
		}
	}
	return t.report.verdict()
}

// interrupted hides the many errors that follow from a signal behind that one fact.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}
