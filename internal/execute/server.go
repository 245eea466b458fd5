package execute

import (
	"context"
	"errors"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

func (r *run) serverIssued() bool {
	return r.desired.Capabilities.SecretOrigin == idserver.ServerIssued
}

func (r *run) lookup(ctx context.Context) {
	reply, err := r.Server.Find(ctx, r.desired.Key, idserver.Credential{ClientID: r.desired.Key.ClientID})
	switch {
	case errors.Is(err, idserver.ErrNotFound):
		r.observed.Looked, r.observed.Server = true, nil
	case err != nil:
		r.failure(err)
	default:
		r.observed.Looked, r.observed.Server = true, &reply
	}
}

func (r *run) create(ctx context.Context) {
	o := &r.observed
	var secret idserver.Secret
	if !r.serverIssued() {
		secret = o.Ledger.Newest().Secret
	}
	reply, err := r.Server.Create(ctx, r.desired.Key, r.desired.Want, secret)
	if err != nil {
		o.IntentVoid = certain(err)
		r.failure(err)
		return
	}
	o.Server, o.Applied, o.Absent = &reply, true, false
	r.warnings = reply.Warnings
	if r.serverIssued() {
		rec := o.Ledger.Answer(ledger.Credential{ID: r.NewID(), Credential: reply.Credential}, r.Now())
		o.Unsaved = &rec
	}
}

// apply returns only errors of Kubernetes.
func (r *run) apply(ctx context.Context) error {
	if err := r.fence(ctx); err != nil {
		return err
	}
	o := &r.observed
	newest := o.Ledger.Newest()
	have, secret := r.have(newest.ID), newest.Secret
	if r.serverIssued() {
		secret = ""
	}
	reply, err := r.Server.Update(ctx, have, r.desired.Want, secret)
	switch {
	case errors.Is(err, idserver.ErrNotFound):
		o.Server, o.Absent = nil, true
	case err != nil:
		r.failure(err)
	default:
		o.Server, o.Applied = &reply, true
		r.warnings = reply.Warnings
		r.keep(newest.ID, reply)
	}
	return nil
}

// have is the registration to change as far as it is known: that of a credential, or the one that was looked up.
func (r *run) have(id string) idserver.Reply {
	if r.serverIssued() {
		return idserver.Reply{Credential: r.credential(id), Owner: r.desired.Key.Owner}
	}
	return *r.observed.Server
}

// keep makes the plan save what an answer about a credential brought anew, where answers can do that.
func (r *run) keep(id string, reply idserver.Reply) {
	if !r.serverIssued() {
		return
	}
	if rec, changed := r.observed.Ledger.Replace(id, reply.Credential, r.NewID); changed {
		r.observed.Unsaved = &rec
	}
}

func (r *run) verify(ctx context.Context) {
	newest := r.observed.Ledger.Newest()
	verdict, err := r.Server.Verify(ctx, newest.Credential, r.desired.Want)
	switch {
	case err != nil:
		r.failure(err)
	case !verdict.OK:
		r.observed.Failure = plan.Refused(verdict)
	default:
		r.observed.Verified = newest.ID
	}
}

// recall tries the published credential on the registration as it is, whatever the spec asks for by now.
func (r *run) recall(ctx context.Context) {
	held := r.observed.Output.Held.Credential
	held.ClientID = r.desired.Key.ClientID
	verdict, err := r.Server.Verify(ctx, held.Credential, r.observed.Server.Registration)
	switch {
	case err != nil:
		r.failure(err)
	case !verdict.OK:
		r.observed.HeldRefused = true
	default:
		r.observed.Verified = held.ID
	}
}

func (r *run) disable(ctx context.Context, id string) {
	have, want := r.have(id), r.desired.Want
	if r.serverIssued() { // the spec may ask for another client type by now; changing that in place could issue a secret
		want.Public = have.Credential.Secret == ""
	} else { // what else the spec asks for does not matter any more, and must not be a reason to fail
		want = have.Registration
	}
	want.Enabled = false
	reply, err := r.Server.Update(ctx, have, want, "")
	switch {
	case errors.Is(err, idserver.ErrNotFound): // nothing is there to be disabled
	case err != nil:
		r.failure(err)
		return
	default:
		r.keep(id, reply)
	}
	r.observed.Disabled = append(r.observed.Disabled, id)
}

func (r *run) deleteRegistration(ctx context.Context, id string) {
	cred := r.credential(id)
	err := r.Server.Delete(ctx, cred)
	switch {
	case r.desired.Deleting && errors.Is(err, idserver.ErrRejected) && idserver.ReasonOf(err) == idserver.ReasonReferenced:
		r.observed.DeleteRefused = append(r.observed.DeleteRefused, id)
	case err != nil:
		r.failure(err)
	default:
		r.observed.Deleted = append(r.observed.Deleted, id)
	}
}

// credential finds a credential of the ledger, or of the registration that was looked up where id is empty.
func (r *run) credential(id string) idserver.Credential {
	for _, c := range r.observed.Ledger.Credentials() {
		if c.ID == id {
			return c.Credential
		}
	}
	return r.observed.Server.Credential
}
