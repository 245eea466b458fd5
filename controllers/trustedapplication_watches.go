package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"trustedapps.dev/operator/api/v1alpha1"
)

// The pauses between attempts, whether the server or Kubernetes keeps an application from going on: an attempt may call both.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Minute
)

// requests are the annotations by which people ask for something.
var requests = []string{v1alpha1.RotateAnnotation, v1alpha1.RevokeAnnotation, v1alpha1.PausedAnnotation, v1alpha1.AbandonAnnotation}

// SetupWithManager watches applications and their servers; what was published for them is watched by namespaces.
func (r *TrustedApplicationReconciler) SetupWithManager(mgr ctrl.Manager) (controller.Controller, error) {
	r.backoff = workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstPause, longestPause)
	index := func(o client.Object) []string {
		app, ok := o.(*v1alpha1.TrustedApplication)
		if !ok {
			return nil
		}
		return []string{app.Spec.IdentityServerRef.Name}
	}
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.TrustedApplication{}, serverIndex, index); err != nil {
		return nil, fmt.Errorf("indexing applications by server: %w", err)
	}
	wake := handler.TypedFuncs[*v1alpha1.IdentityServer, reconcile.Request]{
		GenericFunc: func(ctx context.Context, e event.TypedGenericEvent[*v1alpha1.IdentityServer], q queue) {
			r.onServer(ctx, e.Object.Name, q)
		},
	}
	opened := handler.TypedFuncs[*corev1.Namespace, reconcile.Request]{
		GenericFunc: func(ctx context.Context, e event.TypedGenericEvent[*corev1.Namespace], q queue) {
			enqueue(q, r.inNamespace(ctx, e.Object.Name))
		},
	}
	appeared := handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { r.onServer(ctx, e.Object.GetName(), q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { r.onServer(ctx, e.ObjectNew.GetName(), q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { r.onServer(ctx, e.Object.GetName(), q) },
	}
	goOn := &handler.TypedEnqueueRequestForObject[*v1alpha1.TrustedApplication]{}
	return ctrl.NewControllerManagedBy(mgr).
		Named("trustedapplication").
		For(&v1alpha1.TrustedApplication{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, lostFinalizer, annotated(requests...)))).
		Watches(&v1alpha1.IdentityServer{}, appeared, builder.WithPredicates(predicate.Funcs{
			// The pool tells of changes, after they were probed; of a server that moves between shards the applications are told by both.
			UpdateFunc: moved(r.Shard).Update,
		})).
		Watches(&v1alpha1.TrustedApplication{}, handler.EnqueueRequestsFromMapFunc(r.denied), builder.WithPredicates(onlyDeletions)).
		WatchesMetadata(&corev1.Namespace{}, handler.Funcs{
			UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
				enqueue(q, r.inNamespace(ctx, e.ObjectNew.GetName()))
			},
		}, builder.WithPredicates(relabelled)).
		WatchesRawSource(source.Channel(r.Changed, wake)).
		WatchesRawSource(source.Channel(r.Opened, opened)).
		WatchesRawSource(source.Channel(r.Parked, goOn)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstPause, longestPause),
		}).
		WithLogConstructor(applicationLog(mgr.GetLogger())).
		Build(r)
}

// lostFinalizer sees that somebody took our finalizer from an application, which would end without its registration.
var lostFinalizer = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false }, DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return controllerutil.ContainsFinalizer(e.ObjectOld, v1alpha1.Finalizer) && !controllerutil.ContainsFinalizer(e.ObjectNew, v1alpha1.Finalizer)
	},
}

// inNamespace finds the applications of the shard in a namespace; in all where it is "".
func (r *TrustedApplicationReconciler) inNamespace(ctx context.Context, namespace string) []v1alpha1.TrustedApplication {
	here, err := r.here(ctx)
	var list v1alpha1.TrustedApplicationList
	if err == nil {
		err = r.Client.List(ctx, &list, client.InNamespace(namespace), client.DisableReadYourWritesConsistency)
	}
	if err != nil {
		log.FromContext(ctx).Error(err, "listing the applications of a namespace", "namespace", namespace)
		return nil
	}
	return slices.DeleteFunc(list.Items, func(app v1alpha1.TrustedApplication) bool { return !here(app.Spec.IdentityServerRef.Name) })
}

// onServer queues the applications of a server.
func (r *TrustedApplicationReconciler) onServer(ctx context.Context, server string, q queue) {
	var list v1alpha1.TrustedApplicationList
	if err := r.Client.List(ctx, &list, client.MatchingFields{serverIndex: server}, client.DisableReadYourWritesConsistency); err != nil {
		log.FromContext(ctx).Error(err, "listing the applications of a server", "server", server)
		return
	}
	for i := range list.Items {
		r.backoff.Forget(client.ObjectKeyFromObject(&list.Items[i]))
	}
	enqueue(q, list.Items)
}

// annotated sees that a person asked for something by one of the annotations, or took it back.
func annotated(keys ...string) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false }, DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			for _, key := range keys {
				was, had := e.ObjectOld.GetAnnotations()[key]
				is, has := e.ObjectNew.GetAnnotations()[key]
				if was != is || had != has {
					return true
				}
			}
			return false
		},
	}
}
