package controllers

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"trustedapps.dev/operator/api/v1alpha1"
)

// finalizer is that of one TrustedApplication.
type finalizer struct {
	client client.Client
	live   client.Reader
	app    *v1alpha1.TrustedApplication
}

// Present says whether it is there.
func (f *finalizer) Present() bool {
	return controllerutil.ContainsFinalizer(f.app, v1alpha1.Finalizer)
}

// untouched says whether nothing was ever done for the application, as far as it tells: it neither is held by the finalizer nor has a status.
func (f *finalizer) untouched() bool {
	return !f.Present() && f.app.DeletionTimestamp.IsZero() && neverSeen(f.app.Status)
}

// neverSeen says whether a status was never written. The API server's default for one is -1.
func neverSeen(s v1alpha1.TrustedApplicationStatus) bool { return s.ObservedGeneration <= 0 }

// Add puts it there. It fails where the application changed meanwhile, so that nothing begins on an old view of it.
func (f *finalizer) Add(ctx context.Context) error {
	patch := client.MergeFromWithOptions(f.app.DeepCopy(), client.MergeFromWithOptimisticLock{})
	controllerutil.AddFinalizer(f.app, v1alpha1.Finalizer)
	if err := f.client.Patch(ctx, f.app, patch); err != nil {
		return fmt.Errorf("adding the finalizer: %w", err)
	}
	return nil
}

// Remove lets the application go.
func (f *finalizer) Remove(ctx context.Context) error {
	patch := client.MergeFromWithOptions(f.app.DeepCopy(), client.MergeFromWithOptimisticLock{})
	controllerutil.RemoveFinalizer(f.app, v1alpha1.Finalizer)
	if err := client.IgnoreNotFound(f.client.Patch(ctx, f.app, patch)); err != nil {
		return fmt.Errorf("removing the finalizer: %w", err)
	}
	return nil
}

// confirm proves that the application still is as we saw it. A cache may lag: without this, one that was deleted a moment ago
// could be registered once more, with nobody left to clean up. A finalizer that was just added proves nothing either: an API server that
// had read the application for a deletion before deletes it all the same.
func (f *finalizer) confirm(ctx context.Context) error {
	var now v1alpha1.TrustedApplication
	err := f.live.Get(ctx, client.ObjectKeyFromObject(f.app), &now)
	if err == nil && now.UID == f.app.UID && now.Generation == f.app.Generation && controllerutil.ContainsFinalizer(&now, v1alpha1.Finalizer) {
		return nil
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading the application again: %w", err)
	}
	return apierrors.NewConflict(v1alpha1.GroupVersion.WithResource("trustedapplications").GroupResource(), f.app.Name,
		errors.New("it was changed or deleted meanwhile"))
}
