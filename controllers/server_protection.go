package controllers

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/shard"
)

// The pauses give the cache the time to see what somebody else wrote. A server without the finalizer is not protected yet, so the first is short;
// a watch that is held up for long is not waited for by asking ever again.
const firstConflictPause, longestConflictPause = 20 * time.Millisecond, 10 * time.Second

// ServerProtection keeps an IdentityServer that is deleted until no TrustedApplication names it any more. Whoever deletes both at once,
// as GitOps tools do, would otherwise leave applications whose registrations nobody can end. Without applications it keeps nothing, so
// that an unused server goes at once, also when the operator is gone.
type ServerProtection struct {
	client  client.Client
	shard   shard.Shard
	backoff workqueue.TypedRateLimiter[string]
}

// NewServerProtection makes one of the servers of a shard, with the manager's client.
func NewServerProtection(c client.Client, s shard.Shard) *ServerProtection {
	return &ServerProtection{
		client: c, shard: s, backoff: workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstConflictPause, longestConflictPause),
	}
}

// +kubebuilder:rbac:groups=trustedapps.dev,resources=identityservers,verbs=get;list;watch;patch

// Reconcile puts the finalizer on a server that is named by an application, and takes it off when none is left.
func (p *ServerProtection) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var ids v1alpha1.IdentityServer
	if err := p.client.Get(ctx, req.NamespacedName, &ids); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if isPaused(&ids) || !p.shard.Has(ids.Labels) {
		return ctrl.Result{}, nil
	}
	used, err := p.used(ctx, ids.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	patch := client.MergeFromWithOptions(ids.DeepCopy(), client.MergeFromWithOptimisticLock{})
	changed := false
	switch {
	case !used:
		changed = controllerutil.RemoveFinalizer(&ids, v1alpha1.ServerFinalizer)
	case ids.DeletionTimestamp.IsZero(): // later Kubernetes takes no new finalizer
		changed = controllerutil.AddFinalizer(&ids, v1alpha1.ServerFinalizer)
	}
	if !changed {
		return ctrl.Result{}, nil
	}
	err = client.IgnoreNotFound(p.client.Patch(ctx, &ids, patch))
	if apierrors.IsConflict(err) { // a probe ended meanwhile and wrote the status: nothing is wrong
		return ctrl.Result{RequeueAfter: p.backoff.When(ids.Name)}, nil
	}
	p.backoff.Forget(ids.Name)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("writing the finalizer of the IdentityServer: %w", err)
	}
	return ctrl.Result{}, nil
}

// used says whether an application names the server.
func (p *ServerProtection) used(ctx context.Context, server string) (bool, error) {
	var list v1alpha1.TrustedApplicationList
	err := p.client.List(ctx, &list, client.MatchingFields{serverIndex: server}, client.Limit(1), client.DisableReadYourWritesConsistency)
	if err != nil {
		return false, fmt.Errorf("listing the applications of the server: %w", err)
	}
	return len(list.Items) > 0, nil
}

// applications sees applications come and go, where that may change something.
func (p *ServerProtection) applications() handler.Funcs {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if request, ok := named(e.Object); ok && !p.kept(ctx, request.Name) {
				q.Add(request)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			if request, ok := named(e.Object); ok {
				q.Add(request)
			}
		},
	}
}

// kept says whether a server has the finalizer already: one more application changes nothing then, and to look at all of them for each new one
// would cost more than the rest of its run.
func (p *ServerProtection) kept(ctx context.Context, server string) bool {
	var ids v1alpha1.IdentityServer
	err := p.client.Get(ctx, client.ObjectKey{Name: server}, &ids, client.DisableReadYourWritesConsistency)
	return err == nil && controllerutil.ContainsFinalizer(&ids, v1alpha1.ServerFinalizer)
}

// named is the server that an application names.
func named(o client.Object) (request reconcile.Request, ok bool) {
	app, ok := o.(*v1alpha1.TrustedApplication)
	if ok {
		request.Name = app.Spec.IdentityServerRef.Name
	}
	return request, ok
}

// SetupWithManager watches servers, and the coming and going of applications. An application never changes its server.
func (p *ServerProtection) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("serverprotection").
		For(&v1alpha1.IdentityServer{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, annotated(v1alpha1.PausedAnnotation), moved(p.shard), lost(v1alpha1.ServerFinalizer)))).
		Watches(&v1alpha1.TrustedApplication{}, p.applications()).
		WithLogConstructor(serverLog(mgr.GetLogger(), "serverprotection")).
		Complete(p)
}
