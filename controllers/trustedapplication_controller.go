// Package controllers watches the two kinds and keeps their status. Reconcile functions fetch, call the plan's executor, and
// write one status; what to do is decided elsewhere.
package controllers

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/inventory"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/metrics"
	"trustedapps.dev/operator/internal/output"
	"trustedapps.dev/operator/internal/plan"
	"trustedapps.dev/operator/internal/shard"
	"trustedapps.dev/operator/internal/status"
)

// serverIndex finds applications by the name of their server.
const serverIndex = "spec.identityServerRef.name"

// TrustedApplicationReconciler brings registrations, Secrets and ConfigMaps to what TrustedApplications ask for.
type TrustedApplicationReconciler struct {
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// Writer restarts workloads, past the cache.
	Writer client.Client
	// Shard is what this operator works on.
	Shard shard.Shard
	// Cluster is the UID of this cluster, part of the mark on registrations.
	Cluster  string
	Recorder events.EventRecorder
	Pool     *connections.Pool
	Ledgers  *ledger.Store
	Outputs  *output.Store
	// Published knows in which namespaces the operator may publish.
	Published *namespaces
	// Workers is the number of applications worked on at the same time.
	Workers int
	// Changed brings the servers whose readiness changed.
	Changed <-chan event.TypedGenericEvent[*v1alpha1.IdentityServer]
	// Gate keeps a slow server from taking all workers; Parked brings the applications that it lets go on.
	Gate   *connections.Gate
	Parked <-chan event.TypedGenericEvent[*v1alpha1.TrustedApplication]
	// Opened brings the namespaces of which it turned out whether they may be published in; "" is all of them.
	Opened <-chan event.TypedGenericEvent[*corev1.Namespace]
	// Pace gives applications their turn to rotate.
	Pace *connections.Pace
	// Inventory knows whose registration may have been changed at the server.
	Inventory *inventory.Book

	// Uses knows who uses what is published; nil where nobody looks.
	Uses *uses

	// Metrics counts runs and verifications.
	Metrics *metrics.Activity

	backoff workqueue.TypedRateLimiter[types.NamespacedName]
	echoes  echoes
}

// +kubebuilder:rbac:groups=trustedapps.dev,resources=trustedapplications,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=trustedapps.dev,resources=trustedapplications/status,verbs=update
// +kubebuilder:rbac:groups=trustedapps.dev,resources=trustedapplications/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=namespaces,resourceNames=kube-system,verbs=get
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch

// Reconcile brings one application as far as it goes now.
func (r *TrustedApplicationReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	defer r.Gate.Decline(req.NamespacedName)
	app := &v1alpha1.TrustedApplication{}
	if err := r.Client.Get(ctx, req.NamespacedName, app); err != nil {
		r.backoff.Forget(req.NamespacedName)
		if apierrors.IsNotFound(err) {
			r.Pace.Forget(req.NamespacedName)
			r.Uses.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	ctx = with(ctx, keyServer, app.Spec.IdentityServerRef.Name)
	if mine, err := r.mine(ctx, app); err != nil || !mine {
		r.Pace.Forget(req.NamespacedName) // the rotations of other shards keep nobody here from beginning
		return r.retry(ctx, req, err)
	}
	entry, known := r.Pool.Get(app.Spec.IdentityServerRef.Name)
	if !known {
		exists, err := r.serverExists(ctx, app.Spec.IdentityServerRef.Name)
		if err != nil || exists {
			return r.retry(ctx, req, err) // its first probe is under way, and wakes this application when it ends
		}
	}

	if by := pausedBy(app, entry); by != "" {
		r.Pace.Forget(req.NamespacedName) // a rotation that stands still keeps nobody else from beginning
		return r.retry(ctx, req, r.tellPaused(ctx, app, entry, by))
	}
	d, err := r.granted(ctx, app, entry, known, desired.Of(app, r.Cluster, entry, known))
	if err != nil {
		return ctrl.Result{}, err
	}
	sweep := r.Inventory.Suspect(app.Spec.IdentityServerRef.Name, app.UID)
	d.Suspect = sweep > 0
	if permitted, remedy, known := r.Published.Permitted(req.Namespace); !permitted {
		if !known {
			return ctrl.Result{}, nil // the answer wakes this application
		}
		if !d.Deleting { // an end needs no permission, see partingOutputs
			return r.retry(ctx, req, r.notPermitted(ctx, app, d, remedy))
		}
	}
	if undisturbed(app, entry, known) {
		return ctrl.Result{}, nil
	}
	if due, ok := r.echo(ctx, app, entry, d); ok {
		return ctrl.Result{RequeueAfter: until(due)}, nil
	}
	leave, ok := r.Gate.Enter(app.Spec.IdentityServerRef.Name, room(d.Capabilities), req.NamespacedName, urgency(app, d.Suspect))
	if !ok {
		log.FromContext(ctx).V(1).Info("waiting for its turn at the server")
		return ctrl.Result{}, nil
	}
	defer leave()
	d.Unlisted = r.unlisted(app, d)
	server := metrics.Unknown
	if known {
		server = app.Spec.IdentityServerRef.Name
	}
	result, looked, err := r.work(ctx, req, app, entry, d, server)
	if looked {
		r.Inventory.Clear(app.Spec.IdentityServerRef.Name, app.UID, sweep)
	}
	return result, err
}

// unlisted says whether nothing is known that would have to be looked up before an application is registered for the first time. One that may
// adopt looks first.
func (r *TrustedApplicationReconciler) unlisted(app *v1alpha1.TrustedApplication, d plan.Desired) bool {
	fresh := !controllerutil.ContainsFinalizer(app, v1alpha1.Finalizer) && !d.Deleting && d.ServerReady && d.Denied == ""
	return fresh && d.Capabilities.Lookup && d.Capabilities.ChosenID && d.Adoption.None() &&
		r.Inventory.Unlisted(app.Spec.IdentityServerRef.Name, d.Key.ClientID)
}

// work runs on an application that has its turn. server is its label in metrics. looked says whether it looked into the
// suspicion that there was.
func (r *TrustedApplicationReconciler) work(
	ctx context.Context, req ctrl.Request, app *v1alpha1.TrustedApplication, entry connections.Entry, d plan.Desired, server string,
) (again ctrl.Result, looked bool, _ error) {
	published := r.Outputs.Objects(outputs(app), entry.Info)
	run := r.executor(app, entry, published)
	run.Tell = r.tell(ctx, server)
	r.warnStillInUse(ctx, app)
	result, err := run.Run(ctx, d)
	announceSteps(ctx, r.Recorder, app, result.Trace, result.Observed.Ledger.Newest())
	r.warnRestartNeeded(ctx, app, result.Trace)
	announceDrift(ctx, r.Recorder, app, d, result.Observed)
	announceRestarts(ctx, r.Recorder, app, result.Observed)
	_, done := result.End.(plan.Done)
	looked = done && result.Observed.Inspected(d)
	if err != nil || result.Observed.Failure != nil {
		ctx = atStep(ctx, result.Last)
	}
	gone := err == nil && d.Deleting && !result.Observed.Finalizer
	switch {
	case overtaken(err), gone:
	case err != nil:
		err = r.failed(ctx, app, d, result, err)
	default:
		err = r.report(ctx, app, entry, d, result)
	}
	how := outcome(app, gone, err)
	r.Metrics.Reconciled(server, how)
	log.FromContext(ctx).V(1).Info("the run ended", "outcome", how)
	switch {
	case err != nil:
		again, err = r.retry(ctx, req, err)
		return again, looked, err
	case gone:
		r.backoff.Forget(req.NamespacedName)
		r.Pace.Forget(req.NamespacedName)
		r.Uses.forget(req.NamespacedName)
		return ctrl.Result{}, looked, nil
	}
	phase := status.Phase(result.Observed)
	r.Pace.Follow(app.Spec.IdentityServerRef.Name, req.NamespacedName, !d.Deleting && underWay(phase), phase == v1alpha1.RotationQueued)
	due := plan.Wake(d, result.Observed)
	r.echoes.remember(req.NamespacedName, result, echo{
		at: time.Now(), version: app.ResourceVersion, published: published.Versions(), entry: entry, desired: d, due: due,
		usesAt: r.Uses.lookedAt(req.NamespacedName),
	})
	return ctrl.Result{RequeueAfter: r.next(req, app, result.End, due)}, looked, nil
}

// underWay says whether clients may not know yet what the server accepts next.
func underWay(phase v1alpha1.RotationPhase) bool {
	return phase == v1alpha1.RotationAnnounced || phase == v1alpha1.RotationSwitching
}

// retry comes back after an error of Kubernetes; at once it is done where there is none. Errors are told here and not left to the queue,
// which knows neither server nor step.
func (r *TrustedApplicationReconciler) retry(ctx context.Context, req ctrl.Request, err error) (ctrl.Result, error) {
	switch {
	case err == nil:
		return ctrl.Result{}, nil
	case overtaken(err):
		log.FromContext(ctx).V(1).Info("somebody else was faster, starting again", "cause", err.Error())
	default:
		log.FromContext(ctx).Error(err, "Kubernetes keeps the application from going on")
	}
	return ctrl.Result{RequeueAfter: r.again(req)}, nil
}

// undisturbed says whether all that is wrong with an application is that its server did not answer since this process began: it was Ready
// before, and stays so, as it would have without a restart. What it needs of the server it gets when that answers. A pause that is over has to
// be told, though. The same holds in every outage for one of which nothing is published: its registration was only watched.
func undisturbed(app *v1alpha1.TrustedApplication, entry connections.Entry, known bool) bool {
	ready := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
	watched := ready != nil && ready.Reason == v1alpha1.ReasonObserved && !entry.Ready
	return known && (entry.Info.Endpoints.Issuer == "" || watched) && app.DeletionTimestamp.IsZero() && settled(app) &&
		meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionPaused) == nil
}

// overtaken says whether somebody else wrote in between: the next run sees what.
func overtaken(err error) bool {
	return apierrors.IsConflict(err) || errors.Is(err, output.ErrConflict) || errors.Is(err, execute.ErrLedgerChanged)
}

// room is how many applications of one server are worked on at the same time, of all workers: more than its calls in flight, because a part of
// the work is with Kubernetes, and one batch is in flight while the next one gathers.
func room(c idserver.Capabilities) int {
	switch {
	case c.MaxInFlight == 0:
		return 32
	case c.Batch > 1:
		return c.MaxInFlight * min(c.Batch*3/2, maxRoom)
	}
	return 2 * c.MaxInFlight
}

// maxRoom leaves workers for the applications of other servers, however large the batches of one are.
const maxRoom = 80

// next says when to come back: never where something else will wake the application. due is when there will be something to do.
func (r *TrustedApplicationReconciler) next(req ctrl.Request, app *v1alpha1.TrustedApplication, end plan.Step, due time.Time) time.Duration {
	switch e := end.(type) {
	case plan.Wait:
		switch e.Reason {
		case v1alpha1.ReasonServerNotFound, v1alpha1.ReasonServerNotReady:
			return 0 // the pool wakes it
		case v1alpha1.ReasonServerUnavailable, v1alpha1.ReasonUnauthorized:
			r.Pool.Suspect(app.Spec.IdentityServerRef.Name)
		}
		return max(e.After, r.again(req))
	case plan.Fail:
		r.backoff.Forget(req.NamespacedName)
		return jitter(patience(e.Reason))
	}
	r.backoff.Forget(req.NamespacedName)
	return until(due)
}

// until is the time until something is due; 0, which is never, where nothing is.
func until(due time.Time) time.Duration {
	if due.IsZero() {
		return 0
	}
	return max(time.Until(due), 100*time.Millisecond)
}

// patience is how long a person is given to mend what nobody will tell us of.
func patience(reason string) time.Duration {
	switch reason {
	case v1alpha1.ReasonSecretConflict, v1alpha1.ReasonConfigMapConflict:
		return time.Minute // costs two reads
	}
	return 30 * time.Minute // costs calls of the server, and there a session
}

// again is the next pause of an application that could not go on.
func (r *TrustedApplicationReconciler) again(req ctrl.Request) time.Duration {
	return jitter(r.backoff.When(req.NamespacedName))
}

// serverExists says whether the IdentityServer exists, and so will be probed.
func (r *TrustedApplicationReconciler) serverExists(ctx context.Context, name string) (bool, error) {
	var ids v1alpha1.IdentityServer
	err := r.Client.Get(ctx, types.NamespacedName{Name: name}, &ids)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
