package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"trustedapps.dev/operator/api/v1alpha1"
)

// ownerIndex finds what was published for an application, by its UID.
const ownerIndex = "metadata.controller"

// errNotSelected is the error for a list of more than what was published for one application.
var errNotSelected = errors.New("no application is selected")

// permissionInterval is the time between two questions whether a namespace may be published in by now.
const permissionInterval = 10 * time.Second

// namespaces watches what is published, in each namespace with applications as soon as the operator is allowed to: the permission is all
// that decides where it publishes. A namespace without one holds nothing up but its own applications. It reads metadata only, and only of
// what this operator wrote.
type namespaces struct {
	manager manager.Manager
	// live asks for permissions.
	live client.Writer
	// account is the operator's ServiceAccount, and role the ClusterRole that allows to publish where it is bound, for the remedy.
	account types.NamespacedName
	role    string
	// watch adds a source to the controller of applications.
	watch func(source.Source) error
	// applications finds those of a namespace, of all where it is "".
	applications func(ctx context.Context, namespace string) []v1alpha1.TrustedApplication
	// changed lets the applications and sets of a namespace go on, when it turned out whether it may be published in; those of all where it is "".
	changed func(namespace string)
	// sets are those who gather what is published; nil where another shard has them.
	sets *gatherers

	ring chan struct{}

	mu     sync.Mutex
	caches map[string]stoppable
	// refused are the namespaces that were asked about, and whether the API server said no; the one "" is all of them.
	refused map[string]bool
}

// gatherers are the sets that have, or ask for, a combined Secret.
type gatherers struct {
	// watch adds a source to their controller, to finds them by a published Secret, and in those of a namespace, of all where it is "".
	watch func(source.Source) error
	to    func(context.Context, *metav1.PartialObjectMetadata) []reconcile.Request
	in    func(ctx context.Context, namespace string) []reconcile.Request
}

func newNamespaces(mgr manager.Manager, live client.Writer, account types.NamespacedName, role string) *namespaces {
	return &namespaces{
		manager: mgr, live: live, account: account, role: role,
		ring: make(chan struct{}, 1), caches: map[string]stoppable{}, refused: map[string]bool{},
	}
}

// stoppable is a cache that can be stopped.
type stoppable struct {
	cache.Cache
	stop context.CancelFunc
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: a replica that waits to lead sees what is published, too.
func (n *namespaces) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable: it asks for all namespaces, then for each that an application is in, and again from time to time.
func (n *namespaces) Start(ctx context.Context) error {
	ticker := time.NewTicker(permissionInterval)
	defer ticker.Stop()
	n.ask(ctx, cache.AllNamespaces)
	for {
		for _, namespace := range n.open() {
			n.ask(ctx, namespace)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-n.ring:
		case <-ticker.C:
			n.askAgain(ctx)
		}
	}
}

// open are the namespaces that applications wait in for the first answer.
func (n *namespaces) open() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, all := n.caches[cache.AllNamespaces]; all {
		return nil
	}
	var open []string
	for namespace, refused := range n.refused {
		if _, watched := n.caches[namespace]; !watched && !refused {
			open = append(open, namespace)
		}
	}
	return open
}

// askAgain asks for what was refused, and forgets the namespaces that nobody needs any more.
func (n *namespaces) askAgain(ctx context.Context) {
	if n.cacheOf(cache.AllNamespaces) != nil {
		return
	}
	n.ask(ctx, cache.AllNamespaces)
	n.mu.Lock()
	asked := slices.Collect(maps.Keys(n.refused))
	n.mu.Unlock()
	for _, namespace := range asked {
		switch {
		case namespace == cache.AllNamespaces:
		case !n.needed(ctx, namespace):
			n.forget(namespace)
		case n.cacheOf(namespace) == nil:
			n.ask(ctx, namespace)
		}
	}
}

// needed says whether an application is in a namespace, or a set that gathers what is published there.
func (n *namespaces) needed(ctx context.Context, namespace string) bool {
	return len(n.applications(ctx, namespace)) > 0 || n.sets != nil && len(n.sets.in(ctx, namespace)) > 0
}

// ask asks for a namespace, and begins to watch it if it may.
func (n *namespaces) ask(ctx context.Context, namespace string) {
	err := n.try(ctx, namespace)
	if errors.Is(err, errRefused) { // anything else passes, and says nothing about the namespace
		n.refuse(namespace)
	}
	if err != nil {
		log.FromContext(ctx).V(1).Info("not watching yet", "namespace", namespace, "cause", err.Error())
	}
}

// forget stops to watch a namespace, and to ask for it.
func (n *namespaces) forget(namespace string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unwatch(namespace)
	delete(n.refused, namespace)
}

// unwatch stops the cache of a namespace, if there is one. The caller holds the lock.
func (n *namespaces) unwatch(namespace string) {
	if c, ok := n.caches[namespace]; ok {
		c.stop()
		delete(n.caches, namespace)
	}
}

// refuse notes that a namespace is closed, and tells its applications the first time.
func (n *namespaces) refuse(namespace string) {
	n.mu.Lock()
	known := n.refused[namespace]
	n.refused[namespace] = true
	n.mu.Unlock()
	if !known && namespace != cache.AllNamespaces { // a namespace may be allowed where all are not
		n.changed(namespace)
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
	n.mu.Lock()
	_, all := n.caches[cache.AllNamespaces]
	n.mu.Unlock()
	if all {
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
	n.unwatch(namespace)
	n.refused[namespace] = true
}

// Permitted says whether the operator publishes in a namespace, and if not, what to do about it. known is false until the API server
// was asked; the answer wakes the applications of the namespace.
func (n *namespaces) Permitted(namespace string) (permitted bool, remedy string, known bool) {
	if n.cacheOf(namespace) != nil {
		return true, "", true
	}
	n.mu.Lock()
	refused, asked := n.refused[namespace]
	if !asked {
		n.refused[namespace] = false
	}
	n.mu.Unlock()
	if refused {
		return false, n.remedy(namespace), true
	}
	select {
	case n.ring <- struct{}{}:
	default:
	}
	return false, "", false
}

// remedy is what a cluster administrator can do. The binding is not named as those that the chart makes, which it would stand in the way of.
func (n *namespaces) remedy(namespace string) string {
	return fmt.Sprintf("the operator may not publish Secrets and ConfigMaps in the namespace %[1]s; a cluster administrator can allow it, "+
		"installed with Helm by adding %[1]s to the value namespaces, else by: kubectl create rolebinding %[2]s -n %[1]s --clusterrole=%[3]s "+
		"--serviceaccount=%[4]s:%[2]s", namespace, n.account.Name, n.role, n.account.Namespace)
}

// Get implements client.Reader.
func (n *namespaces) Get(ctx context.Context, key types.NamespacedName, object client.Object, opts ...client.GetOption) error {
	c := n.cacheOf(key.Namespace)
	if c == nil {
		return fmt.Errorf("reading in the namespace %s: %w", key.Namespace, errNotWatched)
	}
	return c.Get(ctx, key, object, opts...)
}

// List implements client.Reader, for what was published for one application: that is selected by the label, and found by the owner.
func (n *namespaces) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var options client.ListOptions
	c := n.cacheOf(options.ApplyOptions(opts).Namespace)
	if c == nil {
		return fmt.Errorf("listing in the namespace %s: %w", options.Namespace, errNotWatched)
	}
	uid, ok := "", false
	if options.LabelSelector != nil {
		uid, ok = options.LabelSelector.RequiresExactMatch(v1alpha1.ApplicationUIDLabel)
	}
	if !ok {
		return fmt.Errorf("listing in the namespace %s: %w", options.Namespace, errNotSelected)
	}
	options.LabelSelector = nil // labels are not kept
	return c.List(ctx, list, &options, client.MatchingFields{ownerIndex: uid})
}

// Controlled lists the metadata of the Secrets in a namespace whose controller has a UID. It is shared with the cache, and must not be changed.
func (n *namespaces) Controlled(ctx context.Context, namespace string, owner types.UID) ([]metav1.PartialObjectMetadata, error) {
	c := n.cacheOf(namespace)
	if c == nil {
		return nil, fmt.Errorf("listing in the namespace %s: %w", namespace, errNotWatched)
	}
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	err := c.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{ownerIndex: string(owner)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("listing the metadata of Secrets in %s: %w", namespace, err)
	}
	return list.Items, nil
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
