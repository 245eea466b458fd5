package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/access"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/plan"
)

// granted holds what is desired against the grants of the server, where it is known.
func (r *TrustedApplicationReconciler) granted(
	ctx context.Context, app *v1alpha1.TrustedApplication, entry connections.Entry, known bool, d plan.Desired,
) (plan.Desired, error) {
	if !known || d.Deleting { // nothing that was granted once is needed for an end
		return d, nil
	}
	namespace, err := r.namespace(ctx, entry, app.Namespace)
	if err != nil {
		return d, err
	}
	counts, err := r.older(ctx, app, entry)
	if err != nil {
		return d, err
	}
	older := func(g v1alpha1.AccessGrant) int { return counts[g.Name] }
	by := access.Decide(app.Spec.IdentityServerRef.Name, entry.Access, access.Of(app, namespace, desired.Flow(app.Spec)), older)
	return desired.Granted(d, entry, by), nil
}

// namespace is one by name, with its labels where a grant selects by them.
func (r *TrustedApplicationReconciler) namespace(ctx context.Context, entry connections.Entry, name string) (access.Namespace, error) {
	n := access.Namespace{Name: name}
	if !selects(entry.Access) {
		return n, nil
	}
	found := anyNamespace()
	if err := r.Client.Get(ctx, types.NamespacedName{Name: name}, found); err != nil {
		return n, fmt.Errorf("reading the labels of the namespace %s: %w", name, err)
	}
	n.Labels = found.Labels
	return n, nil
}

func anyNamespace() *metav1.PartialObjectMetadata {
	n := &metav1.PartialObjectMetadata{}
	n.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return n
}

// selects says whether a grant selects namespaces by labels.
func selects(grants []v1alpha1.AccessGrant) bool {
	for _, g := range grants {
		if g.NamespaceSelector != nil {
			return true
		}
	}
	return false
}

// older counts, for each grant that limits them, the applications of the server in its namespaces that were made before this one. It looks at all of
// them, as they are in the cache: only that knows certainly who was first.
func (r *TrustedApplicationReconciler) older(
	ctx context.Context, app *v1alpha1.TrustedApplication, entry connections.Entry,
) (map[string]int, error) {
	counts := map[string]int{}
	var limited []v1alpha1.AccessGrant
	for _, g := range entry.Access {
		if g.MaxApplications != nil {
			limited = append(limited, g)
		}
	}
	if len(limited) == 0 {
		return counts, nil
	}
	var all v1alpha1.TrustedApplicationList
	if err := r.Client.List(ctx, &all, client.MatchingFields{serverIndex: app.Spec.IdentityServerRef.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("counting the applications of the server: %w", err)
	}
	for i := range all.Items {
		other := &all.Items[i]
		if !before(other, app) {
			continue
		}
		namespace, err := r.namespace(ctx, entry, other.Namespace)
		if err != nil {
			return nil, err
		}
		for _, g := range limited {
			if access.Concerns(g, namespace) {
				counts[g.Name]++
			}
		}
	}
	return counts, nil
}

// before says whether an application was made before another one; of two in the same second the name decides.
func before(a, b *v1alpha1.TrustedApplication) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Namespace+"/"+a.Name < b.Namespace+"/"+b.Name
}

// denied finds the applications at the server of one that is gone which no grant covers: a place may have come free for one.
func (r *TrustedApplicationReconciler) denied(ctx context.Context, gone client.Object) []reconcile.Request {
	app, ok := gone.(*v1alpha1.TrustedApplication)
	if !ok {
		return nil
	}
	var list v1alpha1.TrustedApplicationList
	at := client.MatchingFields{serverIndex: app.Spec.IdentityServerRef.Name}
	if err := r.Client.List(ctx, &list, at, client.DisableReadYourWritesConsistency); err != nil {
		log.FromContext(ctx).Error(err, "listing the applications of a server")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if c := meta.FindStatusCondition(list.Items[i].Status.Conditions, v1alpha1.ConditionReady); c != nil && c.Reason == v1alpha1.ReasonAccessDenied {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}

// onlyDeletions sees objects that are gone.
var onlyDeletions = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false }, UpdateFunc: func(event.UpdateEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// relabelled sees that the labels of a namespace changed.
var relabelled = predicate.And[client.Object](predicate.LabelChangedPredicate{}, predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false }, DeleteFunc: func(event.DeleteEvent) bool { return false },
})
