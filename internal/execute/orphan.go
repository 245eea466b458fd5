package execute

import (
	"context"
	"errors"

	"trustedapps.dev/operator/internal/idserver"
)

// EndOrphan ends a registration that belongs to nobody: it is deleted, or, where that is not wanted or the server refuses it because something
// refers to it, disabled. deleted says which.
func EndOrphan(ctx context.Context, server idserver.Server, orphan idserver.Reply, wantDeleted bool) (deleted bool, err error) {
	if wantDeleted {
		err := server.Delete(ctx, orphan.Credential)
		if !errors.Is(err, idserver.ErrRejected) || idserver.ReasonOf(err) != idserver.ReasonReferenced {
			return err == nil, err
		}
	}
	disabled := orphan.Registration
	disabled.Enabled = false
	_, err = server.Update(ctx, orphan, disabled, "")
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
