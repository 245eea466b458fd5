package controllers

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/shard"
)

// mine says whether an application is in this operator's shard, as its server is. Of a server that the cache does not know the API server is
// asked: it may just have been made for another shard, and then it is not for this one to say that it is missing.
func (r *TrustedApplicationReconciler) mine(ctx context.Context, app *v1alpha1.TrustedApplication) (bool, error) {
	if r.Shard.Everything() {
		return true, nil
	}
	var ids v1alpha1.IdentityServer
	name := types.NamespacedName{Name: app.Spec.IdentityServerRef.Name}
	err := r.Client.Get(ctx, name, &ids, client.DisableReadYourWritesConsistency) // the operator writes no labels
	if apierrors.IsNotFound(err) {
		err = r.Live.Get(ctx, name, &ids)
	}
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("reading the labels of the IdentityServer %s: %w", name.Name, err)
	}
	return r.Shard.Has(ids.Labels), nil
}

// here says of the names of servers whether they are in the shard, as far as the cache knows.
func (r *TrustedApplicationReconciler) here(ctx context.Context) (func(server string) bool, error) {
	if r.Shard.Everything() {
		return r.Shard.Among(nil), nil
	}
	var list v1alpha1.IdentityServerList
	if err := r.Client.List(ctx, &list, client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil { // only read
		return nil, fmt.Errorf("listing IdentityServers: %w", err)
	}
	return r.Shard.Among(list.Items), nil
}

// moved sees that other labels took a server into the shard, or out of it.
func moved(s shard.Shard) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false }, DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool { return s.Moved(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels()) },
	}
}
