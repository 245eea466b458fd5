package controllers

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/status"
)

// isPaused says whether somebody paused an object.
func isPaused(o client.Object) bool {
	return o.GetAnnotations()[v1alpha1.PausedAnnotation] == v1alpha1.PausedValue
}

const unpause = "; nothing is done for it until somebody removes that annotation"

// pausedBy says who keeps an application from being worked on; "" where nobody does.
func pausedBy(app *v1alpha1.TrustedApplication, entry connections.Entry) string {
	var by string
	switch {
	case isPaused(app):
		by = "paused by the annotation " + v1alpha1.PausedAnnotation + " on the TrustedApplication" + unpause
	case entry.Paused:
		by = "paused by the annotation " + v1alpha1.PausedAnnotation + " on the IdentityServer " + app.Spec.IdentityServerRef.Name + unpause
	default:
		return ""
	}
	if !app.DeletionTimestamp.IsZero() {
		by += "; it is being deleted, and waits"
	}
	return by
}

// tellPaused tells in the status that nothing is done. Nothing comes back to it before the annotation changes.
func (r *TrustedApplicationReconciler) tellPaused(ctx context.Context, app *v1alpha1.TrustedApplication, entry connections.Entry, by string) error {
	own := slices.Concat(desired.Warnings(app, entry), r.Uses.warnings(app))
	warnings := desired.MergeWarnings(own, nil, app.Status.Warnings, false)
	return r.writeStatus(ctx, app, status.PausedApplication(app, by, warnings, metav1.Now()))
}

// pause leaves a server alone: it is not even probed. Its applications learn it from the pool.
func (r *IdentityServerReconciler) pause(ctx context.Context, ids *v1alpha1.IdentityServer) error {
	r.backoff.Forget(ids.Name)
	message := "paused by the annotation " + v1alpha1.PausedAnnotation + unpause + ", nor for its TrustedApplications"
	if err := r.write(ctx, ids, status.PausedServer(ids, message, metav1.Now())); err != nil {
		return err
	}
	entry, _ := r.Pool.Get(ids.Name)
	entry.Paused = true
	r.Pool.Set(ids.Name, entry)
	return nil
}
