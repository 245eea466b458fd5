package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/output"
)

// errRefused is the error for a permission that the operator does not have.
var errRefused = errors.New("not allowed")

// syncTimeout bounds the first look into a namespace: a permission may go between the question and the look, and others wait.
const syncTimeout = 30 * time.Second

// try begins to watch a namespace, if that is allowed.
func (n *namespaces) try(ctx context.Context, namespace string) error {
	for _, resource := range []string{"secrets", "configmaps"} {
		if err := n.allowed(ctx, namespace, resource); err != nil {
			return err
		}
	}
	metadata, err := n.labelled(namespace, labels.SelectorFromSet(labels.Set{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue}))
	if err != nil {
		return err
	}
	kinds := []*metav1.PartialObjectMetadata{{}, {}}
	kinds[0].SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	kinds[1].SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	running, stop := context.WithCancel(ctx)
	watched := false
	defer func() {
		if !watched {
			stop()
		}
	}()
	if err := fill(running, metadata, kinds); err != nil {
		return err
	}
	if err := n.watchOffers(running, namespace); err != nil {
		return err
	}
	for _, kind := range kinds {
		owner := handler.TypedEnqueueRequestForOwner[*metav1.PartialObjectMetadata](n.manager.GetScheme(), n.manager.GetRESTMapper(),
			&v1alpha1.TrustedApplication{}, handler.OnlyControllerOwner())
		if err := n.watch(source.Kind(metadata, kind, owner)); err != nil {
			return fmt.Errorf("watching %ss: %w", kind.Kind, err)
		}
	}
	if n.sets != nil {
		if err := n.sets.watch(source.Kind(metadata, kinds[0], gathered(n.sets.to))); err != nil {
			return fmt.Errorf("watching Secrets for sets: %w", err)
		}
	}
	watched = true
	n.mu.Lock()
	if namespace == cache.AllNamespaces { // it sees what the others saw
		for former := range n.caches {
			n.unwatch(former)
		}
	}
	n.caches[namespace], n.refused[namespace] = stoppable{metadata, stop}, false
	n.mu.Unlock()
	n.changed(namespace)
	return nil
}

// labelled makes a cache of the metadata of the objects in a namespace that carry labels.
func (n *namespaces) labelled(namespace string, selector labels.Selector) (cache.Cache, error) {
	metadata, err := cache.New(n.manager.GetConfig(), cache.Options{
		HTTPClient: n.manager.GetHTTPClient(), Scheme: n.manager.GetScheme(), Mapper: n.manager.GetRESTMapper(),
		DefaultNamespaces: map[string]cache.Config{namespace: {}}, DefaultLabelSelector: selector,
		DefaultTransform: needed,
	})
	if err != nil {
		return nil, fmt.Errorf("making the cache: %w", err)
	}
	return metadata, nil
}

// needed leaves of metadata what somebody asks for: the owner, when its credential was made, and for whom a Secret is offered; of a combined Secret
// what it was made from, and who wrote it. A map for each object would be most of what is held.
func needed(object any) (any, error) {
	if o, err := meta.Accessor(object); err == nil {
		o.SetLabels(only(o.GetLabels(), v1alpha1.AdoptForLabel))
		if from := only(o.GetAnnotations(), v1alpha1.CombinedFromAnnotation); from != nil {
			o.SetAnnotations(from)
			o.SetManagedFields(output.Writers(o))
			return object, nil
		}
		o.SetManagedFields(nil)
		o.SetAnnotations(only(o.GetAnnotations(), v1alpha1.IssuedAtAnnotation))
	}
	return object, nil
}

// only is what of all is under a key; nil where nothing is.
func only(all map[string]string, key string) map[string]string {
	if value, ok := all[key]; ok {
		return map[string]string{key: value}
	}
	return nil
}

// watchOffers wakes applications for which a Secret is labelled: it offers the secret of a registration to adopt. It ends with ctx.
func (n *namespaces) watchOffers(ctx context.Context, namespace string) error {
	offered, err := labels.NewRequirement(v1alpha1.AdoptForLabel, selection.Exists, nil)
	if err != nil {
		return fmt.Errorf("selecting what is offered: %w", err)
	}
	offers, err := n.labelled(namespace, labels.NewSelector().Add(*offered))
	if err != nil {
		return err
	}
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := fill(ctx, offers, []*metav1.PartialObjectMetadata{secret}); err != nil {
		return err
	}
	application := handler.TypedEnqueueRequestsFromMapFunc(func(_ context.Context, s *metav1.PartialObjectMetadata) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: s.Namespace, Name: s.Labels[v1alpha1.AdoptForLabel]}}}
	})
	if err := n.watch(source.Kind(offers, secret, application)); err != nil {
		return fmt.Errorf("watching what is offered: %w", err)
	}
	return nil
}

// ownerOf is the UID of the application, or set, that something was published for.
func ownerOf(o client.Object) []string {
	if owner := metav1.GetControllerOf(o); owner != nil {
		return []string{string(owner.UID)}
	}
	return nil
}

// fill starts a cache and waits until it saw all objects of the kinds. The cache runs until ctx ends.
func fill(ctx context.Context, metadata cache.Cache, kinds []*metav1.PartialObjectMetadata) error {
	go func() {
		if err := metadata.Start(ctx); err != nil {
			log.FromContext(ctx).Error(err, "watching what is published")
		}
	}()
	patient, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	for _, kind := range kinds {
		if err := metadata.IndexField(patient, kind, ownerIndex, ownerOf); err != nil {
			return fmt.Errorf("filling the cache of %ss: %w", kind.Kind, err)
		}
	}
	if !metadata.WaitForCacheSync(patient) {
		return fmt.Errorf("filling the cache: %w", context.Cause(patient))
	}
	return nil
}

// allowed asks the API server whether the operator may do there what publishing takes.
func (n *namespaces) allowed(ctx context.Context, namespace, resource string) error {
	for _, verb := range []string{"watch", "list", "get", "create", "update", "delete"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Resource: resource},
		}}
		if err := n.live.Create(ctx, review); err != nil {
			return fmt.Errorf("asking for permissions: %w", err)
		}
		if !review.Status.Allowed {
			return fmt.Errorf("%s of %s: %w", verb, resource, errRefused)
		}
	}
	return nil
}
