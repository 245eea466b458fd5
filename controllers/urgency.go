package controllers

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
)

// urgency says what an application has to wait for. One that is told to be well as it is asked for is only looked at: after a restart, and when
// a server is back, that is nearly all of them, and whoever made or changed another one would wait for all. A revocation is never a mere look;
// that it was done already is not known here. Nor is it one where the registration is suspected to be changed.
func urgency(app *v1alpha1.TrustedApplication, suspect bool) connections.Urgency {
	switch {
	case !app.DeletionTimestamp.IsZero():
		return connections.Ending
	case settled(app) && !suspect && app.Annotations[v1alpha1.RevokeAnnotation] == "":
		return connections.Look
	}
	return connections.Work
}

// settled says whether an application was seen to be as it is asked for.
func settled(app *v1alpha1.TrustedApplication) bool {
	return app.Status.ObservedGeneration == app.Generation && meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)
}

// queue is that of a controller.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// priorities are those in the queue. What is woken alone, such as by the gate that has room for it, has that of work.
var priorities = [...]int{connections.Look: handler.LowPriority, connections.Work: 0, connections.Ending: 1}

// enqueue queues many applications, none of which somebody asked for: the urgent ones come first.
func enqueue(q queue, apps []v1alpha1.TrustedApplication) {
	for i := range apps {
		request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&apps[i])}
		if ordered, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
			ordered.AddWithOpts(priorityqueue.AddOpts{Priority: &priorities[urgency(&apps[i], false)]}, request)
			continue
		}
		q.Add(request) // a queue without priorities
	}
}
