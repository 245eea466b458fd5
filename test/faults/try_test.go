package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Outcome is what a run led to.
type Outcome struct {
	Workflow *Workflow
	Script   Script
	// Calls are those of the operators from the beginning of the workflow to its end, Struck is how many of the faults took place.
	Calls  []Call
	Struck int
	// Err is what did not hold; nil where all did.
	Err error
}

// try performs a workflow with a script of faults.
func (b *Bed) try(ctx context.Context, w *Workflow, script Script) Outcome {
	out := Outcome{Workflow: w, Script: script}
	r, err := b.newRun(ctx, w)
	if err != nil {
		out.Err = fmt.Errorf("preparing: %w", err)
		return out
	}
	err = r.perform(ctx, script, &out)
	out.Err = errors.Join(append(r.broken, err, r.end(ctx))...)
	return out
}

func (r *Run) perform(ctx context.Context, script Script, out *Outcome) error {
	var err error
	if r.operator, err = r.start(nil, 0); err != nil {
		return err
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	r.begins = r.operator.streams.began()
	r.wire.arm(script)
	if err := r.workflow.act(ctx, r); err != nil {
		return fmt.Errorf("acting: %w", err)
	}
	r.wire.stir()
	err = r.settle(ctx)
	out.Calls, out.Struck = r.wire.recorded()
	if err != nil {
		return err
	}
	if len(out.Calls) > mostCalls {
		r.wrong(14, "%d calls", len(out.Calls))
	}
	if err := r.lastSweep(ctx); err != nil {
		return err
	}
	if err := r.check(ctx); err != nil {
		return err
	}
	return r.restart(ctx)
}

// mostCalls is far more than any run needs.
const mostCalls = 150

// lastSweep lets the operator see what an application left at the server, which is told at the server.
func (r *Run) lastSweep(ctx context.Context) error {
	r.mu.Lock()
	left := r.workflow.gone || r.deleted
	r.mu.Unlock()
	if !left {
		return nil
	}
	if err := r.sweep(ctx); err != nil {
		return err
	}
	return r.settle(ctx)
}

// begin leads to where the workflow begins.
func (r *Run) begin(ctx context.Context) error {
	if err := r.probed(ctx); err != nil {
		return err
	}
	if !r.workflow.fresh {
		if err := creates(ctx, r); err != nil {
			return fmt.Errorf("creating: %w", err)
		}
		if err := r.await(ctx, "creating", ready); err != nil {
			return err
		}
	}
	if r.workflow.arrange != nil {
		if err := r.workflow.arrange(ctx, r); err != nil {
			return fmt.Errorf("arranging: %w", err)
		}
	}
	for r.wire.quiet() < stillness {
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// probed waits until the server is Ready.
func (r *Run) probed(ctx context.Context) error {
	return r.awaitServer(ctx, func(ids *v1alpha1.IdentityServer) bool {
		return meta.IsStatusConditionTrue(ids.Status.Conditions, v1alpha1.ConditionReady)
	})
}

// awaitServer waits for a state of the IdentityServer.
func (r *Run) awaitServer(ctx context.Context, holds func(*v1alpha1.IdentityServer) bool) error {
	for deadline := time.Now().Add(patience); ; {
		var ids v1alpha1.IdentityServer
		if err := r.Admin.Get(ctx, client.ObjectKey{Name: r.name}, &ids); err != nil {
			return err
		}
		if holds(&ids) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server is not there after %s: %+v", patience, ids.Status.Conditions)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// await waits for a state of the application.
func (r *Run) await(ctx context.Context, what string, holds func(*v1alpha1.TrustedApplication) bool) error {
	for deadline := time.Now().Add(patience); ; {
		app, err := r.stored(ctx)
		if err != nil {
			return err
		}
		if holds(app) {
			r.see(app)
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not after %s: %s", what, patience, told(app))
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}
