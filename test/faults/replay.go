package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Outcome is what a run led to.
type Outcome struct {
	Workflow string
	Script   []Strike
	// Calls are those of the operator from the beginning of the workflow to its end.
	Calls []Call
	// Hits says how many of the faults struck.
	Hits int
	// Err is what was broken; nil where nothing was.
	Err error
}

// Try performs a workflow with a script of faults.
func (b *Bed) Try(ctx context.Context, w *Workflow, browser *http.Client, script ...Strike) Outcome {
	out := Outcome{Workflow: w.Name, Script: script}
	r, err := b.newRun(ctx)
	if err != nil {
		out.Err = fmt.Errorf("preparing: %w", err)
		return out
	}
	out.Calls, out.Hits, out.Err = r.try(ctx, w, browser, script)
	out.Err = errors.Join(out.Err, r.end(ctx))
	return out
}

func (r *Run) try(ctx context.Context, w *Workflow, browser *http.Client, script []Strike) (calls []Call, hits int, err error) {
	spec := w.spec()
	spec.IdentityServerRef.Name, spec.ApplicationURI = r.name, "com.example."+r.namespace+"/orders"
	r.app = &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "orders"}, Spec: spec}
	if err := r.start(); err != nil {
		return nil, 0, err
	}
	if w.arrange != nil && w.fresh {
		if err := w.arrange(ctx, r); err != nil {
			return nil, 0, fmt.Errorf("arranging: %w", err)
		}
	}
	if err := r.begin(ctx, w); err != nil {
		return nil, 0, err
	}
	wire := r.operator.wire
	wire.arm(script...)
	act := w.act
	if w.fresh {
		act = func(ctx context.Context, r *Run) error { return r.Admin.Create(ctx, r.app) }
	}
	if err := act(ctx, r); err != nil {
		return nil, 0, fmt.Errorf("acting: %w", err)
	}
	if err := r.settle(ctx, w); err != nil {
		return wire.recorded(), wire.hits(), err
	}
	calls, hits = wire.recorded(), wire.hits()
	if err := r.check(ctx, w, browser); err != nil {
		return calls, hits, err
	}
	return calls, hits, r.restart(ctx, w)
}

// begin leads to where the workflow begins.
func (r *Run) begin(ctx context.Context, w *Workflow) error {
	if w.fresh {
		return r.rest(ctx) // the server is probed
	}
	if err := r.Admin.Create(ctx, r.app); err != nil {
		return fmt.Errorf("creating: %w", err)
	}
	if err := r.await(ctx, "creating", ready); err != nil {
		return err
	}
	if w.arrange != nil {
		if err := w.arrange(ctx, r); err != nil {
			return fmt.Errorf("arranging: %w", err)
		}
	}
	return r.rest(ctx)
}

// settle brings back what was killed, until the workflow led where it has to and nothing moves any more, late requests included.
func (r *Run) settle(ctx context.Context, w *Workflow) error {
	for {
		if err := r.revive(); err != nil {
			return err
		}
		err := r.await(ctx, w.Name, func(app *v1alpha1.TrustedApplication) bool { return r.operator.gone() || w.ended(app) })
		if err != nil {
			return err
		}
		if r.operator.gone() {
			continue
		}
		if err := r.rest(ctx); err != nil {
			return err
		}
		if !r.operator.gone() && !r.operator.wire.arrive("") {
			return nil
		}
	}
}

// gone says whether the process was killed.
func (p *process) gone() bool {
	p.wire.mu.Lock()
	defer p.wire.mu.Unlock()
	return p.wire.dead
}

// revive starts another operator where the last was killed. It goes on with the late requests of the former.
func (r *Run) revive() error {
	if !r.operator.gone() {
		return nil
	}
	former := r.operator.wire
	if err := r.kill(); err != nil {
		return err
	}
	if err := r.start(); err != nil {
		return err
	}
	r.operator.wire.mu.Lock()
	defer r.operator.wire.mu.Unlock()
	r.operator.wire.late = former.late
	return nil
}

// restart checks that a restart writes nothing.
func (r *Run) restart(ctx context.Context, w *Workflow) error {
	if err := r.kill(); err != nil {
		return err
	}
	if err := r.start(); err != nil {
		return err
	}
	r.operator.wire.arm()
	if err := r.await(ctx, w.Name, w.ended); err != nil {
		return err
	}
	if err := r.rest(ctx); err != nil {
		return err
	}
	for _, c := range r.operator.wire.recorded() {
		if c.Write {
			return fmt.Errorf("invariant 8: a restart writes: %s %s", c.Side, c.Op)
		}
	}
	return nil
}
