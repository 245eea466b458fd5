package execute

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/inventory"
)

// Orphan is a registration with the mark of this cluster that belongs to no TrustedApplication.
type Orphan struct {
	idserver.Reply
	// Successor: a TrustedApplication of the same namespace and name exists, with another UID. The registration is left to it.
	Successor bool
}

// Orphans finds those in a list of registrations. known are the UIDs of applications that certainly exist; of all others exists is asked, past
// any cache, for the UID of the application of the name; "" is none.
func Orphans(
	found []idserver.Reply, known map[types.UID]bool, exists func(namespace, name string) (types.UID, error),
) ([]Orphan, error) {
	var orphans []Orphan
	for _, reply := range inventory.Unknown(found, known) {
		uid, err := exists(reply.Owner.Namespace, reply.Owner.Name)
		if err != nil {
			return nil, err
		}
		if string(uid) != reply.Owner.UID {
			orphans = append(orphans, Orphan{Reply: reply, Successor: uid != ""})
		}
	}
	return orphans, nil
}

// EndOrphan ends a registration that belongs to nobody: it is deleted, or, where that is not wanted or the server refuses it because something
// refers to it, disabled. deleted says which. It is looked at once more before: one that has another owner by now is ErrRejected with the
// reason ReasonConflict, and left alone.
func EndOrphan(ctx context.Context, server idserver.Server, orphan idserver.Reply, wantDeleted bool) (deleted bool, err error) {
	now, err := server.Find(ctx, idserver.Key{ClientID: orphan.Credential.ClientID, Owner: orphan.Owner}, orphan.Credential)
	switch {
	case errors.Is(err, idserver.ErrNotFound):
		return true, nil
	case err != nil:
		return false, err
	case now.Owner != orphan.Owner || now.Credential.Handle != orphan.Credential.Handle:
		return false, &idserver.Error{Class: idserver.ErrRejected, Op: "ending an orphan", Reason: idserver.ReasonConflict,
			Message: "somebody took the registration over meanwhile"}
	}
	if wantDeleted {
		err := server.Delete(ctx, now.Credential)
		if !errors.Is(err, idserver.ErrRejected) || idserver.ReasonOf(err) != idserver.ReasonReferenced {
			return err == nil, err
		}
	}
	disabled := now.Registration
	disabled.Enabled = false
	_, err = server.Update(ctx, now, disabled, "")
	if errors.Is(err, idserver.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// List takes the whole list of a cluster's registrations. A list that broke off is none.
func List(ctx context.Context, server idserver.Server, cluster string) ([]idserver.Reply, error) {
	var all []idserver.Reply
	for reply, err := range server.List(ctx, cluster) {
		if err != nil {
			return nil, err
		}
		all = append(all, reply)
	}
	return all, nil
}
