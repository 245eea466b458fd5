package execute

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

func (r *run) serverIssued() bool {
	return r.desired.Capabilities.SecretOrigin == idserver.ServerIssued
}

// key is that of one of the application's registrations.
func (r *run) key(clientID string) idserver.Key {
	return idserver.Key{ClientID: clientID, Owner: r.desired.Key.Owner}
}

// lookup returns only errors of Kubernetes.
func (r *run) lookup(ctx context.Context, id string) error {
	reply, err := r.Server.Find(ctx, r.key(id), idserver.Credential{ClientID: id})
	switch {
	case errors.Is(err, idserver.ErrNotFound):
		r.observed.Found[id] = nil
	case err != nil:
		r.failure(err)
	default:
		r.observed.Found[id] = &reply
		return r.trace(ctx, reply.Owner)
	}
	return nil
}

// trace finds out about the owner of a registration that is not ours what the cluster knows.
func (r *run) trace(ctx context.Context, owner idserver.Mark) error {
	mine := r.desired.Key.Owner
	if owner == (idserver.Mark{}) || owner == mine {
		return nil
	}
	if owner.Namespace == mine.Namespace && owner.Name == mine.Name {
		left, exists, err := r.Ledger.Former(ctx, types.UID(owner.UID))
		if exists && err == nil && len(left.Credentials()) > 0 {
			r.observed.Left = &left
		}
		return err
	}
	var err error
	if owner.Cluster == mine.Cluster {
		r.observed.OwnerLives, err = r.Lives(ctx, owner)
	}
	return err
}

// claim returns only errors of Kubernetes.
func (r *run) claim(ctx context.Context, id string) error {
	if err := r.fence(ctx); err != nil {
		return err
	}
	reply, err := r.Server.Claim(ctx, *r.observed.Found[id], r.desired.Key.Owner)
	switch {
	case errors.Is(err, idserver.ErrNotFound):
		r.observed.Found[id] = nil
	case err != nil:
		r.failure(err)
	default:
		r.observed.Found[id] = &reply
	}
	return nil
}

// create returns only errors of Kubernetes.
func (r *run) create(ctx context.Context) error {
	if err := r.fence(ctx); err != nil {
		return err
	}
	o := &r.observed
	drift := o.Drift(r.desired)
	var drawn ledger.Credential
	key, want := r.desired.Key, r.desired.Want
	switch {
	case !r.serverIssued():
		drawn = *o.Ledger.Newest()
		key, want = r.key(drawn.ClientID), o.Want(r.desired)
	case want.PrivateKey:
		var err error
		if drawn.Key, drawn.PublicKey, err = r.DrawKey(r.desired.KeyAlgorithm); err != nil {
			return err
		}
		want.Keys = []string{drawn.PublicKey}
	}
	reply, err := r.Server.Create(ctx, key, want, drawn.Secret)
	switch {
	case r.presumed && idserver.ReasonOf(err) == idserver.ReasonTaken:
		return r.mistaken(ctx, key.ClientID)
	case err != nil:
		o.IntentVoid = certain(err)
		r.failure(err)
		return nil
	}
	o.Found[key.ClientID], o.Applied, o.Absent, o.Repaired = &reply, true, false, drift
	r.warnings = reply.Warnings
	if r.serverIssued() {
		answered := ledger.Credential{ID: r.NewID(), Credential: reply.Credential}
		answered.Key, answered.PublicKey = drawn.Key, drawn.PublicKey
		rec := o.Ledger.Answer(answered, r.Now()).Answering(r.desired.Rotation.Asked)
		o.Unsaved = &rec
	}
	r.compare(want, reply)
	return nil
}

// mistaken looks up whose the registration is that has the client id which was taken to be free. Another leader may have made it out of our
// ledger; else the run goes back to where nothing was begun.
func (r *run) mistaken(ctx context.Context, id string) error {
	r.presumed = false
	delete(r.observed.Found, id)
	if err := r.lookup(ctx, id); err != nil || r.observed.Failure != nil {
		return err
	}
	if found := r.observed.Found[id]; found != nil && found.Owner == r.desired.Key.Owner {
		return nil
	}
	if err := r.Ledger.Delete(ctx); err != nil {
		return err
	}
	r.saved = false
	r.observed.Ledger, r.observed.LedgerExists = ledger.Record{}, false
	return r.look(ctx)
}

// apply returns only errors of Kubernetes.
func (r *run) apply(ctx context.Context) error {
	if err := r.fence(ctx); err != nil {
		return err
	}
	o := &r.observed
	newest, drift := o.Ledger.Newest(), o.Drift(r.desired)
	inspected := o.Inspected(r.desired)
	have, secret := r.have(newest.ClientID), newest.Secret
	if r.serverIssued() {
		have, secret = r.have(newest.ID), ""
	} else {
		have.Credential.Secret = o.Ledger.Kept()
	}
	reply, err := r.Server.Update(ctx, have, o.Want(r.desired), secret)
	switch {
	case errors.Is(err, idserver.ErrNotFound):
		o.Found[newest.ClientID], o.Absent = nil, true
	case errors.Is(err, idserver.ErrControlLost) && r.desired.Want.Enabled: // else another registration would not end this one
		o.Lost = append(o.Lost, newest.ID)
	case err != nil:
		r.failure(err)
	default:
		o.Found[newest.ClientID], o.Applied = &reply, true
		if inspected && len(drift) == 0 && reply.Version != have.Version { // nothing else was told
			drift = []string{"secret"}
		}
		o.Repaired = drift
		r.warnings = reply.Warnings
		r.keep(newest.ID, reply)
		r.compare(o.Want(r.desired), reply)
	}
	return nil
}

// have is the registration to change as far as it is known: that of the credential with the ID where the server issues secrets, else that
// of the client id, which was looked up.
func (r *run) have(id string) idserver.Reply {
	if !r.serverIssued() {
		return *r.observed.Found[id]
	}
	have := idserver.Reply{Owner: r.desired.Key.Owner}
	for _, c := range r.observed.Ledger.Credentials() {
		if c.ID == id {
			have.Credential = c.Credential
		}
	}
	return have
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

// compare makes the plan save what the server registered otherwise than it was told, where that is news: servers may change any value
// (RFC 7591 section 3.2.1).
func (r *run) compare(told idserver.Registration, reply idserver.Reply) {
	rec := r.observed.Ledger
	if r.observed.Unsaved != nil {
		rec = *r.observed.Unsaved
	}
	if rec, changed := rec.Altering(told.Diff(reply.Registration)); changed {
		r.observed.Unsaved = &rec
	}
}

func (r *run) verify(ctx context.Context) {
	newest := r.observed.Ledger.Newest()
	verdict, err := r.Server.Verify(ctx, newest.Credential, r.desired.Want)
	switch {
	case err != nil:
		r.failure(err)
	case !verdict.OK && !r.observed.Applied && r.observed.Proving(r.desired):
		r.observed.Refused, r.observed.Absent = true, verdict.Code == unknownClient
	case !verdict.OK:
		r.observed.Failure = plan.Refused(verdict)
	default:
		r.observed.Verified = newest.ID
	}
}

// unknownClient is the code for a client that the server does not know, or whose credential it does not know (RFC 6749 section 5.2).
const unknownClient = "invalid_client"

// recall tries the published credential on the registration as it is, whatever the spec asks for by now.
func (r *run) recall(ctx context.Context) {
	held := r.observed.Output.Held.Credential
	held.ClientID = r.observed.ClientID(r.desired)
	verdict, err := r.Server.Verify(ctx, held.Credential, r.observed.Server(r.desired).Registration)
	switch {
	case err != nil:
		r.failure(err)
	case !verdict.OK:
		r.observed.HeldRefused = true
	default:
		r.observed.Verified = held.ID
	}
}

// retire returns only errors of Kubernetes.
func (r *run) retire(ctx context.Context) error {
	if err := r.fence(ctx); err != nil {
		return err
	}
	newest, want := r.observed.Ledger.Newest(), r.desired.Want
	if want.PrivateKey {
		want.Keys = []string{newest.PublicKey}
	}
	have := r.have(newest.ClientID)
	have.Credential.Secret = "" // none is to be kept
	reply, err := r.Server.Update(ctx, have, want, newest.Secret)
	switch {
	case errors.Is(err, idserver.ErrNotFound):
		r.observed.Found[newest.ClientID] = nil
	case err != nil:
		r.failure(err)
	default:
		r.observed.Found[newest.ClientID], r.observed.Retired = &reply, true
	}
	return nil
}

// disable returns only errors of Kubernetes.
func (r *run) disable(ctx context.Context, id string) error {
	if !r.desired.Deleting { // a registration that rests may have its turn again by now
		if err := r.fence(ctx); err != nil {
			return err
		}
	}
	have, want := r.have(id), r.desired.Want
	if r.serverIssued() { // the spec may ask for another client type by now; changing that in place could issue a secret
		want.Public, want.PrivateKey = have.Credential.Proof() == "", have.Credential.Key != ""
		if want.PrivateKey {
			want.Keys = []string{have.Credential.PublicKey}
		}
	} else { // what else the spec asks for does not matter any more, and must not be a reason to fail
		want = have.Registration
	}
	want.Enabled = false
	reply, err := r.Server.Update(ctx, have, want, "")
	switch {
	case errors.Is(err, idserver.ErrNotFound): // nothing is there to be disabled
	case err != nil:
		r.failure(err)
		return nil
	default:
		r.keep(id, reply)
	}
	r.observed.Disabled = append(r.observed.Disabled, id)
	return nil
}

func (r *run) deleteRegistration(ctx context.Context, id string) {
	err := r.Server.Delete(ctx, r.have(id).Credential)
	switch {
	case !r.desired.Deleting && (errors.Is(err, idserver.ErrControlLost) || idserver.ReasonOf(err) == idserver.ReasonUnmanaged):
		r.observed.Lost = append(r.observed.Lost, id)
	case r.desired.Deleting && errors.Is(err, idserver.ErrRejected) && idserver.ReasonOf(err) == idserver.ReasonReferenced:
		r.observed.DeleteRefused = append(r.observed.DeleteRefused, id)
	case err != nil:
		r.failure(err)
	default:
		r.observed.Deleted = append(r.observed.Deleted, id)
	}
}
