package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/plan"
)

// about is what jitter makes of a pause.
func about(d time.Duration) OmegaMatcher {
	return And(BeNumerically(">=", d*3/4), BeNumerically("<=", d*5/4))
}

func TestWhenToComeBack(t *testing.T) {
	const first = firstPause
	for name, c := range map[string]struct {
		end       plan.Step
		want      OmegaMatcher
		suspected bool
		attempts  int // that the back-off counts afterwards, of two before
	}{
		"done":                 {plan.Done{}, BeZero(), false, 0},
		"only watched":         {plan.Observe{}, BeZero(), false, 0},
		"no server":            {plan.Wait{Reason: v1alpha1.ReasonServerNotFound}, BeZero(), false, 2},
		"server not ready":     {plan.Wait{Reason: v1alpha1.ReasonServerNotReady}, BeZero(), false, 2},
		"server unavailable":   {plan.Wait{Reason: v1alpha1.ReasonServerUnavailable}, about(4 * first), true, 3},
		"login refused":        {plan.Wait{Reason: v1alpha1.ReasonUnauthorized}, about(4 * first), true, 3},
		"the server said when": {plan.Wait{Reason: v1alpha1.ReasonServerUnavailable, After: time.Hour}, Equal(time.Hour), true, 3},
		"it said too early":    {plan.Wait{Reason: v1alpha1.ReasonServerUnavailable, After: time.Millisecond}, about(4 * first), true, 3},
		"lost answer":          {plan.Wait{Reason: v1alpha1.ReasonOutcomeUnknown}, about(4 * first), false, 3},
		"not verified":         {plan.Wait{Reason: v1alpha1.ReasonVerificationFailed}, about(4 * first), false, 3},
		"secret conflict":      {plan.Fail{Reason: v1alpha1.ReasonSecretConflict}, about(time.Minute), false, 0},
		"config map conflict":  {plan.Fail{Reason: v1alpha1.ReasonConfigMapConflict}, about(time.Minute), false, 0},
		"ownership conflict":   {plan.Fail{Reason: v1alpha1.ReasonOwnershipConflict}, about(30 * time.Minute), false, 0},
		"invalid":              {plan.Fail{Reason: v1alpha1.ReasonInvalid}, about(30 * time.Minute), false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var suspects []string
			r := &TrustedApplicationReconciler{
				Pool:    connections.NewPool(func(string) {}, func(name string) { suspects = append(suspects, name) }),
				backoff: workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstPause, longestPause),
			}
			req := ctrl.Request{NamespacedName: appKey}
			r.again(req)
			r.again(req)
			g.Expect(r.next(req, newApp(), c.end, time.Time{})).To(c.want)
			g.Expect(suspects).To(HaveLen(map[bool]int{true: 1}[c.suspected]))
			g.Expect(r.backoff.NumRequeues(appKey)).To(Equal(c.attempts))
		})
	}
}

func TestItComesBackForARotation(t *testing.T) {
	g := NewWithT(t)
	r := &TrustedApplicationReconciler{backoff: workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstPause, longestPause)}
	req := ctrl.Request{NamespacedName: appKey}
	g.Expect(r.next(req, newApp(), plan.Done{}, time.Now().Add(time.Hour))).To(BeNumerically("~", time.Hour, time.Minute))
	g.Expect(r.next(req, newApp(), plan.Done{}, time.Now().Add(-time.Hour))).To(BeNumerically(">", 0), "what is due already is not put off for ever")
}

func TestRetriesAreCapped(t *testing.T) {
	g := NewWithT(t)
	r := &TrustedApplicationReconciler{backoff: workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstPause, longestPause)}
	var last time.Duration
	for range 100 {
		last = r.again(ctrl.Request{NamespacedName: appKey})
	}
	g.Expect(last).To(about(5 * time.Minute))
	pauses := map[time.Duration]bool{}
	for range 20 {
		pauses[jitter(time.Minute)] = true
	}
	g.Expect(len(pauses)).To(BeNumerically(">", 1), "a fleet does not come back at once")
	g.Expect(jitter(0)).To(BeZero())
}

func TestRoomFollowsWhatTheServerTakes(t *testing.T) {
	g := NewWithT(t)
	g.Expect(room(idserver.Capabilities{})).To(Equal(32))
	g.Expect(room(idserver.Capabilities{MaxInFlight: 1})).To(Equal(2))
	g.Expect(room(idserver.Capabilities{MaxInFlight: 1, Batch: 50})).To(Equal(75))
	g.Expect(room(idserver.Capabilities{MaxInFlight: 1, Batch: 200})).To(Equal(maxRoom), "there are servers besides")
}

func TestAnOutageDisturbsOnlyWhoNeedsTheServer(t *testing.T) {
	g := NewWithT(t)
	discovered := connections.Entry{Info: idserver.Info{Endpoints: idserver.Endpoints{Issuer: "https://acme.example/id"}}}
	ready := func(reason string) *v1alpha1.TrustedApplication {
		app := newApp()
		app.Status.ObservedGeneration = app.Generation
		app.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: reason}}
		return app
	}
	g.Expect(undisturbed(ready(v1alpha1.ReasonReady), connections.Entry{}, true)).To(BeTrue(), "nobody asked the server since the start")
	g.Expect(undisturbed(ready(v1alpha1.ReasonReady), discovered, true)).To(BeFalse(), "its run knows what does without the server")
	g.Expect(undisturbed(ready(v1alpha1.ReasonObserved), discovered, true)).To(BeTrue(), "there is nothing but to look")
	edited := ready(v1alpha1.ReasonObserved)
	edited.Generation++
	g.Expect(undisturbed(edited, discovered, true)).To(BeFalse())
	discovered.Ready = true
	g.Expect(undisturbed(ready(v1alpha1.ReasonObserved), discovered, true)).To(BeFalse())
}
