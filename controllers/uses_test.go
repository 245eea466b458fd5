package controllers

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/plan"
)

// publishedApp is an application that has a Secret.
func publishedApp() *v1alpha1.TrustedApplication {
	app := newApp()
	app.Status.Binding = &v1alpha1.BindingReference{Name: "orders-credentials"}
	return app
}

// reader is a Deployment that reads a Secret when it starts.
func reader(name, secret string) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: appKey.Namespace, Name: name},
		Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
			EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}}},
		}}}}},
	}
}

// listing counts lists, which may fail.
type listing struct {
	client.Reader
	lists int
	err   error
}

func (l *listing) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	l.lists++
	if l.err != nil {
		return l.err
	}
	return l.Reader.List(ctx, list, options...)
}

// perLook is how many lists a look takes.
const perLook = 6

var api1 = []v1alpha1.SecretUser{{Kind: "Deployment", Name: "api", Uses: []v1alpha1.SecretUse{"Environment"}}}

func TestWithoutTheOptionNobodyLooks(t *testing.T) {
	g := NewWithT(t)
	recorder := events.NewFakeRecorder(10)
	r := &TrustedApplicationReconciler{Recorder: recorder}
	app := publishedApp()
	app.Status.UsedBy, app.Status.Warnings = api1, []string{"status.usedBy: of a former day"}
	g.Expect(r.Uses.usedBy(app, app.Status.Binding)).To(BeNil())
	g.Expect(r.Uses.warnings(app)).To(BeNil())
	r.warnRestartNeeded(t.Context(), app, []plan.Step{plan.Promote{}})
	app.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	r.warnStillInUse(t.Context(), app)
	r.Uses.forget(appKey)
	g.Expect(r.Uses.lookedAt(appKey)).To(BeZero())
	g.Expect(told(recorder)).To(BeEmpty())
	(&IdentityServerReconciler{}).sweepUses(t.Context(), "acme")
}

func TestARotationTellsWhoNeedsARestart(t *testing.T) {
	g := NewWithT(t)
	recorder, lists := events.NewFakeRecorder(10), &listing{Reader: newAPI(t, nil, reader("api", "orders-credentials"), reader("other", "other"))}
	r := &TrustedApplicationReconciler{Recorder: recorder, Uses: newUses(lists)}
	app := publishedApp()
	fresh := newApp()
	r.warnRestartNeeded(t.Context(), fresh, []plan.Step{plan.Create{}, plan.Publish{}})
	r.warnRestartNeeded(t.Context(), app, []plan.Step{plan.Stage{}, plan.Apply{}, plan.Publish{}})
	g.Expect(lists.lists).To(BeZero(), "neither a creation nor an edit is a rotation")

	r.warnRestartNeeded(t.Context(), app, []plan.Step{plan.Announce{}, plan.Publish{}})
	g.Expect(told(recorder)).To(BeEmpty())
	g.Expect(r.Uses.usedBy(app, app.Status.Binding)).To(Equal(api1))
	g.Expect(r.Uses.warnings(app)).To(ConsistOf(ContainSubstring("Deployment api (Environment)")))
	r.warnRestartNeeded(t.Context(), app, []plan.Step{plan.Stage{}, plan.Apply{}, plan.Publish{}, plan.Promote{}})
	g.Expect(told(recorder)).To(ConsistOf(And(HavePrefix("Warning RestartNeeded restart, or name in"), HaveSuffix("Deployment api (Environment)"))))
	g.Expect(lists.lists).To(Equal(perLook), "looked once in five minutes")

	app.Spec.Credentials = &v1alpha1.CredentialsSpec{RolloutRestart: []v1alpha1.RestartTarget{{Kind: "Deployment", Name: "api"}}}
	r.warnRestartNeeded(t.Context(), app, []plan.Step{plan.Promote{}})
	g.Expect(told(recorder)).To(BeEmpty(), "the operator restarts it")
	g.Expect(r.Uses.warnings(app)).To(BeEmpty())
}

func TestADeletionTellsOnceWhoUsesTheSecret(t *testing.T) {
	g := NewWithT(t)
	recorder, lists := events.NewFakeRecorder(10), &listing{Reader: newAPI(t, nil, reader("api", "orders-credentials"))}
	r := &TrustedApplicationReconciler{Recorder: recorder, Uses: newUses(lists)}
	app := publishedApp()
	r.warnStillInUse(t.Context(), app)
	r.warnRestartNeeded(t.Context(), app, []plan.Step{plan.Promote{}})
	told(recorder)
	app.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	for range 3 {
		r.warnStillInUse(t.Context(), app)
	}
	g.Expect(told(recorder)).To(ConsistOf(ContainSubstring("StillInUse the Secret orders-credentials goes with this application and is still used by Deployment api")))
	g.Expect(lists.lists).To(Equal(2*perLook), "once more when the deletion begins")

	app.Status.Warnings = r.Uses.warnings(app)
	g.Expect(app.Status.Warnings).To(ConsistOf(HavePrefix("status.usedBy: the Secret orders-credentials goes with")))
	r.Uses = newUses(lists)
	r.warnStillInUse(t.Context(), app)
	g.Expect(told(recorder)).To(BeEmpty(), "a new process finds it in the status")

	app.Finalizers = nil
	r.Uses = newUses(lists)
	r.warnStillInUse(t.Context(), app)
	g.Expect(lists.lists).To(Equal(3*perLook), "it is the finalizer of somebody else that keeps it")
}

func TestWhatIsKnownOfUsersStaysUntilItIsLookedAgain(t *testing.T) {
	g := NewWithT(t)
	lists := &listing{err: errors.New("down")}
	r := &TrustedApplicationReconciler{Recorder: events.NewFakeRecorder(10), Uses: newUses(lists)}
	app := publishedApp()
	app.Status.UsedBy, app.Status.Warnings = api1, []string{"of the server", "status.usedBy: of a former day"}
	r.warnRestartNeeded(t.Context(), app, []plan.Step{plan.Promote{}})
	g.Expect(r.Uses.usedBy(app, app.Status.Binding)).To(Equal(api1))
	g.Expect(r.Uses.warnings(app)).To(Equal([]string{"status.usedBy: of a former day"}))
	g.Expect(r.Uses.usedBy(app, &v1alpha1.BindingReference{Name: "renamed"})).To(BeNil())
	g.Expect(r.Uses.usedBy(app, nil)).To(BeNil())
}

func TestASweepWakesWhoseUsersChanged(t *testing.T) {
	g := NewWithT(t)
	app, public := publishedApp(), newApp()
	public.Name, public.UID = "portal", "uid-2"
	a := newAPI(t, nil, app, public, reader("api", "orders-credentials"))
	lists := &listing{Reader: a}
	var woken []types.NamespacedName
	r := &IdentityServerReconciler{
		Client: a, Uses: newUses(lists), swept: map[string]swept{}, Wake: func(name types.NamespacedName) { woken = append(woken, name) },
	}
	r.sweepUses(t.Context(), "acme")
	g.Expect(lists.lists).To(BeZero(), "no sweep, no look")
	r.swept["acme"] = swept{at: time.Now()}
	r.sweepUses(t.Context(), "acme")
	r.sweepUses(t.Context(), "acme")
	g.Expect(lists.lists).To(Equal(perLook), "once for each sweep and namespace")
	g.Expect(woken).To(Equal([]types.NamespacedName{appKey}))

	g.Expect(a.Get(t.Context(), appKey, app)).To(Succeed())
	app.Status.UsedBy, app.Status.Warnings = r.Uses.usedBy(app, app.Status.Binding), r.Uses.warnings(app)
	g.Expect(app.Status.UsedBy).To(Equal(api1))
	g.Expect(a.Status().Update(t.Context(), app)).To(Succeed())
	r.swept["acme"] = swept{at: time.Now()}
	r.sweepUses(t.Context(), "acme")
	g.Expect(woken).To(HaveLen(1), "its status says so already")
	g.Expect(lists.lists).To(Equal(2 * perLook))
}
