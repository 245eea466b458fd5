package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/inventory"
	"trustedapps.dev/operator/internal/status"
)

// sweepTimeout bounds one look at all registrations of a server.
const sweepTimeout = 5 * time.Minute

// interval is the time between two probes of a server that is well, and between two sweeps.
func (r *IdentityServerReconciler) interval(ids *v1alpha1.IdentityServer) time.Duration {
	if ids.Spec.SweepInterval != nil {
		return ids.Spec.SweepInterval.Duration
	}
	return r.ProbeInterval
}

// sweepDue says whether it is time to look at all registrations. A probe comes a little earlier or later than it was planned.
func (r *IdentityServerReconciler) sweepDue(ids *v1alpha1.IdentityServer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.swept[ids.Name]
	return !known || last.asked != ids.Annotations[v1alpha1.SweepAnnotation] || time.Since(last.at) >= r.interval(ids)*9/10
}

// swept is the last sweep of a server: when, the request that it answered, and whether it was looked since who uses what is published.
type swept struct {
	at    time.Time
	asked string
	uses  bool
}

// sweep looks at all registrations of this cluster at a server that was just found well: it wakes the applications whose registration may
// have been changed, and tells in next, and ends as the policy says, those that belong to none. A list that fails says nothing.
func (r *IdentityServerReconciler) sweep(
	ctx context.Context, ids *v1alpha1.IdentityServer, server idserver.Server, next *v1alpha1.IdentityServerStatus,
) error {
	searchable, due := server.Capabilities().Lookup, r.sweepDue(ids)
	if searchable && !due {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	var apps v1alpha1.TrustedApplicationList
	if err := r.Client.List(ctx, &apps, client.MatchingFields{serverIndex: ids.Name}); err != nil {
		return fmt.Errorf("listing the applications of the server: %w", err)
	}
	if !searchable {
		status.Orphans(next, nil, apps.Items) // what is declared is known without a sweep
		if due {
			r.doubt(ids.Name, apps.Items)
			r.noteSweep(ids)
		}
		return nil
	}
	found, err := execute.List(ctx, server, r.Cluster)
	if err != nil {
		log.FromContext(ctx).Info("the registrations could not be listed; nothing follows from that", keyMessage, err.Error())
		return nil
	}
	log.FromContext(ctx).V(1).Info("looked at all registrations of this cluster", "registrations", len(found))
	r.suspicions(ids.Name, server.Capabilities(), found, apps.Items)
	orphans, err := r.orphans(ctx, ids, server, found, apps.Items)
	if err != nil {
		return err
	}
	status.Orphans(next, orphans, apps.Items)
	r.noteSweep(ids)
	return nil
}

func (r *IdentityServerReconciler) noteSweep(ids *v1alpha1.IdentityServer) {
	r.Metrics.Swept(ids.Name, time.Now())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.swept[ids.Name] = swept{at: time.Now(), asked: ids.Annotations[v1alpha1.SweepAnnotation]}
}

// doubt wakes all applications of a server that has no list: whether a registration is there is only seen by its credential.
func (r *IdentityServerReconciler) doubt(server string, apps []v1alpha1.TrustedApplication) {
	var uids []types.UID
	for i := range apps {
		if want := desired.Registration(&apps[i]); apps[i].DeletionTimestamp.IsZero() && !want.Public && want.Enabled {
			uids = append(uids, apps[i].UID)
		}
	}
	r.Inventory.Doubt(server, uids)
	for i := range apps {
		if slices.Contains(uids, apps[i].UID) {
			r.Wake(client.ObjectKeyFromObject(&apps[i]))
		}
	}
}

// suspicions wakes the applications whose registration may have been changed.
func (r *IdentityServerReconciler) suspicions(server string, c idserver.Capabilities, found []idserver.Reply, apps []v1alpha1.TrustedApplication) {
	expected := make([]inventory.App, 0, len(apps))
	names := make(map[types.UID]types.NamespacedName, len(apps))
	for i := range apps {
		app := &apps[i]
		if app.DeletionTimestamp.IsZero() {
			expected = append(expected, inventory.App{
				UID: app.UID, ClientIDs: desired.ClientIDs(app), Want: c.Reduce(desired.Registration(app)), Drifted: len(app.Status.Drift) > 0,
				Awaited: app.Status.ClientID == "" || app.Status.ObservedGeneration != app.Generation,
			})
			names[app.UID] = client.ObjectKeyFromObject(app)
		}
	}
	for _, uid := range r.Inventory.Enter(server, found, expected) {
		r.Wake(names[uid])
	}
}

// orphans finds the registrations that belong to nobody, and ends those that did not in the sweep before either, where the policy says so.
func (r *IdentityServerReconciler) orphans(
	ctx context.Context, ids *v1alpha1.IdentityServer, server idserver.Server, registrations []idserver.Reply, apps []v1alpha1.TrustedApplication,
) ([]v1alpha1.OrphanedRegistration, error) {
	known := map[types.UID]bool{}
	for i := range apps {
		known[apps[i].UID] = true
	}
	found, err := execute.Orphans(registrations, known, func(namespace, name string) (types.UID, error) { return r.uid(ctx, namespace, name) })
	if err != nil {
		return nil, err
	}
	left := map[string]v1alpha1.OrphanedRegistration{}
	var orphans []idserver.Reply
	for _, o := range found {
		left[o.Credential.Handle] = v1alpha1.OrphanedRegistration{
			ClientID: o.Credential.ClientID, Application: o.Owner.Namespace + "/" + o.Owner.Name, Enabled: o.Registration.Enabled, Successor: o.Successor,
		}
		if !o.Successor {
			orphans = append(orphans, o.Reply)
		}
	}
	for _, reply := range r.Inventory.Orphans(ids.Name, orphans) {
		r.endOrphan(ctx, ids, server, reply, left)
	}
	list := make([]v1alpha1.OrphanedRegistration, 0, len(left))
	for _, o := range left {
		list = append(list, o)
	}
	return list, nil
}

// uid is that of the application of a name; "" where there is none. The API server is asked: the cache may not know it yet.
func (r *IdentityServerReconciler) uid(ctx context.Context, namespace, name string) (types.UID, error) {
	var app v1alpha1.TrustedApplication
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &app)
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("looking for the application of a registration: %w", err)
	}
	return app.UID, nil
}

// endOrphan does what the policy says about an orphan, and takes it off the list if it is gone.
func (r *IdentityServerReconciler) endOrphan(
	ctx context.Context, ids *v1alpha1.IdentityServer, server idserver.Server, reply idserver.Reply, left map[string]v1alpha1.OrphanedRegistration,
) {
	policy, id := ids.Spec.OrphanPolicy, reply.Credential.ClientID
	if policy != v1alpha1.OrphanDelete && (policy != v1alpha1.OrphanDisable || !reply.Registration.Enabled) {
		return
	}
	deleted, err := execute.EndOrphan(ctx, server, reply, policy == v1alpha1.OrphanDelete)
	of := id + " of " + reply.Owner.Namespace + "/" + reply.Owner.Name
	switch {
	case idserver.ReasonOf(err) == idserver.ReasonConflict: // it belongs to somebody by now
		delete(left, reply.Credential.Handle)
	case err != nil:
		log.FromContext(ctx).Error(err, "an orphaned registration could not be ended; the next sweep tries again", "clientId", id)
	case deleted:
		delete(left, reply.Credential.Handle)
		r.Recorder.Eventf(ids, nil, corev1.EventTypeNormal, "OrphanDeleted", "Sweep", "%s", clip("deleted the orphaned registration "+of))
	default:
		o := left[reply.Credential.Handle]
		if o.Enabled {
			r.Recorder.Eventf(ids, nil, corev1.EventTypeNormal, "OrphanDisabled", "Sweep", "%s", clip("disabled the orphaned registration "+of))
		}
		o.Enabled = false
		left[reply.Credential.Handle] = o
	}
}
