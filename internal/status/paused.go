package status

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// PausedApplication is the status of an application for which nothing is done. message says who paused what. What was Ready in this
// generation still is: a pause is no failure to those who watch. What was not, or is to go, waits.
func PausedApplication(app *v1alpha1.TrustedApplication, message string, warnings []string, now metav1.Time) v1alpha1.TrustedApplicationStatus {
	s := *app.Status.DeepCopy()
	s.Warnings = told(warnings)
	paused(&s.Conditions, app, s.ObservedGeneration, message, now)
	return s
}

// PausedServer is the same of a server.
func PausedServer(ids *v1alpha1.IdentityServer, message string, now metav1.Time) v1alpha1.IdentityServerStatus {
	s := *ids.Status.DeepCopy()
	paused(&s.Conditions, ids, s.ObservedGeneration, message, now)
	return s
}

func paused(list *[]metav1.Condition, object metav1.Object, observed int64, message string, now metav1.Time) {
	c := conditions{list: list, generation: object.GetGeneration(), now: now}
	v := verdict{metav1.ConditionFalse, v1alpha1.ReasonPaused, message}
	if observed == object.GetGeneration() && object.GetDeletionTimestamp().IsZero() && meta.IsStatusConditionTrue(*list, v1alpha1.ConditionReady) {
		v.status = metav1.ConditionTrue
	}
	meta.RemoveStatusCondition(list, v1alpha1.ConditionReconciling)
	meta.RemoveStatusCondition(list, v1alpha1.ConditionStalled)
	c.set(v1alpha1.ConditionPaused, verdict{metav1.ConditionTrue, v1alpha1.ReasonPaused, message})
	c.set(v1alpha1.ConditionReady, v)
}
