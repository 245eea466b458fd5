package controllers

import (
	"context"
	"maps"
	"reflect"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/plan"
	"trustedapps.dev/operator/internal/status"
)

// echoes remember for a moment how runs ended that wrote something. The events of what they wrote wake their applications again, and a second
// run would read all of it again.
type echoes struct {
	mu   sync.Mutex
	last map[types.NamespacedName]echo
	// order is that in which they are forgotten.
	order []types.NamespacedName
}

// echo is an application at the end of a run.
type echo struct {
	at time.Time
	// version is that of the application, published are those of its objects by kind and name.
	version   string
	published map[string]string
	entry     connections.Entry
	desired   plan.Desired
	// due is when there is something to do; zero for never.
	due time.Time
	// usesAt is when it was last looked who uses what is published.
	usesAt time.Time
}

// echoPeriod is how long it is remembered: events of writes come within milliseconds.
const echoPeriod = 5 * time.Second

// remember keeps how a run ended, where nothing is left to do but what the time brings.
func (e *echoes) remember(name types.NamespacedName, result execute.Result, of echo) {
	_, done := result.End.(plan.Done)
	_, watched := result.End.(plan.Observe)
	phase := status.Phase(result.Observed)
	rests := phase == "" || phase == v1alpha1.RotationIdle
	if !done && !watched || len(result.Trace) == 0 || of.desired.Deleting || !rests || len(result.Observed.RestartProblems) > 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last == nil {
		e.last = map[types.NamespacedName]echo{}
	}
	for len(e.order) > 0 && of.at.Sub(e.last[e.order[0]].at) > echoPeriod {
		delete(e.last, e.order[0])
		e.order = e.order[1:]
	}
	if _, known := e.last[name]; !known {
		e.order = append(e.order, name)
	}
	e.last[name] = of
}

// heard says whether an application is as a run left it a moment ago, with what is published; due is when there is something to do.
func (e *echoes) heard(name types.NamespacedName, now echo) (due time.Time, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	then, known := e.last[name]
	same := known && now.at.Sub(then.at) < echoPeriod && (then.due.IsZero() || now.at.Before(then.due)) &&
		then.version == now.version && maps.Equal(then.published, now.published) &&
		sameServer(then.entry, now.entry) && then.usesAt.Equal(now.usesAt) &&
		then.desired.Target == now.desired.Target && then.desired.Denied == now.desired.Denied &&
		then.desired.ServerReady == now.desired.ServerReady && !now.desired.Suspect && !now.desired.Deleting
	return then.due, same
}

// sameServer says whether nothing changed about a server.
func sameServer(then, now connections.Entry) bool {
	if then.Server != now.Server {
		return false
	}
	then.Server, now.Server = nil, nil // what is in a connection is its own
	return reflect.DeepEqual(then, now)
}

// echo says whether what woke an application is no news.
func (r *TrustedApplicationReconciler) echo(
	ctx context.Context, app *v1alpha1.TrustedApplication, entry connections.Entry, d plan.Desired,
) (due time.Time, ok bool) {
	published := map[string]string{}
	for _, kind := range []string{"Secret", "ConfigMap"} {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind + "List"))
		err := r.Published.List(ctx, &list, client.InNamespace(app.Namespace), client.MatchingLabels{v1alpha1.ApplicationUIDLabel: string(app.UID)},
			client.UnsafeDisableDeepCopy)
		if err != nil {
			return time.Time{}, false
		}
		for _, o := range list.Items {
			published[kind+"/"+o.Name] = o.ResourceVersion
		}
	}
	return r.echoes.heard(client.ObjectKeyFromObject(app), echo{
		at: time.Now(), version: app.ResourceVersion, published: published, entry: entry, desired: d,
		usesAt: r.Uses.lookedAt(client.ObjectKeyFromObject(app)),
	})
}
