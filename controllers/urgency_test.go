package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
)

// well is an application that was seen to be as it is asked for.
func well() *v1alpha1.TrustedApplication {
	app := newApp()
	app.Generation, app.Status.ObservedGeneration = 3, 3
	meta.SetStatusCondition(&app.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Ready"})
	return app
}

func TestOnlyWhatIsWellGivesWay(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.TrustedApplication)
		want   connections.Urgency
	}{
		"well": {func(*v1alpha1.TrustedApplication) {}, connections.Look},
		"new": {func(a *v1alpha1.TrustedApplication) {
			a.Status = v1alpha1.TrustedApplicationStatus{ObservedGeneration: -1}
		}, connections.Work},
		"changed":   {func(a *v1alpha1.TrustedApplication) { a.Generation++ }, connections.Work},
		"not Ready": {func(a *v1alpha1.TrustedApplication) { a.Status.Conditions[0].Status = metav1.ConditionFalse }, connections.Work},
		"to be revoked": {func(a *v1alpha1.TrustedApplication) {
			a.Annotations = map[string]string{v1alpha1.RevokeAnnotation: "1"}
		}, connections.Work},
		"being deleted": {func(a *v1alpha1.TrustedApplication) { a.DeletionTimestamp = &metav1.Time{Time: time.Now()} }, connections.Ending},
		"asked to rotate": {func(a *v1alpha1.TrustedApplication) {
			a.Annotations = map[string]string{v1alpha1.RotateAnnotation: "1"}
		}, connections.Look},
	} {
		t.Run(name, func(t *testing.T) {
			app := well()
			c.change(app)
			NewWithT(t).Expect(urgency(app, false)).To(Equal(c.want))
		})
	}
}

func TestASuspicionIsWork(t *testing.T) {
	NewWithT(t).Expect(urgency(well(), true)).To(Equal(connections.Work))
}

func TestWhatIsUrgentComesFirstInTheQueue(t *testing.T) {
	g := NewWithT(t)
	var apps []v1alpha1.TrustedApplication
	for _, name := range []string{"well-1", "well-2", "new", "ending"} {
		app := well()
		app.Name = name
		apps = append(apps, *app)
	}
	apps[2].Generation++
	apps[3].DeletionTimestamp = &metav1.Time{Time: time.Now()}
	q := priorityqueue.New[reconcile.Request]("test")
	defer q.ShutDown()
	enqueue(q, apps)
	var order []string
	for range apps {
		request, _ := q.Get()
		order = append(order, request.Name)
		q.Done(request)
	}
	g.Expect(order).To(Equal([]string{"ending", "new", "well-1", "well-2"}))
}
