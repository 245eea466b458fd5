package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
	"trustedapps.dev/operator/internal/status"
)

// report tells in the status how a run ended.
func (r *TrustedApplicationReconciler) report(
	ctx context.Context, app *v1alpha1.TrustedApplication, entry connections.Entry, d plan.Desired, result execute.Result,
) error {
	told := result.Observed.Applied
	own := slices.Concat(desired.Warnings(app, entry, result.Observed.RestartProblems...), r.Uses.warnings(app))
	warnings := desired.MergeWarnings(own, result.Warnings, app.Status.Warnings, told)
	declared := app.Status.Orphans
	next := status.Application(app, d, result.End, result.Observed, warnings, metav1.Now())
	next.UsedBy = r.Uses.usedBy(app, next.Binding)
	if err := r.writeStatus(ctx, app, next); err != nil {
		return err
	}
	if !slices.Equal(declared, app.Status.Orphans) {
		r.Pool.Changed(app.Spec.IdentityServerRef.Name) // it names them, too
	}
	return nil
}

// writeStatus writes the status if it changed, with an event where readiness did: but for an application that becomes Ready at once, of which
// the event says that it was registered.
func (r *TrustedApplicationReconciler) writeStatus(ctx context.Context, app *v1alpha1.TrustedApplication, next v1alpha1.TrustedApplicationStatus) error {
	former := app.Status
	if equality.Semantic.DeepEqual(former, next) {
		return nil
	}
	app.Status = next
	if err := r.Client.Status().Update(ctx, app); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	if atOnce := neverSeen(former) && meta.IsStatusConditionTrue(next.Conditions, v1alpha1.ConditionReady); !atOnce {
		announceReadiness(ctx, r.Recorder, app, former.Conditions, next.Conditions)
	}
	return nil
}

// notPermitted tells in the status that the namespace is closed to the operator. It is woken when that changes.
func (r *TrustedApplicationReconciler) notPermitted(ctx context.Context, app *v1alpha1.TrustedApplication, d plan.Desired, remedy string) error {
	former, end := app.Status, plan.Wait{Reason: v1alpha1.ReasonNamespaceNotPermitted, Message: remedy}
	next := status.Application(app, d, end, plan.Observed{}, former.Warnings, metav1.Now())
	next.Binding, next.ConfigMapName, next.Orphans = former.Binding, former.ConfigMapName, former.Orphans // nothing was looked at
	return r.writeStatus(ctx, app, next)
}

// failed tells in the status of an error that stays until somebody does something, and returns it for a retry.
func (r *TrustedApplicationReconciler) failed(
	ctx context.Context, app *v1alpha1.TrustedApplication, d plan.Desired, result execute.Result, cause error,
) error {
	if !apierrors.IsForbidden(cause) && !apierrors.IsInvalid(cause) && !errors.Is(cause, ledger.ErrCorrupt) {
		return cause // passes by itself; a status for it would be a write for each attempt
	}
	if apierrors.IsForbidden(cause) {
		r.Published.Forbidden(ctx, app.Namespace)
		if permitted, remedy, _ := r.Published.Permitted(app.Namespace); !permitted {
			return r.notPermitted(ctx, app, d, remedy)
		}
	}
	end := plan.Wait{Reason: v1alpha1.ReasonWriteFailed, Message: cause.Error()}
	err := r.writeStatus(ctx, app, status.Application(app, d, end, result.Observed, app.Status.Warnings, metav1.Now()))
	if overtaken(err) {
		return cause // it is told at the next attempt
	}
	return errors.Join(cause, err)
}
