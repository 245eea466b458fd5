package controllers

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/shard"
)

// east is the shard of one label, rest that of everything else.
const east, rest = "shard=east", "shard!=east"

func part(t *testing.T, selector string) shard.Shard {
	t.Helper()
	s, err := shard.Parse(selector)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return s
}

// at is acme in a shard.
func at(name string) *v1alpha1.IdentityServer {
	ids := acme()
	if name != "" {
		ids.Labels = map[string]string{"shard": name}
	}
	return ids
}

// relabel takes acme to another shard.
func relabel(ctx context.Context, g Gomega, a *api, name string) {
	var ids v1alpha1.IdentityServer
	g.Expect(a.Get(ctx, client.ObjectKey{Name: "acme"}, &ids)).To(Succeed())
	ids.Labels = at(name).Labels
	g.Expect(a.Update(ctx, &ids)).To(Succeed())
}

func TestAServerOfAnotherShardIsLeftAlone(t *testing.T) {
	s := newServers(t, at("west"), login())
	s.Shard = part(t, east)
	after, ready := s.reconcile(t)
	s.Expect(after).To(BeZero())
	s.Expect(ready).To(BeNil())
	s.Expect(s.dials + s.now.probes + s.api.statusWrites).To(BeZero())
	_, known := s.Pool.Get("acme")
	s.Expect(known).To(BeFalse())
}

func TestAServerThatMovesIsForgottenThereAndTakenUpHere(t *testing.T) {
	s := newServers(t, at("east"), login())
	s.Shard = part(t, east)
	series := func() int {
		out := make(chan prometheus.Metric, 100)
		s.Metrics.Collect(out)
		return len(out)
	}
	s.reconcile(t)
	s.Expect(series()).To(BeNumerically(">", 0))

	relabel(t.Context(), s, s.api, "west")
	after, _ := s.reconcile(t)
	s.Expect(after).To(BeZero(), "nothing brings it back")
	_, known := s.Pool.Get("acme")
	s.Expect(known).To(BeFalse())
	s.Expect(s.dialled).To(BeEmpty())
	s.Expect(series()).To(BeZero())
	s.Expect(s.changed).To(HaveLen(2), "its applications are told")

	relabel(t.Context(), s, s.api, "east")
	s.reconcile(t)
	_, known = s.Pool.Get("acme")
	s.Expect(known).To(BeTrue())
	s.Expect(s.dials).To(Equal(2))
	s.Expect(s.changed).To(HaveLen(3))
}

func TestAProbeThatEndsAfterTheServerMovedWritesNothing(t *testing.T) {
	s := newServers(t, at("east"), login())
	s.Shard = part(t, east)
	s.now.during = func() { relabel(t.Context(), s, s.api, "west") }
	_, err := s.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "acme"}})
	s.Expect(err).To(MatchError(apierrors.IsConflict, "IsConflict"))
	var ids v1alpha1.IdentityServer
	s.Expect(s.api.Get(t.Context(), client.ObjectKey{Name: "acme"}, &ids)).To(Succeed())
	s.Expect(ids.Status.Conditions).To(BeEmpty())
	_, ready := s.reconcile(t)
	s.Expect(ready).To(BeNil())
	s.Expect(s.now.probes).To(Equal(1))
}

func TestAServerIsProtectedByItsShardAlone(t *testing.T) {
	g := NewWithT(t)
	a := newAPI(t, nil, at("west"), newApp())
	finalizers := func(selector string) []string {
		_, err := NewServerProtection(a, part(t, selector)).Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "acme"}})
		g.Expect(err).NotTo(HaveOccurred())
		var ids v1alpha1.IdentityServer
		g.Expect(a.Get(t.Context(), client.ObjectKey{Name: "acme"}, &ids)).To(Succeed())
		return ids.Finalizers
	}
	g.Expect(finalizers(east)).To(BeEmpty())
	g.Expect(finalizers(rest)).To(ConsistOf(v1alpha1.ServerFinalizer))
}

func TestAnApplicationIsInTheShardOfItsServer(t *testing.T) {
	for name, c := range map[string]struct {
		cached, there *v1alpha1.IdentityServer // in the cache, and at the API server; nil: not
		selector      string
		want          bool
	}{
		"everything":                           {nil, nil, "", true},
		"its server is here":                   {at("east"), at("east"), east, true},
		"its server is elsewhere":              {at("west"), at("west"), east, false},
		"its server has no labels":             {at(""), at(""), rest, true},
		"no server, and that is told here":     {nil, nil, rest, true},
		"no server, and that is told there":    {nil, nil, east, false},
		"the cache does not know it yet":       {nil, at("east"), east, true},
		"the cache does not know another's":    {nil, at("east"), rest, false},
		"what the cache knows is not asked":    {at("east"), nil, east, true},
		"what moved is seen when the cache is": {at("east"), at("west"), east, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := &TrustedApplicationReconciler{Client: newAPI(t, nil), Live: newAPI(t, nil), Shard: part(t, c.selector)}
			if c.cached != nil {
				r.Client = newAPI(t, nil, c.cached)
			}
			if c.there != nil {
				r.Live = newAPI(t, nil, c.there)
			}
			NewWithT(t).Expect(r.mine(t.Context(), newApp())).To(Equal(c.want))
		})
	}
	t.Run("nothing was found out", func(t *testing.T) {
		down := errors.New("the apiserver is down")
		live := newAPI(t, func(string, client.Object) error { return down })
		r := &TrustedApplicationReconciler{Client: newAPI(t, nil), Live: live, Shard: part(t, rest)}
		_, err := r.mine(t.Context(), newApp())
		NewWithT(t).Expect(err).To(MatchError(down))
	})
}

// Whatever is done about an application needs what is not there in this test.
func TestNothingIsDoneForAnApplicationOfAnotherShard(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.TrustedApplication){
		"as it is": func(*v1alpha1.TrustedApplication) {},
		"paused": func(a *v1alpha1.TrustedApplication) {
			a.Annotations = map[string]string{v1alpha1.PausedAnnotation: v1alpha1.PausedValue}
		},
		"deleted": func(a *v1alpha1.TrustedApplication) { a.DeletionTimestamp = new(metav1.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			app := newApp()
			change(app)
			a := newAPI(t, nil, at("west"), app)
			r := reconciler(a, part(t, east))
			g.Expect(r.Reconcile(t.Context(), ctrl.Request{NamespacedName: appKey})).To(BeZero())
			g.Expect(a.statusWrites).To(BeZero())

			r.Shard = part(t, rest)
			g.Expect(func() { _, _ = r.Reconcile(t.Context(), ctrl.Request{NamespacedName: appKey}) }).To(Panic(), "the other shard begins")
		})
	}
}

func TestANamespaceIsOneOfTheShardAsLongAsAnApplicationOfItIsThere(t *testing.T) {
	g := NewWithT(t)
	lost := newApp()
	lost.Name, lost.UID, lost.Spec.IdentityServerRef.Name = "lost", "uid-2", "acme-typo"
	a := newAPI(t, nil, at("east"), newApp(), lost)
	in := func(selector string) (names []string) {
		for _, app := range reconciler(a, part(t, selector)).inNamespace(t.Context(), "shop") {
			names = append(names, app.Name)
		}
		return names
	}
	g.Expect(in("")).To(ConsistOf(appKey.Name, "lost"))
	g.Expect(in(east)).To(ConsistOf(appKey.Name))
	g.Expect(in(rest)).To(ConsistOf("lost"))
}

func TestOnlyAMoveIsSeen(t *testing.T) {
	g := NewWithT(t)
	moves := moved(part(t, east))
	change := func(before, after string) bool {
		return moves.Update(event.UpdateEvent{ObjectOld: at(before), ObjectNew: at(after)})
	}
	g.Expect(change("east", "west")).To(BeTrue())
	g.Expect(change("", "east")).To(BeTrue())
	g.Expect(change("west", "")).To(BeFalse())
	g.Expect(moves.Create(event.CreateEvent{Object: at("east")})).To(BeFalse())
	g.Expect(moves.Delete(event.DeleteEvent{Object: at("east")})).To(BeFalse())
}

// reconciler has what decides whether to work on an application, and nothing to work with.
func reconciler(a *api, s shard.Shard) *TrustedApplicationReconciler {
	wake := func(types.NamespacedName) {}
	return &TrustedApplicationReconciler{
		Client: a, Live: a, Shard: s, Gate: connections.NewGate(wake), Pace: connections.NewPace(wake),
		backoff: workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstPause, longestPause),
	}
}
