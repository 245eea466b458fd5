package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/fleet"
	"trustedapps.dev/operator/internal/output"
)

// TrustedApplicationSetReconciler makes, changes and deletes the TrustedApplications of sets. It is a user of the API like any other: what becomes
// of a TrustedApplication is not its business. Where a set asks for it, it gathers what they publish in one Secret.
type TrustedApplicationSetReconciler struct {
	Client   client.Client
	Recorder events.EventRecorder
	// Outputs writes combined Secrets, as the field manager v1alpha1.ManagedByValue.
	Outputs *output.Store
	// Published knows in which namespaces the operator may publish, and what is published there.
	Published *namespaces
	// Opened brings the namespaces of which it turned out whether they may be published in; "" is all of them.
	Opened <-chan event.TypedGenericEvent[*corev1.Namespace]

	refusals refusals
	combined combinations
}

// +kubebuilder:rbac:groups=trustedapps.dev,resources=trustedapplicationsets,verbs=list;watch
// +kubebuilder:rbac:groups=trustedapps.dev,resources=trustedapplicationsets/status,verbs=update
// +kubebuilder:rbac:groups=trustedapps.dev,resources=trustedapplicationsets/finalizers,verbs=update
// +kubebuilder:rbac:groups=trustedapps.dev,resources=trustedapplications,verbs=create;delete;patch

// Reconcile brings the TrustedApplications of one set as far as it goes now. Those of a set that is being deleted are the garbage collector's.
func (r *TrustedApplicationSetReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var set v1alpha1.TrustedApplicationSet
	if err := r.Client.Get(ctx, req.NamespacedName, &set); err != nil {
		if apierrors.IsNotFound(err) {
			r.refusals.forget(req.NamespacedName)
			r.combined.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !set.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	combined, later, failure := r.combine(ctx, &set)
	decision, err := r.roll(ctx, &set, combined)
	if err == nil {
		err = r.report(ctx, &set, decision.Status)
	}
	err = errors.Join(err, failure) // it holds up no roll-out
	if overtaken(err) || apierrors.IsAlreadyExists(err) {
		log.FromContext(ctx).V(1).Info("somebody else was faster, starting again", "cause", err.Error())
		return ctrl.Result{RequeueAfter: gathering}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: sooner(until(decision.Wake), r.refusals.next(req.NamespacedName, time.Now()), later)}, nil
}

// roll decides and does, until nothing more was refused. The last decision tells how the set is.
func (r *TrustedApplicationSetReconciler) roll(
	ctx context.Context, set *v1alpha1.TrustedApplicationSet, combined fleet.Combined,
) (fleet.Decision, error) {
	for {
		decision, err := r.decide(ctx, set, combined)
		if err != nil {
			return decision, err
		}
		refused, err := r.carryOut(ctx, set, decision)
		if err != nil || !refused {
			return decision, err
		}
	}
}

func (r *TrustedApplicationSetReconciler) decide(
	ctx context.Context, set *v1alpha1.TrustedApplicationSet, combined fleet.Combined,
) (fleet.Decision, error) {
	var servers v1alpha1.IdentityServerList
	if err := r.Client.List(ctx, &servers, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil { // only read
		return fleet.Decision{}, fmt.Errorf("listing IdentityServers: %w", err)
	}
	applications, err := r.applications(ctx, set)
	if err != nil {
		return fleet.Decision{}, err
	}
	now := time.Now()
	return fleet.Next(set, fleet.Observed{
		Servers: servers.Items, Applications: applications, Refused: r.refusals.of(client.ObjectKeyFromObject(set), now), Combined: combined,
	}, now), nil
}

// applications are those of the namespace of a set, to be read only.
func (r *TrustedApplicationSetReconciler) applications(ctx context.Context, set *v1alpha1.TrustedApplicationSet) ([]v1alpha1.TrustedApplication, error) {
	var list v1alpha1.TrustedApplicationList
	if err := r.Client.List(ctx, &list, client.InNamespace(set.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the applications of the namespace: %w", err)
	}
	return list.Items, nil
}

// carryOut does what was decided. refused says whether the API server said no to a part of it, which changes what there is to decide.
func (r *TrustedApplicationSetReconciler) carryOut(
	ctx context.Context, set *v1alpha1.TrustedApplicationSet, d fleet.Decision,
) (refused bool, err error) {
	key := client.ObjectKeyFromObject(set)
	for _, app := range d.Delete {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, app, client.Preconditions{UID: &app.UID})); err != nil {
			return false, fmt.Errorf("deleting the TrustedApplication %s of a server that is not selected any more: %w", app.Name, err)
		}
		log.FromContext(ctx).Info("deleted the TrustedApplication of a server that is not selected any more", keyApp, app.Name)
	}
	for _, app := range d.Create {
		want := app.DeepCopy()
		err := r.Client.Create(ctx, app)
		if r.refusals.note(key, want, err, time.Now()) {
			refused = true
			continue
		}
		if err != nil {
			return refused, fmt.Errorf("creating the TrustedApplication %s: %w", app.Name, err)
		}
		log.FromContext(ctx).Info("made the TrustedApplication of a server", keyApp, app.Name, keyServer, app.Spec.IdentityServerRef.Name)
	}
	for _, change := range d.Update {
		want := change.To.DeepCopy()
		err := r.Client.Patch(ctx, change.To, client.MergeFromWithOptions(change.From, client.MergeFromWithOptimisticLock{}))
		if r.refusals.note(key, want, err, time.Now()) {
			refused = true
			continue
		}
		if err != nil {
			return refused, fmt.Errorf("changing the TrustedApplication %s: %w", want.Name, err)
		}
		log.FromContext(ctx).Info("changed the TrustedApplication of a server", keyApp, want.Name, keyServer, want.Spec.IdentityServerRef.Name)
	}
	return refused, nil
}

// report writes the status if it changed, with an event where readiness did: but for a set that was just made, which is under way.
func (r *TrustedApplicationSetReconciler) report(
	ctx context.Context, set *v1alpha1.TrustedApplicationSet, next v1alpha1.TrustedApplicationSetStatus,
) error {
	former := set.Status
	if equality.Semantic.DeepEqual(former, next) {
		return nil
	}
	set.Status = next
	if err := r.Client.Status().Update(ctx, set); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	if len(former.Conditions) > 0 {
		announceReadiness(ctx, r.Recorder, set, former.Conditions, next.Conditions)
	}
	return nil
}

// says is what a refusal says to people.
func says(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Message != "" {
		return "the API server refused it: " + status.Status().Message
	}
	return "the API server refused it: " + err.Error()
}
