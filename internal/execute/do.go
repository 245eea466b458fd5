package execute

import (
	"context"
	"fmt"

	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// do performs one step. The error is one of Kubernetes; what the server answers goes into observed.
func (r *run) do(ctx context.Context, step plan.Step) error {
	o, rec := &r.observed, r.observed.Ledger
	switch s := step.(type) {
	case plan.AddFinalizer:
		if err := r.Finalizer.Add(ctx); err != nil {
			return err
		}
		o.Finalizer = true
		return nil
	case plan.RemoveFinalizer:
		if err := r.Finalizer.Remove(ctx); err != nil {
			return err
		}
		o.Finalizer = false
		return nil
	case plan.SaveReply:
		unsaved := *o.Unsaved
		o.Unsaved, o.IntentMine = nil, false
		return r.save(ctx, unsaved)
	case plan.SaveIntent:
		intent := ledger.Intent{Name: r.desired.Want.DisplayName, Target: r.desired.Target}
		o.IntentMine = true
		return r.save(ctx, rec.Begin(intent, r.nextPublished()))
	case plan.ForgetIntent:
		return r.save(ctx, rec.Forget())
	case plan.NoteOrphan:
		return r.save(ctx, rec.DeclareOrphan())
	case plan.Stage:
		if s.Held {
			return r.stageHeld(ctx)
		}
		return r.save(ctx, rec.Stage(r.desired.Target, r.drawn(s.Draw), r.nextPublished(), r.Now()))
	case plan.Promote:
		return r.save(ctx, rec.Promote(r.serverIssued()))
	case plan.ForgetOld:
		return r.save(ctx, rec.ForgetOld())
	case plan.Publish:
		if err := r.Outputs.Publish(ctx, rec); err != nil {
			return err
		}
		return r.look(ctx)
	case plan.Unpublish:
		if err := r.Outputs.Unpublish(ctx, rec, s.All); err != nil {
			return err
		}
		return r.look(ctx)
	case plan.DeleteLedger:
		o.LedgerExists = false
		return r.Ledger.Delete(ctx)
	}
	return r.ask(ctx, step)
}

// ask performs a step that calls the server.
func (r *run) ask(ctx context.Context, step plan.Step) error {
	switch s := step.(type) {
	case plan.Lookup:
		r.lookup(ctx)
	case plan.Recall:
		r.recall(ctx)
	case plan.Create:
		r.create(ctx)
	case plan.Apply:
		return r.apply(ctx)
	case plan.Verify:
		r.verify(ctx)
	case plan.Disable:
		r.disable(ctx, s.ID)
	case plan.DeleteRegistration:
		r.deleteRegistration(ctx, s.ID)
	case plan.DeleteOld:
		r.deleteRegistration(ctx, r.observed.Ledger.Old.ID)
	default:
		return fmt.Errorf("no case for the step %T", step)
	}
	return nil
}

// nextPublished says whether the ledger's Next was ever published.
func (r *run) nextPublished() bool {
	next := r.observed.Ledger.Next
	return next != nil && r.observed.Published(next.ID)
}

// stageHeld begins a ledger with the credential that is published. Stagings are counted on from those that it was published with, so that
// no revision is given twice; and what was proven before the change that comes now is proven again after it.
func (r *run) stageHeld(ctx context.Context) error {
	rec, held := r.observed.Ledger, *r.observed.Output.Held
	held.Credential.ClientID = r.desired.Key.ClientID // the object is in the hands of the application's team
	rec.Staged, r.observed.Verified = held.Staged, ""
	return r.save(ctx, rec.Stage(r.desired.Target, &held.Credential, false, held.IssuedAt))
}

// drawn draws a credential of the kind that is asked for; nil where none is to be drawn.
func (r *run) drawn(draw bool) *ledger.Credential {
	if !draw {
		return nil
	}
	c := &ledger.Credential{ID: r.NewID()}
	c.ClientID = r.desired.Key.ClientID
	if r.desired.Confidential() {
		c.Secret = r.Draw()
	}
	return c
}
