// Package execute performs what the plan decides: each step is exactly one durable effect, or one question to the server. It is
// the only place that calls an idserver.Server.
package execute

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// ErrLedgerChanged ends a run in which somebody else wrote the ledger. Begin again with what it says now.
var ErrLedgerChanged = errors.New("somebody else wrote the ledger meanwhile")

// maxSteps bounds a run. The longest legitimate run, a server-issued replacement, has under twenty steps.
const maxSteps = 40

// Ledger stores the record of one application. Save fails where the stored version is not the one that was loaded.
type Ledger interface {
	Load(ctx context.Context) (rec ledger.Record, exists bool, err error)
	Save(ctx context.Context, rec ledger.Record) error
	Delete(ctx context.Context) error
	// Former reads the ledger of a former application of the same name, by its UID, and DropFormer deletes it.
	Former(ctx context.Context, uid types.UID) (rec ledger.Record, exists bool, err error)
	DropFormer(ctx context.Context, uid types.UID) error
}

// Outputs are the published objects of one application: a pure rendering of its spec and its ledger.
type Outputs interface {
	Observe(ctx context.Context, rec ledger.Record) (plan.Output, error)
	Publish(ctx context.Context, rec ledger.Record) error
	// Unpublish deletes what is ours and not wanted any more; everything that is ours, if all.
	Unpublish(ctx context.Context, rec ledger.Record, all bool) error
}

// Finalizer is that of one TrustedApplication.
type Finalizer interface {
	Present() bool
	Add(ctx context.Context) error
	Remove(ctx context.Context) error
}

// Executor holds what a run works on: one application and the server that it names.
type Executor struct {
	// Server may be nil where Desired.ServerReady is false.
	Server    idserver.Server
	Ledger    Ledger
	Outputs   Outputs
	Finalizer Finalizer
	// Draw draws a client secret, DrawKey a pair of keys for an algorithm, NewID the ID of a credential.
	Draw    func() idserver.Secret
	DrawKey func(algorithm string) (private idserver.Secret, public string, err error)
	NewID   func() string
	Now     func() time.Time
	// Pace says whether a rotation may begin now; if not, when to ask again, or the zero time where its turn is told. nil: at any time.
	Pace func() (again time.Time, ok bool)
	// Again waits before what cannot be told again is saved once more, after the attempt of the number failed, and says whether it is to be. nil:
	// it is not.
	Again func(ctx context.Context, attempt int) bool
	// Lives says whether the application exists that a mark of this cluster names.
	Lives func(ctx context.Context, owner idserver.Mark) (bool, error)
	// Restart restarts the workloads of the application for the credential with the ID, each once, and says which could not be and why.
	Restart func(ctx context.Context, credential string) (problems []string, err error)
	// Abandon records at the IdentityServer that registrations are, or may be, left behind: by client id, or by name where nobody knows that.
	Abandon func(ctx context.Context, registrations []string) error
	// Tell is told of each step after it was tried: what of the server it failed with, if it did, or which error of Kubernetes. nil: nobody is.
	Tell func(step, failure plan.Step, err error)
	// Next decides; nil is plan.Next. The explorer puts mistakes here, to see that it catches them.
	Next func(plan.Desired, plan.Observed) plan.Step
}

// Result is how a run ended.
type Result struct {
	// End is Done, Wait or Fail.
	End plan.Step
	// Trace are the steps that had their effect, in order, without the end.
	Trace []plan.Step
	// Last is the step that was tried last, also where it failed; nil where the run came to none.
	Last plan.Step
	// Observed is what was known at the end.
	Observed plan.Observed
	// Warnings are what the server has to say about the registration; nil where it was not told anything.
	Warnings []string
}

// run is one run in the making.
type run struct {
	*Executor
	desired  plan.Desired
	observed plan.Observed
	warnings []string
	// saved: the ledger was saved in this run, on top of what was read.
	saved bool
	// presumed: that the client id is free was taken for granted, and not looked up.
	presumed bool
}

// Run brings one application as far towards what is desired as it goes now. An error is one of Kubernetes, and the run may be
// repeated; what the server answers is in the Result.
func (e *Executor) Run(ctx context.Context, d plan.Desired) (Result, error) {
	r := &run{Executor: e, desired: d}
	next := e.Next
	if next == nil {
		next = plan.Next
	}
	var trace []plan.Step
	var last plan.Step
	result := func(end plan.Step) Result {
		return Result{End: end, Trace: trace, Last: last, Observed: r.observed, Warnings: r.warnings}
	}
	if err := r.observe(ctx); err != nil {
		return result(nil), err
	}
	for range maxSteps {
		step := next(d, r.observed)
		if plan.IsEnd(step) {
			return result(step), nil
		}
		err := r.do(ctx, step)
		last = step
		if e.Tell != nil {
			e.Tell(step, r.observed.Failure, err)
		}
		if err != nil {
			return result(nil), fmt.Errorf("%s: %w", Name(step), err)
		}
		if r.took(step) {
			trace = append(trace, step)
		}
	}
	return result(nil), fmt.Errorf("the plan did not end after %d steps, the trace is %v", maxSteps, trace)
}

// took says whether the step that was just performed had its effect, as far as is known.
func (r *run) took(step plan.Step) bool {
	if s, ok := step.(plan.DeleteRegistration); ok && slices.Contains(r.observed.DeleteRefused, s.ID) {
		return false
	}
	if _, ok := step.(plan.Create); ok && !r.observed.Applied { // see mistaken
		return false
	}
	return r.observed.Failure == nil
}

// Name names a step, for errors, events and logs.
func Name(s plan.Step) string { return fmt.Sprintf("%T", s)[len("plan."):] }

// observe reads what the run starts from.
func (r *run) observe(ctx context.Context) error {
	rec, exists, err := r.Ledger.Load(ctx)
	if err != nil {
		return fmt.Errorf("loading the ledger: %w", err)
	}
	r.observed.Now, r.observed.Found = r.Now(), map[string]*idserver.Reply{}
	r.observed.Finalizer = r.Finalizer.Present()
	r.observed.Ledger, r.observed.LedgerExists = rec, exists
	if err := r.look(ctx); err != nil {
		return err
	}
	if r.desired.Unlisted && !exists && !r.observed.Output.Any && r.observed.Output.Held == nil { // else it may be ours
		r.presumed = true
		r.observed.Found[r.desired.Key.ClientID] = nil
	}
	return nil
}

// look compares what is published with the ledger as it is now.
func (r *run) look(ctx context.Context) error {
	out, err := r.Outputs.Observe(ctx, r.observed.Ledger)
	if err != nil {
		return fmt.Errorf("reading what is published: %w", err)
	}
	r.observed.Output = out
	return nil
}

// save saves a changed ledger and compares what is published with it.
func (r *run) save(ctx context.Context, rec ledger.Record) error {
	if err := r.Ledger.Save(ctx, rec); err != nil {
		return fmt.Errorf("saving the ledger: %w", err)
	}
	r.observed.Ledger, r.observed.LedgerExists, r.saved = rec, true, true
	return r.look(ctx)
}

// insist saves what a server tells only once. A process that is told to end does this first, and a write that fails is repeated, as long as
// nobody else wrote the ledger: it may have arrived all the same.
func (r *run) insist(ctx context.Context, rec ledger.Record) error {
	before := r.observed.Ledger
	err := r.save(context.WithoutCancel(ctx), rec)
	for attempt := 1; err != nil && r.Again != nil && r.Again(ctx, attempt); attempt++ {
		stored, _, unreadable := r.Ledger.Load(ctx)
		switch {
		case unreadable != nil: // and until it is, nothing can be written on top of it
		case reflect.DeepEqual(stored, rec):
			r.observed.Ledger, r.observed.LedgerExists, r.saved = rec, true, true
			err = r.look(ctx)
		case reflect.DeepEqual(stored, before):
			err = r.save(ctx, rec)
		default:
			return err
		}
	}
	return err
}

// fence makes sure that nobody else wrote the ledger since this run read it. A save proves that by its precondition; where none was needed,
// a leader that was replaced would tell the server what nobody wants any more. What is left is the moment between this and the call:
// there only the server can keep the two apart, and a sweep finds what it did not.
func (r *run) fence(ctx context.Context) error {
	if r.saved {
		return nil
	}
	rec, _, err := r.Ledger.Load(ctx)
	if err != nil {
		return fmt.Errorf("loading the ledger: %w", err)
	}
	if !reflect.DeepEqual(rec, r.observed.Ledger) {
		return ErrLedgerChanged
	}
	return nil
}

// failure makes an error of the server the end of the run.
func (r *run) failure(err error) {
	r.observed.Failure = plan.Failure(err)
	r.observed.Forbidden = idserver.ReasonOf(err) == idserver.ReasonAdministrator
}

// certain says whether a call with this error certainly had no effect.
func certain(err error) bool { return !errors.Is(err, idserver.ErrOutcomeUnknown) }
