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
	"sigs.k8s.io/controller-runtime/pkg/event"

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

// AddTo adds the controllers to a manager.
func (s Setup) AddTo(mgr ctrl.Manager) error {
	changed, suspects := newWaker(), newWaker()
	pool := connections.NewPool(changed.wake, suspects.wake)
	if err := mgr.Add(changed); err != nil {
		return fmt.Errorf("adding the waker: %w", err)
	}
	if err := mgr.Add(suspects); err != nil {
		return fmt.Errorf("adding the waker: %w", err)
	}
	servers := &IdentityServerReconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: s.Namespace, Recorder: mgr.GetEventRecorder("trustedapp-operator"),
		Pool: pool, Dial: s.Dial, ProbeInterval: s.ProbeInterval, Suspects: suspects.out,
	}
	if err := servers.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("setting up the controller of IdentityServers: %w", err)
	}
	applications := &TrustedApplicationReconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Cluster: s.Cluster, Recorder: mgr.GetEventRecorder("trustedapp-operator"),
		Pool: pool, Workers: s.Workers, Changed: changed.out,
		Ledgers: &ledger.Store{Writer: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: s.Namespace},
		Outputs: &output.Store{Writer: mgr.GetClient(), Live: mgr.GetAPIReader(), Metadata: mgr.GetCache()},
	}
	if err := applications.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("setting up the controller of TrustedApplications: %w", err)
	}
	return nil
}

// serverEvent is what wakers bring.
type serverEvent = event.TypedGenericEvent[*v1alpha1.IdentityServer]
