package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/inventory"
	"trustedapps.dev/operator/internal/metrics"
	"trustedapps.dev/operator/internal/shard"
	"trustedapps.dev/operator/internal/status"
)

// probeTimeout bounds one probe of a server.
const probeTimeout = 30 * time.Second

// maxProbes is the number of servers probed at the same time, so that one that hangs does not keep the others waiting.
const maxProbes = 16

// IdentityServerReconciler probes identity servers and keeps a connection to each.
type IdentityServerReconciler struct {
	Client client.Client
	// Live reads past the cache: Secrets are never cached. Writer writes what is published for administrators.
	Live   client.Reader
	Writer client.Client
	// Namespace is the operator's own, the only one that credentials of servers are read from.
	Namespace string
	// Shard is what this operator works on.
	Shard    shard.Shard
	Recorder events.EventRecorder
	Pool     *connections.Pool
	Dial     connections.Dialer
	// ProbeInterval is the time between probes of a server that is well. ERP.net closes a session after 20 minutes without
	// a call, so a longer interval holds no licence.
	ProbeInterval time.Duration
	// Metrics counts probes and requests.
	Metrics *metrics.Activity
	// Cluster is the UID of this cluster, part of the mark on registrations.
	Cluster string
	// Inventory keeps what sweeps find; Wake brings an application to look at.
	Inventory *inventory.Book
	Wake      func(types.NamespacedName)
	// Uses knows who uses what is published for the applications; nil where nobody looks.
	Uses *uses
	// Suspects brings the servers that applications could not reach.
	Suspects <-chan event.TypedGenericEvent[*v1alpha1.IdentityServer]

	backoff workqueue.TypedRateLimiter[string]
	mu      sync.Mutex
	dialled map[string]dialled
	swept   map[string]swept
}

// dialled is a connection and what it was made from.
type dialled struct {
	generation    int64
	uid           types.UID
	secretVersion string
	connection    idserver.Connection
}

// +kubebuilder:rbac:groups=trustedapps.dev,resources=identityservers,verbs=get;list;watch
// +kubebuilder:rbac:groups=trustedapps.dev,resources=identityservers/status,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile probes one server.
func (r *IdentityServerReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var ids v1alpha1.IdentityServer
	if err := r.Client.Get(ctx, req.NamespacedName, &ids); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.Name)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("reading the IdentityServer: %w", err)
	}
	if !r.Shard.Has(ids.Labels) {
		r.forget(req.Name)
		return ctrl.Result{}, nil
	}
	due := r.expireInventory(ctx, &ids)
	if isPaused(&ids) {
		return ctrl.Result{RequeueAfter: due}, r.pause(ctx, &ids)
	}
	r.grant(&ids)
	connection, probe, err := r.probe(ctx, &ids)
	if err != nil {
		return ctrl.Result{}, err
	}
	entry := connections.Entry{
		Info: probe.Info, Ready: probe.Reason == "", Reason: probe.Reason, Message: probe.Message,
		Verification: ids.Spec.Verification, Environment: ids.Spec.Environment, Spacing: connections.SpacingOf(ids.Spec),
		Takeover: ids.Spec.Takeover == v1alpha1.TakeoverAllowed, FormerClusters: ids.Spec.FormerClusters,
		Access: ids.Spec.Access, DisableDenied: ids.Spec.AccessPolicy == v1alpha1.AccessDisable,
	}
	if connection != nil {
		entry.Server, entry.Capabilities = connection, connection.Capabilities()
	}
	if former, ok := r.Pool.Get(ids.Name); ok && probe.Info.Endpoints.Issuer == "" {
		entry.Info = former.Info // an outage does not make us forget where the server is
	}
	r.Pool.Set(ids.Name, entry) // its applications wait neither for a sweep nor for the status
	next := status.Server(&ids, probe, metav1.Now())
	if entry.Ready {
		if err := r.sweep(ctx, &ids, connection, &next); err != nil {
			return ctrl.Result{}, err
		}
		if err := r.publishInventory(ctx, &ids, connection, &next); err != nil {
			return ctrl.Result{}, err
		}
	}
	if err := r.write(ctx, &ids, next); err != nil {
		return ctrl.Result{}, err
	}
	r.sweepUses(ctx, ids.Name) // after the status, which does not wait for it
	return ctrl.Result{RequeueAfter: sooner(r.next(&ids, probe), due, untilExpiry(next.Inventory))}, nil
}

// grant lets the grants of a server that is known already hold at once: whoever narrows them does not wait until it was probed.
func (r *IdentityServerReconciler) grant(ids *v1alpha1.IdentityServer) {
	if entry, known := r.Pool.Get(ids.Name); known {
		entry.Access, entry.DisableDenied = ids.Spec.Access, ids.Spec.AccessPolicy == v1alpha1.AccessDisable
		r.Pool.Set(ids.Name, entry)
	}
}

// probe connects to the server and probes it.
func (r *IdentityServerReconciler) probe(ctx context.Context, ids *v1alpha1.IdentityServer) (idserver.Connection, status.Probe, error) {
	connection, probe, err := r.connect(ctx, ids)
	if err != nil || connection == nil {
		return nil, probe, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	started := time.Now()
	info, err := connection.Probe(ctx)
	r.Metrics.Probed(ids.Name, time.Now(), time.Since(started))
	probe = status.ProbeOf(info, connection.Capabilities(), err)
	log.FromContext(ctx).V(1).Info("probed the server", "reason", probe.Reason, "message", probe.Message)
	return connection, probe, nil
}

// connect returns the connection made from the spec and the Secret as they are now. The connection is nil where they do not
// allow one; the Probe says why.
func (r *IdentityServerReconciler) connect(ctx context.Context, ids *v1alpha1.IdentityServer) (idserver.Connection, status.Probe, error) {
	own, version, problem, err := r.credentials(ctx, ids)
	if err != nil || problem.Reason != "" {
		return nil, problem, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if d, ok := r.dialled[ids.Name]; ok && d.uid == ids.UID && d.generation == ids.Generation && d.secretVersion == version {
		return d.connection, status.Probe{}, nil
	}
	connection, err := r.Dial(ids.Spec, own, func(c idserver.Call) { r.Metrics.Request(ids.Name, c) })
	if err != nil {
		return nil, status.Probe{Reason: v1alpha1.ReasonInvalid, Message: err.Error(), Terminal: true}, nil
	}
	r.dialled[ids.Name] = dialled{generation: ids.Generation, uid: ids.UID, secretVersion: version, connection: connection}
	return connection, status.Probe{}, nil
}

// credentials are the operator's own at the server, and the version of the Secret that they are from. The Probe says what is missing.
func (r *IdentityServerReconciler) credentials(
	ctx context.Context, ids *v1alpha1.IdentityServer,
) (own connections.Credentials, version string, problem status.Probe, err error) {
	name := connections.CredentialsSecret(ids.Spec)
	if name == "" {
		return nil, "", status.Probe{}, nil
	}
	var secret corev1.Secret
	err = r.Live.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return nil, "", missing("the Secret %s does not exist in the operator's namespace %s: create it with %s",
			name, r.Namespace, connections.Lacking(ids.Spec, nil)), nil
	}
	if err != nil {
		return nil, "", status.Probe{}, fmt.Errorf("reading the credentials of the server: %w", err)
	}
	own = connections.Credentials{}
	for key, value := range secret.Data {
		own[key] = idserver.Secret(value)
	}
	if lacking := connections.Lacking(ids.Spec, own); lacking != "" {
		return nil, "", missing("the Secret %s in the operator's namespace %s needs the keys %s, not empty", name, r.Namespace, lacking), nil
	}
	return own, secret.ResourceVersion, status.Probe{}, nil
}

func missing(format string, args ...any) status.Probe {
	return status.Probe{Reason: v1alpha1.ReasonCredentialsMissing, Message: fmt.Sprintf(format, args...)}
}

// write writes the status if it changed, with an event where readiness or the number of orphans did.
func (r *IdentityServerReconciler) write(ctx context.Context, ids *v1alpha1.IdentityServer, next v1alpha1.IdentityServerStatus) error {
	status.ExpireInventory(&next, time.Now())
	former := ids.Status
	if equality.Semantic.DeepEqual(former, next) {
		return nil
	}
	if err := r.writeStatus(ctx, ids, next); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	announceReadiness(ctx, r.Recorder, ids, former.Conditions, next.Conditions)
	announceOrphans(r.Recorder, ids, former, next)
	return nil
}

// writeStatus writes the status. Whoever wrote the object meanwhile without another generation, ServerProtection say, takes nothing from
// what the probe found: a conflict with them does not cost the server a second one. What is another shard's by now is left to that.
func (r *IdentityServerReconciler) writeStatus(ctx context.Context, ids *v1alpha1.IdentityServer, next v1alpha1.IdentityServerStatus) error {
	ids.Status = next
	err := r.Client.Status().Update(ctx, ids)
	if !apierrors.IsConflict(err) {
		return err
	}
	var now v1alpha1.IdentityServer
	if gone := r.Live.Get(ctx, client.ObjectKeyFromObject(ids), &now); gone != nil {
		return gone
	}
	if now.UID != ids.UID || now.Generation != ids.Generation || !r.Shard.Has(now.Labels) {
		return err
	}
	next.Abandoned = now.Status.Abandoned // no probe finds that out
	now.Status = next
	return r.Client.Status().Update(ctx, &now)
}

// next says when to probe again.
func (r *IdentityServerReconciler) next(ids *v1alpha1.IdentityServer, probe status.Probe) time.Duration {
	if probe.Reason == "" {
		r.backoff.Forget(ids.Name)
		return r.interval(ids)
	}
	return jitter(r.backoff.When(ids.Name))
}

// forget drops everything about a server that is gone, or another shard's.
func (r *IdentityServerReconciler) forget(name string) {
	r.mu.Lock()
	delete(r.dialled, name)
	delete(r.swept, name)
	r.mu.Unlock()
	r.backoff.Forget(name)
	r.Pool.Remove(name)
	r.Metrics.Forget(name)
	r.Inventory.Forget(name)
}

// SetupWithManager watches IdentityServers, the Secrets with their credentials, and suspects.
func (r *IdentityServerReconciler) SetupWithManager(mgr ctrl.Manager) error {
	r.backoff = workqueue.NewTypedItemExponentialFailureRateLimiter[string](time.Second, time.Minute)
	r.dialled, r.swept = map[string]dialled{}, map[string]swept{}
	suspect := &handler.TypedEnqueueRequestForObject[*v1alpha1.IdentityServer]{}
	return ctrl.NewControllerManagedBy(mgr).
		Named("identityserver").
		For(&v1alpha1.IdentityServer{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, moved(r.Shard),
			annotated(v1alpha1.PausedAnnotation, v1alpha1.SweepAnnotation, v1alpha1.InventoryAnnotation)))).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.withCredentials)).
		WatchesRawSource(source.Channel(r.Suspects, suspect)).
		WithOptions(controller.Options{MaxConcurrentReconciles: maxProbes}).
		WithLogConstructor(serverLog(mgr.GetLogger(), "identityserver")).
		Complete(r)
}

// withCredentials finds the servers whose credentials are in the Secret.
func (r *IdentityServerReconciler) withCredentials(ctx context.Context, secret client.Object) []reconcile.Request {
	if secret.GetNamespace() != r.Namespace {
		return nil
	}
	var list v1alpha1.IdentityServerList
	if err := r.Client.List(ctx, &list); err != nil {
		log.FromContext(ctx).Error(err, "listing IdentityServers")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if connections.CredentialsSecret(list.Items[i].Spec) == secret.GetName() {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Name: list.Items[i].Name}})
		}
	}
	return requests
}
