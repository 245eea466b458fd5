package output

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/internal/ledger"
)

// ErrConflict is the error for a write that met an object which is not ours, or which changed since it was read. Nothing was
// written to it; begin again with Observe.
var ErrConflict = errors.New("somebody else wrote the object meanwhile")

// Publish makes the published objects as the record says. It writes nothing that is so already, and never to an object that is not
// ours.
func (o *Objects) Publish(ctx context.Context, rec ledger.Record) error {
	if err := o.publishable(rec); err != nil {
		return fmt.Errorf("publishing the credential: %w", err)
	}
	for _, s := range o.slots(rec) {
		if s.want == nil {
			continue
		}
		seen, err := o.look(ctx, s)
		if err != nil {
			return err
		}
		if seen.taken {
			return o.failing("writing", s.kind, s.name, fmt.Errorf("%w: it is not ours", ErrConflict))
		}
		if err := o.put(ctx, s, seen); err != nil {
			delete(o.known, s.kind)
			return err
		}
	}
	return nil
}

// publishable protects what is published from a record or a server that it cannot be rendered from.
func (o *Objects) publishable(rec ledger.Record) error {
	newest := rec.Newest()
	switch {
	case newest == nil:
		return errors.New("there is none")
	case (newest.Proof() == "") != o.app.Want.Public, (newest.Key != "") != o.app.Want.PrivateKey:
		return errors.New("it is not of the client type that is wanted")
	case o.server.Endpoints.Issuer == "":
		return errors.New("the endpoints of the server are not known")
	}
	return nil
}

// put writes the object in the place of what was seen there.
func (o *Objects) put(ctx context.Context, s slot, seen *sight) error {
	have := seen.have
	if have == nil {
		return o.create(ctx, s, seen)
	}
	if matches(have, s.want) {
		return nil
	}
	inherit(s.want, have)
	if unchangeable(have, s.want) {
		if err := o.delete(ctx, s.kind, have); err != nil {
			return err
		}
		return o.create(ctx, s, seen)
	}
	s.want.SetUID(have.GetUID())
	s.want.SetResourceVersion(have.GetResourceVersion())
	if err := o.store.Writer.Update(ctx, s.want); err != nil {
		return o.failing("writing", s.kind, s.name, conflict(err))
	}
	seen.have = s.want
	return nil
}

func (o *Objects) create(ctx context.Context, s slot, seen *sight) error {
	if err := o.store.Writer.Create(ctx, s.want); err != nil {
		return o.failing("creating", s.kind, s.name, conflict(err))
	}
	seen.have = s.want
	return nil
}

// Unpublish deletes the objects that are ours and not in their place any more; with all, also those in their place.
func (o *Objects) Unpublish(ctx context.Context, rec ledger.Record, all bool) error {
	for _, s := range o.slots(rec) {
		delete(o.known, s.kind)
		gone, err := o.stale(ctx, s)
		if err != nil {
			return err
		}
		if all && s.name != "" {
			found, err := o.metadata(ctx, s.kind, s.name)
			if err != nil {
				return err
			}
			if found != nil && ours(found, o.app.UID) {
				gone = append(gone, *found)
			}
		}
		for _, g := range gone {
			if err := o.delete(ctx, s.kind, &g); err != nil {
				return err
			}
		}
	}
	return nil
}

// delete deletes an object that was read as ours, and only if it still is what was read.
func (o *Objects) delete(ctx context.Context, kind string, read metav1.Object) error {
	var target metav1.PartialObjectMetadata
	target.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	target.SetNamespace(read.GetNamespace())
	target.SetName(read.GetName())
	uid, version := read.GetUID(), read.GetResourceVersion()
	err := o.store.Writer.Delete(ctx, &target, client.Preconditions{UID: &uid, ResourceVersion: &version})
	if client.IgnoreNotFound(err) != nil {
		return o.failing("deleting", kind, read.GetName(), conflict(err))
	}
	return nil
}

// conflict classifies an error of a write.
func conflict(err error) error {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}
