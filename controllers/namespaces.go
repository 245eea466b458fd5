package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"trustedapps.dev/operator/api/v1alpha1"
)

// permissionInterval is the time between two questions whether a namespace may be published in by now.
const permissionInterval = 10 * time.Second

// publisherRole is the ClusterRole that allows to publish in the namespaces in which it is bound.
const publisherRole = "trustedapp-operator-publisher"

// namespaces watches what is published, in each namespace as soon as the operator is allowed to. A namespace without permission
// holds nothing up but its own applications. It reads metadata only, and only of what this operator wrote.
type namespaces struct {
	manager manager.Manager
	// live asks for permissions.
	live client.Writer
	// wanted are the namespaces to publish in; the one "" is all of them.
	wanted []string
	// operator is the namespace of the operator itself, for the remedy.
	operator string
	// watch adds a source to the controller of applications.
	watch func(source.Source) error
	// changed is called when it turned out whether a namespace may be published in.
	changed func(ctx context.Context, namespace string)

	mu     sync.Mutex
	caches map[string]stoppable
	// refused are the namespaces that the API server was asked about and said no.
	refused map[string]bool
}

// stoppable is a cache that can be stopped.
type stoppable struct {
	cache.Cache
	stop context.CancelFunc
}

// Start implements manager.Runnable: it asks for every namespace that is not watched.
func (n *namespaces) Start(ctx context.Context) error {
	ticker := time.NewTicker(permissionInterval)
	defer ticker.Stop()
	for {
		for _, namespace := range n.wanted {
			if n.cacheOf(namespace) != nil {
				continue
			}
			if err := n.try(ctx, namespace); err != nil {
				if errors.Is(err, errRefused) { // anything else passes, and says nothing about the namespace
					n.refuse(ctx, namespace)
				}
				log.FromContext(ctx).V(1).Info("not watching yet", "namespace", namespace, "cause", err.Error())
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

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
	metadata, err := cache.New(n.manager.GetConfig(), cache.Options{
		HTTPClient: n.manager.GetHTTPClient(), Scheme: n.manager.GetScheme(), Mapper: n.manager.GetRESTMapper(),
		DefaultNamespaces:    map[string]cache.Config{namespace: {}},
		DefaultLabelSelector: labels.SelectorFromSet(labels.Set{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue}),
		DefaultTransform:     cache.TransformStripManagedFields(),
	})
	if err != nil {
		return fmt.Errorf("making the cache: %w", err)
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
	for _, kind := range kinds {
		owner := handler.TypedEnqueueRequestForOwner[*metav1.PartialObjectMetadata](n.manager.GetScheme(), n.manager.GetRESTMapper(),
			&v1alpha1.TrustedApplication{}, handler.OnlyControllerOwner())
		if err := n.watch(source.Kind(metadata, kind, owner)); err != nil {
			return fmt.Errorf("watching %ss: %w", kind.Kind, err)
		}
	}
	watched = true
	n.mu.Lock()
	n.caches[namespace] = stoppable{metadata, stop}
	n.mu.Unlock()
	n.changed(ctx, namespace)
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
		if _, err := metadata.GetInformer(patient, kind); err != nil {
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

// refuse notes that a namespace is closed, and tells its applications the first time.
func (n *namespaces) refuse(ctx context.Context, namespace string) {
	n.mu.Lock()
	known := n.refused[namespace]
	n.refused[namespace] = true
	n.mu.Unlock()
	if !known {
		n.changed(ctx, namespace)
	}
}

// cacheOf returns the cache that sees a namespace; nil where none does.
func (n *namespaces) cacheOf(namespace string) cache.Cache {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range []string{cache.AllNamespaces, namespace} {
		if c, ok := n.caches[name]; ok {
			return c.Cache
		}
	}
	return nil
}

// Forbidden is told of a request that the API server refused. It asks again what is allowed in the namespace, and if the permission was
// taken, watches it no more until it is given back.
func (n *namespaces) Forbidden(ctx context.Context, namespace string) {
	if slices.Contains(n.wanted, cache.AllNamespaces) {
		namespace = cache.AllNamespaces
	}
	for _, resource := range []string{"secrets", "configmaps"} {
		if errors.Is(n.allowed(ctx, namespace, resource), errRefused) {
			n.drop(namespace)
			return
		}
	}
}

func (n *namespaces) drop(namespace string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c, ok := n.caches[namespace]; ok {
		c.stop()
		delete(n.caches, namespace)
	}
	n.refused[namespace] = true
}

// Permitted says whether the operator publishes in a namespace, and if not, what to do about it. known is false until the API server
// was asked.
func (n *namespaces) Permitted(namespace string) (permitted bool, remedy string, known bool) {
	if n.cacheOf(namespace) != nil {
		return true, "", true
	}
	all, listed := slices.Contains(n.wanted, cache.AllNamespaces), slices.Contains(n.wanted, namespace)
	n.mu.Lock()
	known = !all && !listed || n.refused[namespace] || n.refused[cache.AllNamespaces]
	n.mu.Unlock()
	if !known {
		return false, "", false
	}
	how := "rolebinding " + publisherRole + " -n " + namespace
	if all {
		how = "clusterrolebinding " + publisherRole
	}
	bind := fmt.Sprintf("kubectl create %s --clusterrole=%s --serviceaccount=%s:trustedapp-operator", how, publisherRole, n.operator)
	if !all && !listed {
		bind = "add it to the operator's flag --namespaces, and " + bind
	}
	return false, fmt.Sprintf("the operator may not publish Secrets and ConfigMaps in the namespace %s; a cluster administrator can allow it: %s",
		namespace, bind), true
}

// Get implements client.Reader.
func (n *namespaces) Get(ctx context.Context, key types.NamespacedName, object client.Object, opts ...client.GetOption) error {
	c := n.cacheOf(key.Namespace)
	if c == nil {
		return fmt.Errorf("reading in the namespace %s: %w", key.Namespace, errNotWatched)
	}
	return c.Get(ctx, key, object, opts...)
}

// List implements client.Reader.
func (n *namespaces) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var options client.ListOptions
	c := n.cacheOf(options.ApplyOptions(opts).Namespace)
	if c == nil {
		return fmt.Errorf("listing in the namespace %s: %w", options.Namespace, errNotWatched)
	}
	return c.List(ctx, list, opts...)
}

// Secrets lists the metadata of the published Secrets that are watched. What it lists is shared with the caches, and must not be changed.
func (n *namespaces) Secrets(ctx context.Context) ([]metav1.PartialObjectMetadata, error) {
	n.mu.Lock()
	caches := slices.Collect(maps.Values(n.caches))
	n.mu.Unlock()
	var all []metav1.PartialObjectMetadata
	for _, c := range caches {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
		if err := c.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing the metadata of Secrets: %w", err)
		}
		all = append(all, list.Items...)
	}
	return all, nil
}
