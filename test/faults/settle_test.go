package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

const (
	// patience is how long a run may take to come to rest.
	patience = 60 * time.Second
	// stillness is how long nothing may be called before a run counts as at rest: longer than any pause of an operator that has work to do,
	// but for those after an error.
	stillness = 700 * time.Millisecond
	// resync is how often caches tell again of what they hold, where that is tried: the shortest that they allow.
	resync = time.Second
	// glance is the time between two looks at what is stored.
	glance = 50 * time.Millisecond
)

// reached says whether the application is where it has to be in the end.
func (r *Run) reached(app *v1alpha1.TrustedApplication) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.workflow.gone && !r.returned || r.deleted && !r.returns {
		return app == nil
	}
	if app == nil || r.deleted && !r.returned {
		return false
	}
	if r.returned && app.Spec.DeletionPolicy == v1alpha1.DeletionDisable && !r.workflow.at.issues { // what its predecessor left is not for it
		c := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
		return c != nil && c.Reason == v1alpha1.ReasonOwnershipConflict
	}
	return ready(app) && (r.returned || r.workflow.reached == nil || r.workflow.reached(app))
}

// ready says whether the application is Ready with its present generation.
func ready(app *v1alpha1.TrustedApplication) bool {
	return app != nil && app.DeletionTimestamp.IsZero() && app.Status.ObservedGeneration == app.Generation &&
		meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)
}

// settle brings back what was killed and delivers what was held back, until the application is where it has to be and nothing moves any more.
func (r *Run) settle(ctx context.Context) error {
	deadline := time.Now().Add(patience)
	for {
		if err := r.revive(); err != nil {
			return err
		}
		if r.wire.quiet() > stillness && !r.present().dead.Load() && !r.thaw() || r.returning() {
			done, err := r.look(ctx)
			if err != nil || done {
				return err
			}
		}
		if time.Now().After(deadline) {
			app, _ := r.stored(ctx)
			all, _ := r.site.registrations(ctx)
			return fmt.Errorf("invariant 14: not at rest after %s: %s; at the server: %v", patience, told(app), r.misregistered(all))
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// look says whether the application is where it has to be, when nothing moves.
func (r *Run) look(ctx context.Context) (bool, error) {
	app, err := r.stored(ctx)
	if err != nil {
		return false, err
	}
	if app != nil {
		r.see(app)
	}
	if err := r.comeBack(ctx, app); err != nil {
		return false, err
	}
	if r.wire.quiet() < stillness || !r.reached(app) || r.wire.arrive("") {
		return false, nil
	}
	return r.repaired(ctx)
}

// returning says whether the application is to be made again as soon as it is gone.
func (r *Run) returning() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.returns && !r.returned
}

func pause(ctx context.Context) error {
	timer := time.NewTimer(glance)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (r *Run) present() *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.operator
}

// see notes the application as it is now.
func (r *Run) see(app *v1alpha1.TrustedApplication) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.app = app
}

// comeBack makes an application again that was deleted in order to return.
func (r *Run) comeBack(ctx context.Context, app *v1alpha1.TrustedApplication) error {
	r.mu.Lock()
	due := app == nil && r.returns && !r.returned
	r.mu.Unlock()
	if !due {
		return nil
	}
	again := r.application()
	if err := r.Admin.Create(ctx, again); err != nil {
		return fmt.Errorf("making the application again: %w", err)
	}
	r.wire.stir()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.app, r.returned = again, true
	return nil
}

// thaw delivers to all operators what was held back.
func (r *Run) thaw() (were bool) {
	r.mu.Lock()
	all := append(slices.Clone(r.others), r.operator)
	r.mu.Unlock()
	for _, p := range all {
		were = p.streams.thaw() || were
	}
	if were {
		r.wire.stir()
	}
	return were
}

// repaired says whether what somebody took away is there again. For a registration it asks for another sweep if it is not: the last one may
// have failed.
func (r *Run) repaired(ctx context.Context) (bool, error) {
	var ids v1alpha1.IdentityServer
	if err := r.Admin.Get(ctx, client.ObjectKey{Name: r.name}, &ids); err != nil || !meta.IsStatusConditionTrue(ids.Status.Conditions, v1alpha1.ConditionReady) {
		return false, err // a fault struck its probe, which is repeated
	}
	if restored, err := r.restored(ctx); err != nil || !restored {
		return false, err
	}
	r.mu.Lock()
	sweeps := r.sweeps && (!r.deleted || r.returned) && !r.workflow.gone
	r.mu.Unlock()
	if !sweeps {
		return true, nil
	}
	all, err := r.site.registrations(ctx)
	if err != nil {
		return false, err
	}
	if len(r.misregistered(all)) == 0 {
		return true, nil
	}
	return false, r.sweep(ctx)
}

// restored says whether the Secret is there, which may have been deleted.
func (r *Run) restored(ctx context.Context) (bool, error) {
	app, err := r.stored(ctx)
	if err != nil || app == nil || !ready(app) || app.Status.Binding == nil {
		return err == nil, err
	}
	secrets, err := r.published(ctx)
	return len(secrets) > 0, err
}

// revive starts another operator where the last one was killed.
func (r *Run) revive() error {
	former := r.present()
	if !former.dead.Load() {
		return nil
	}
	if err := former.kill(); err != nil {
		return err
	}
	var older map[string][]byte
	if r.wire.happened(olderList) && !r.older {
		older, r.older = r.begins, true
	}
	next, err := r.start(older, 0)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.operator = next
	return nil
}

// restart checks that neither a restart nor a resync writes anything.
func (r *Run) restart(ctx context.Context) error {
	r.mu.Lock()
	all := append(slices.Clone(r.others), r.operator)
	r.others = nil
	r.mu.Unlock()
	for _, p := range all {
		if err := p.kill(); err != nil {
			return err
		}
	}
	r.wire.arm(nil)
	began := time.Now()
	next, err := r.start(nil, resync)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.operator = next
	r.mu.Unlock()
	var calls []Call
	for deadline := time.Now().Add(patience); len(calls) == 0 || r.wire.quiet() < stillness || time.Since(began) < 2*resync; calls, _ = r.wire.recorded() {
		if time.Now().After(deadline) {
			return errors.New("invariant 8: a restart does not come to rest")
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	for _, c := range calls { // it has probed the server at least
		busy := r.workflow.at == hydra && c.is(kube, http.MethodPut, "/identityservers/", "/status") // Hydra may have been too busy for the probe
		if c.Write && !busy {
			r.wrong(8, "a restart or a resync writes: %s", c)
		}
	}
	return nil
}

func told(app *v1alpha1.TrustedApplication) string {
	if app == nil {
		return "it is gone"
	}
	state := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
	if state == nil {
		return fmt.Sprintf("%s has no status, deleted %v, finalizers %v", app.UID, app.DeletionTimestamp != nil, app.Finalizers)
	}
	phase := "-"
	if app.Status.Rotation != nil {
		phase = string(app.Status.Rotation.Phase)
	}
	return fmt.Sprintf("Ready %s (%s: %s), deleted %v, generation %d, observed %d, rotation %s",
		state.Status, state.Reason, state.Message, app.DeletionTimestamp != nil, app.Generation, app.Status.ObservedGeneration, phase)
}
