package execute

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
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
	case plan.Stage:
		return r.stage(ctx, s)
	case plan.Reserve:
		r.reserve()
		return nil
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
	case plan.Restart:
		id := rec.Newest().ID
		problems, err := r.Restart(ctx, id)
		o.RestartTried, o.RestartProblems = id, problems
		return err
	case plan.RecordAbandoned:
		o.Abandoned, o.Failure = true, nil // what failed does not matter any more
		return r.Abandon(ctx, plan.ClientIDs(r.desired, *o))
	case plan.RecordOrphans:
		o.OrphansRecorded = true
		return r.Abandon(ctx, rec.Orphans)
	case plan.DropFormer:
		o.FormerDropped = true
		return r.Ledger.DropFormer(ctx, types.UID(s.UID))
	case plan.DeleteLedger:
		o.LedgerExists = false
		return r.Ledger.Delete(ctx)
	}
	if changed, ok := r.changed(step); ok {
		if _, told := step.(plan.SaveReply); told {
			return r.insist(ctx, changed)
		}
		return r.save(ctx, changed)
	}
	return r.ask(ctx, step)
}

// changed is the ledger that a step saves; ok is false for a step that does something else.
func (r *run) changed(step plan.Step) (rec ledger.Record, ok bool) {
	o := &r.observed
	rec = o.Ledger
	switch s := step.(type) {
	case plan.SaveReply:
		rec = *o.Unsaved
		o.Unsaved, o.IntentMine = nil, false
	case plan.SaveIntent:
		o.IntentMine = true
		rec = rec.Begin(ledger.Intent{Name: r.desired.Want.DisplayName, Target: r.desired.Target}, r.nextPublished(), r.Now())
	case plan.ForgetIntent:
		rec = rec.Forget()
	case plan.NoteOrphan:
		rec = rec.DeclareOrphan()
	case plan.NoteLost:
		rec = rec.LoseOld()
	case plan.Inherit:
		rec = o.Left.Inherit(s.UID)
	case plan.ForgetFormer:
		rec = rec.ForgetFormer()
	case plan.Announce:
		next := ledger.Credential{ID: r.NewID()}
		next.ClientID, next.Secret = rec.Newest().ClientID, r.Draw()
		rec = rec.Announce(next, r.desired.Rotation.Asked.Rotate)
	case plan.NoteAnnounced:
		rec = rec.Announcing(r.Now())
	case plan.Park:
		rec = rec.Park()
	case plan.Promote:
		separate := r.serverIssued() || rec.Current.ClientID != rec.Next.ClientID
		overlap := rec.Current.Key != "" && rec.Next.Key != "" || rec.Overlaps
		rec = rec.Promote(separate || overlap && rec.Exposed == "", r.desired.Restart, r.Now())
	case plan.NoteRestarted:
		rec = rec.Restarted()
	case plan.ForgetOld:
		rec = rec.ForgetOld()
	default:
		return rec, false
	}
	return rec, true
}

// ask performs a step that calls the server.
func (r *run) ask(ctx context.Context, step plan.Step) error {
	switch s := step.(type) {
	case plan.Lookup:
		return r.lookup(ctx, s.ClientID)
	case plan.Claim:
		return r.claim(ctx, s.ClientID)
	case plan.Recall:
		r.recall(ctx)
	case plan.Create:
		return r.create(ctx)
	case plan.Apply:
		return r.apply(ctx)
	case plan.Verify:
		r.verify(ctx)
	case plan.Retire:
		return r.retire(ctx)
	case plan.Disable:
		return r.disable(ctx, s.ID)
	case plan.DeleteRegistration:
		r.deleteRegistration(ctx, s.ID)
	case plan.DeleteOld:
		r.deleteRegistration(ctx, r.observed.Ledger.Old.ID)
	default:
		return fmt.Errorf("no case for the step %T", step)
	}
	return nil
}

// overlapping says whether the next secret is to be valid beside the present one.
func (r *run) overlapping() bool {
	return r.desired.Rotation.Strategy == v1alpha1.RotationOverlap && r.desired.Capabilities.SecretSlots > 1
}

// nextPublished says whether the ledger's Next was ever published.
func (r *run) nextPublished() bool {
	next := r.observed.Ledger.Next
	return next != nil && r.observed.Published(next.ID)
}

// stage saves what the server is told next, and so has not been told in this run.
func (r *run) stage(ctx context.Context, s plan.Stage) error {
	rec, target, now := r.observed.Ledger, r.desired.Target, r.Now()
	r.observed.Applied = false
	switch {
	case s.Held:
		return r.stageHeld(ctx)
	case s.Announced:
		next := *rec.Announced
		next.ClientID = s.ClientID
		return r.save(ctx, rec.Stage(target, &next, r.nextPublished(), now).Overlapping(r.overlapping()))
	case s.Draw:
		drawn, err := r.drawn(s.ClientID)
		if err != nil {
			return err
		}
		return r.save(ctx, rec.Stage(target, drawn, r.nextPublished(), now).Answering(r.desired.Rotation.Asked).Overlapping(r.overlapping()))
	}
	return r.save(ctx, rec.Stage(target, nil, r.nextPublished(), now))
}

// stageHeld begins a ledger with the credential that is published. Stagings are counted on from those that it was published with, so that
// no revision is given twice; and what was proven before the change that comes now is proven again after it. What people asked for may have
// been done before the ledger was lost, and is not done twice.
func (r *run) stageHeld(ctx context.Context) error {
	rec, held, d := r.observed.Ledger, *r.observed.Output.Held, r.desired
	held.Credential.ClientID = r.observed.ClientID(d) // the object is in the hands of the application's team
	if held.IssuedAt.IsZero() {
		held.IssuedAt = r.Now()
	}
	rec.Staged, r.observed.Verified = held.Staged, ""
	rec = rec.Stage(d.Target, &held.Credential, false, held.IssuedAt)
	rec.Handled = d.Rotation.Asked
	if other := d.Other(held.Credential.ClientID); other != "" { // it may have been in use until now, and rests from now on
		rec.Old = &ledger.Credential{ID: r.NewID(), Credential: idserver.Credential{ClientID: other}}
	}
	return r.save(ctx, rec)
}

// reserve asks for the turn of a rotation.
func (r *run) reserve() {
	if r.Pace == nil {
		r.observed.Granted = true
		return
	}
	again, ok := r.Pace()
	if r.observed.Granted = ok; !ok {
		r.observed.Spaced = &again
	}
}

// drawn draws a credential of the kind that is asked for.
func (r *run) drawn(clientID string) (*ledger.Credential, error) {
	c := &ledger.Credential{ID: r.NewID()}
	c.ClientID = clientID
	var err error
	switch {
	case r.desired.Want.PrivateKey:
		c.Key, c.PublicKey, err = r.DrawKey(r.desired.KeyAlgorithm)
	case r.desired.Confidential():
		c.Secret = r.Draw()
	}
	return c, err
}
