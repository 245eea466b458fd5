package controllers

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/output"
)

// Setup is what the controllers need to know.
type Setup struct {
	// Namespace is the operator's own.
	Namespace string
	// Cluster is the UID of the cluster.
	Cluster string
	// Workers is the number of applications worked on at the same time.
	Workers int
	// ProbeInterval is the time between probes of a server that is well.
	ProbeInterval time.Duration
	// Dial makes connections to servers.
	Dial connections.Dialer
}

// CacheOptions limit what is watched: of Secrets and ConfigMaps only metadata, only in the namespaces that are published in (nil for
// all) and only what this operator wrote; in its own namespace also the Secrets with the credentials of servers, but not the ledgers.
func CacheOptions(own string, published []string) cache.Options {
	ours := cache.Config{LabelSelector: labels.SelectorFromSet(labels.Set{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})}
	secrets, configMaps := map[string]cache.Config{}, map[string]cache.Config{}
	if published == nil {
		published = []string{cache.AllNamespaces}
	}
	for _, ns := range published {
		secrets[ns], configMaps[ns] = ours, ours
	}
	secrets[own] = cache.Config{FieldSelector: fields.OneTermNotEqualSelector("type", string(ledger.SecretType))}
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}:    {Namespaces: secrets},
			&corev1.ConfigMap{}: {Namespaces: configMaps},
		},
	}
}

// ClientOptions make every read of a cached object see our own writes, and read Secrets and ConfigMaps past the cache.
func ClientOptions() client.Options {
	consistent := true
	return client.Options{Cache: &client.CacheOptions{
		DisableFor:                      []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}},
		EnableReadYourWritesConsistency: &consistent,
	}}
}

// AddTo adds the controllers to a manager.
func (s Setup) AddTo(mgr ctrl.Manager) error {
	server := func() *v1alpha1.IdentityServer { return &v1alpha1.IdentityServer{} }
	changed, suspects := newWaker(server), newWaker(server)
	parked := newWaker(func() *v1alpha1.TrustedApplication { return &v1alpha1.TrustedApplication{} })
	for _, w := range []manager.Runnable{changed, suspects, parked} {
		if err := mgr.Add(w); err != nil {
			return fmt.Errorf("adding a waker: %w", err)
		}
	}
	pool := connections.NewPool(changed.wakeServer, suspects.wakeServer)
	servers := &IdentityServerReconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: s.Namespace, Recorder: mgr.GetEventRecorder("trustedapp-operator"),
		Pool: pool, Dial: s.Dial, ProbeInterval: s.ProbeInterval, Suspects: suspects.out,
	}
	if err := servers.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("setting up the controller of IdentityServers: %w", err)
	}
	applications := &TrustedApplicationReconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Cluster: s.Cluster, Recorder: mgr.GetEventRecorder("trustedapp-operator"),
		Pool: pool, Gate: connections.NewGate(parked.wake), Workers: s.Workers, Changed: changed.out, Parked: parked.out,
		Ledgers: &ledger.Store{Writer: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: s.Namespace},
		Outputs: &output.Store{Writer: mgr.GetClient(), Live: mgr.GetAPIReader(), Metadata: mgr.GetCache()},
	}
	if err := applications.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("setting up the controller of TrustedApplications: %w", err)
	}
	return nil
}
