package controllers

import (
	"context"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"trustedapps.dev/operator/api/v1alpha1"
)

// gathering is the time in which events of applications and servers are gathered before their set is looked at: each look may write the status, and
// a hundred applications that become Ready within a second are one piece of news.
const gathering = 200 * time.Millisecond

// maxSets is the number of sets that are worked on at the same time.
const maxSets = 4

// SetupWithManager watches sets, their applications, and what servers are selected and rendered by. What is published is watched by namespaces.
func (r *TrustedApplicationSetReconciler) SetupWithManager(mgr ctrl.Manager) (controller.Controller, error) {
	opened := handler.TypedFuncs[*corev1.Namespace, reconcile.Request]{
		GenericFunc: func(ctx context.Context, e event.TypedGenericEvent[*corev1.Namespace], q queue) {
			for _, set := range r.inNamespace(ctx, e.Object.Name) {
				q.Add(set)
			}
		},
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("trustedapplicationset").
		For(&v1alpha1.TrustedApplicationSet{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.TrustedApplication{}, gathered(r.onApplication)).
		Watches(&v1alpha1.IdentityServer{}, gathered(r.onServer), builder.WithPredicates(described)).
		WatchesRawSource(source.Channel(r.Opened, opened)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: maxSets,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstPause, longestPause),
		}).
		WithLogConstructor(setLog(mgr.GetLogger())).
		Build(r)
}

// described sees that a server came, went, or got other labels or annotations.
var described = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return !maps.Equal(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels()) ||
			!maps.Equal(e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()) ||
			e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
	},
}

// gathered maps events to sets, which are looked at a little later.
func gathered[T client.Object](to handler.TypedMapFunc[T, reconcile.Request]) handler.TypedEventHandler[T, reconcile.Request] {
	add := func(ctx context.Context, o T, q queue) {
		for _, request := range to(ctx, o) {
			q.AddAfter(request, gathering)
		}
	}
	return handler.TypedFuncs[T, reconcile.Request]{
		CreateFunc: func(ctx context.Context, e event.TypedCreateEvent[T], q queue) { add(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.TypedUpdateEvent[T], q queue) { add(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.TypedDeleteEvent[T], q queue) { add(ctx, e.Object, q) },
	}
}

// onApplication finds the sets that an application may be of, or stand in the way of: their names are how its own begins.
func (r *TrustedApplicationSetReconciler) onApplication(ctx context.Context, o client.Object) []reconcile.Request {
	return r.sets(ctx, func(set *v1alpha1.TrustedApplicationSet) bool {
		return strings.HasPrefix(o.GetName(), set.Name+"-")
	}, client.InNamespace(o.GetNamespace()))
}

// onSecret finds the sets that gather what is in a published Secret, or whose combined Secret it is.
func (r *TrustedApplicationSetReconciler) onSecret(ctx context.Context, secret *metav1.PartialObjectMetadata) []reconcile.Request {
	owner := metav1.GetControllerOfNoCopy(secret)
	if owner == nil {
		return nil
	}
	return r.sets(ctx, func(set *v1alpha1.TrustedApplicationSet) bool {
		return combines(set) && (owner.UID == set.UID || strings.HasPrefix(owner.Name, set.Name+"-"))
	}, client.InNamespace(secret.Namespace))
}

// inNamespace finds the sets that have, or ask for, a combined Secret in a namespace; in all where it is "".
func (r *TrustedApplicationSetReconciler) inNamespace(ctx context.Context, namespace string) []reconcile.Request {
	return r.sets(ctx, combines, client.InNamespace(namespace))
}

// onServer finds all sets: any may select the server, or did.
func (r *TrustedApplicationSetReconciler) onServer(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.sets(ctx, func(*v1alpha1.TrustedApplicationSet) bool { return true })
}

func (r *TrustedApplicationSetReconciler) sets(
	ctx context.Context, some func(*v1alpha1.TrustedApplicationSet) bool, among ...client.ListOption,
) []reconcile.Request {
	var list v1alpha1.TrustedApplicationSetList
	among = append(among, client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy) // only read
	if err := r.Client.List(ctx, &list, among...); err != nil {
		log.FromContext(ctx).Error(err, "listing TrustedApplicationSets")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if some(&list.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
