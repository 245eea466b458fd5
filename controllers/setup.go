package controllers

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/inventory"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/metrics"
	"trustedapps.dev/operator/internal/output"
	"trustedapps.dev/operator/internal/shard"
)

// Setup is what the controllers need to know.
type Setup struct {
	// Namespace is the operator's own.
	Namespace string
	// ServiceAccount is the name of the operator's own, and PublisherRole that of the ClusterRole to bind to it wherever it is to publish.
	// They are told to people; the permission itself decides.
	ServiceAccount, PublisherRole string
	// Cluster is the UID of the cluster.
	Cluster string
	// Shard is what this operator works on, and Lease the name of that which its leader holds.
	Shard shard.Shard
	Lease string
	// Workers is the number of applications worked on at the same time.
	Workers int
	// ProbeInterval is the time between probes of a server that is well.
	ProbeInterval time.Duration
	// Dial makes connections to servers.
	Dial connections.Dialer
	// InUseDetection: the operator looks who uses what it publishes.
	InUseDetection bool
}

// CacheOptions limit what the manager watches beside its own kinds: of Secrets the metadata of those in the operator's own namespace,
// for the credentials of servers, without the ledgers. What is published is watched apart, see namespaces.
func CacheOptions(own string) cache.Options {
	credentials := cache.Config{FieldSelector: fields.OneTermNotEqualSelector("type", string(ledger.SecretType)), Transform: bare}
	return cache.Options{
		DefaultTransform: unapplied,
		ByObject:         map[client.Object]cache.ByObject{&corev1.Secret{}: {Namespaces: map[string]cache.Config{own: credentials}}},
	}
}

// unapplied strips what is there for appliers only. Nothing that is cached is ever written back as a whole.
func unapplied(object any) (any, error) {
	if o, err := meta.Accessor(object); err == nil {
		o.SetManagedFields(nil)
		if annotations := o.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
			delete(annotations, corev1.LastAppliedConfigAnnotation)
			o.SetAnnotations(annotations)
		}
	}
	return object, nil
}

// bare strips all annotations: what kubectl apply leaves on a Secret is one with all of its content.
func bare(object any) (any, error) {
	if o, err := meta.Accessor(object); err == nil {
		o.SetAnnotations(nil)
		o.SetManagedFields(nil)
	}
	return object, nil
}

// ClientOptions make every read of our own kinds see our own writes. The manager's client is for these only: asked for anything else it
// would begin to watch that, contents and all.
func ClientOptions() client.Options {
	consistent := true
	return client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: &consistent}}
}

// addSets adds the controller of sets, which is told of namespaces by what is returned.
func (s Setup) addSets(mgr ctrl.Manager, live client.Client, published *namespaces) (opened func(namespace string), err error) {
	if !s.Shard.Has(nil) { // one shard of a set that divides has all sets: that of the servers without labels
		return func(string) {}, nil
	}
	w := newWaker(func() *corev1.Namespace { return &corev1.Namespace{} })
	if err := mgr.Add(w); err != nil {
		return nil, fmt.Errorf("adding a waker: %w", err)
	}
	sets := &TrustedApplicationSetReconciler{
		Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder("trustedapp-operator"), Published: published, Opened: w.out,
		Outputs: &output.Store{Writer: client.WithFieldOwner(live, v1alpha1.ManagedByValue), Live: live, Metadata: published},
	}
	watching, err := sets.SetupWithManager(mgr)
	if err != nil {
		return nil, fmt.Errorf("setting up the controller of TrustedApplicationSets: %w", err)
	}
	published.sets = &gatherers{watch: watching.Watch, to: sets.onSecret, in: sets.inNamespace}
	return w.wakeNamed, nil
}

// AddTo adds the controllers to a manager.
func (s Setup) AddTo(mgr ctrl.Manager) error {
	live, err := client.New(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("making the client that reads past the cache: %w", err)
	}
	server := func() *v1alpha1.IdentityServer { return &v1alpha1.IdentityServer{} }
	changed, suspects := newWaker(server), newWaker(server)
	parked := newWaker(func() *v1alpha1.TrustedApplication { return &v1alpha1.TrustedApplication{} })
	opened := newWaker(func() *corev1.Namespace { return &corev1.Namespace{} })
	for _, w := range []manager.Runnable{changed, suspects, parked, opened} {
		if err := mgr.Add(w); err != nil {
			return fmt.Errorf("adding a waker: %w", err)
		}
	}
	pool, gate, activity := connections.NewPool(changed.wakeNamed, suspects.wakeNamed), connections.NewGate(parked.wake), metrics.NewActivity()
	book := &inventory.Book{}
	var looking *uses
	if s.InUseDetection {
		looking = newUses(live)
	}
	servers := &IdentityServerReconciler{
		Client: mgr.GetClient(), Live: live, Writer: live, Namespace: s.Namespace, Shard: s.Shard, Recorder: mgr.GetEventRecorder("trustedapp-operator"),
		Pool: pool, Dial: s.Dial, ProbeInterval: s.ProbeInterval, Suspects: suspects.out, Metrics: activity,
		Cluster: s.Cluster, Inventory: book, Wake: parked.wake, Uses: looking,
	}
	if err := servers.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("setting up the controller of IdentityServers: %w", err)
	}
	if err := NewServerProtection(mgr.GetClient(), s.Shard).SetupWithManager(mgr); err != nil {
		return fmt.Errorf("setting up the protection of IdentityServers: %w", err)
	}
	account := types.NamespacedName{Namespace: s.Namespace, Name: s.ServiceAccount}
	published := newNamespaces(mgr, live, account, s.PublisherRole)
	openedToSets, err := s.addSets(mgr, live, published)
	if err != nil {
		return err
	}
	applications := &TrustedApplicationReconciler{
		Client: mgr.GetClient(), Live: live, Writer: live, Shard: s.Shard, Cluster: s.Cluster, Recorder: mgr.GetEventRecorder("trustedapp-operator"),
		Pool: pool, Gate: gate, Pace: connections.NewPace(parked.wake), Inventory: book, Metrics: activity,
		Workers: s.Workers, Changed: changed.out, Parked: parked.out, Opened: opened.out,
		Ledgers:   &ledger.Store{Writer: live, Live: live, Namespace: s.Namespace},
		Outputs:   &output.Store{Writer: live, Live: live, Metadata: published},
		Published: published,
		Uses:      looking,
	}
	watching, err := applications.SetupWithManager(mgr)
	if err != nil {
		return fmt.Errorf("setting up the controller of TrustedApplications: %w", err)
	}
	published.watch, published.applications = watching.Watch, applications.inNamespace
	published.changed = func(namespace string) {
		opened.wakeNamed(namespace)
		openedToSets(namespace)
	}
	if err := mgr.Add(published); err != nil {
		return fmt.Errorf("adding the watch of what is published: %w", err)
	}
	return s.expose(mgr, activity, published, gate, book)
}
