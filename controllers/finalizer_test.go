package controllers

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

func conflict() OmegaMatcher { return Satisfy(apierrors.IsConflict) }

func TestFinalizerComesAndGoes(t *testing.T) {
	g := NewWithT(t)
	bare := newApp()
	bare.Finalizers = []string{"example.com/other"}
	a := newAPI(t, nil, bare)
	seen, stale := &v1alpha1.TrustedApplication{}, &v1alpha1.TrustedApplication{}
	g.Expect(a.Get(t.Context(), appKey, seen)).To(Succeed())
	g.Expect(a.Get(t.Context(), appKey, stale)).To(Succeed())

	f := &finalizer{client: a, live: a, app: seen}
	g.Expect(f.Present()).To(BeFalse())
	g.Expect(f.Add(t.Context())).To(Succeed())
	g.Expect(f.Present()).To(BeTrue())
	g.Expect(f.confirm(t.Context())).To(Succeed())

	late := &finalizer{client: a, live: a, app: stale}
	g.Expect(late.Add(t.Context())).To(conflict(), "nothing begins on an old view")

	g.Expect(f.Remove(t.Context())).To(Succeed())
	now := &v1alpha1.TrustedApplication{}
	g.Expect(a.Get(t.Context(), appKey, now)).To(Succeed())
	g.Expect(now.Finalizers).To(Equal([]string{"example.com/other"}), "that of somebody else stays")

	lost := &finalizer{client: a, live: newAPI(t, nil), app: newApp()}
	lost.app.Finalizers = nil
	g.Expect(lost.confirm(t.Context())).To(conflict(), "an API server that had begun to delete it forgot about the finalizer")

	gone := &finalizer{client: newAPI(t, nil), app: newApp()}
	gone.app.ResourceVersion = "1"
	g.Expect(gone.Remove(t.Context())).To(Succeed(), "an application that is gone needs nothing")
}

func TestAnOldViewIsNotConfirmed(t *testing.T) {
	for name, c := range map[string]struct {
		now  func(*v1alpha1.TrustedApplication) client.Object // as it is at the apiserver; nil: gone
		want OmegaMatcher
	}{
		"as it was seen":    {func(a *v1alpha1.TrustedApplication) client.Object { return a }, Succeed()},
		"deleted":           {nil, conflict()},
		"created again":     {func(a *v1alpha1.TrustedApplication) client.Object { a.UID = "uid-2"; return a }, conflict()},
		"changed":           {func(a *v1alpha1.TrustedApplication) client.Object { a.Generation = 2; return a }, conflict()},
		"without finalizer": {func(a *v1alpha1.TrustedApplication) client.Object { a.Finalizers = nil; return a }, conflict()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var objects []client.Object
			if c.now != nil {
				objects = append(objects, c.now(newApp()))
			}
			a := newAPI(t, nil, objects...)
			f := &finalizer{client: a, live: a, app: newApp()}
			err := f.confirm(t.Context())
			g.Expect(err).To(c.want)
			if err != nil {
				g.Expect(err).To(MatchError(ContainSubstring("changed or deleted meanwhile")))
			}
			g.Expect(f.app).To(Equal(newApp()), "what was seen stays what the run works on")
		})
	}
	t.Run("nothing was found out", func(t *testing.T) {
		g := NewWithT(t)
		down := errors.New("the apiserver is down")
		a := newAPI(t, func(string, client.Object) error { return down })
		err := (&finalizer{client: a, live: a, app: newApp()}).confirm(t.Context())
		g.Expect(err).To(MatchError(down))
		g.Expect(err).NotTo(conflict())
	})
}

func TestALedgerBeginsOnlyForAnApplicationThatExists(t *testing.T) {
	g := NewWithT(t)
	rec := ledger.Record{Target: "t", Next: &ledger.Credential{ID: "a", Credential: idserver.Credential{ClientID: "c", Secret: "s"}}}
	of := func(a *api) *guardedLedger {
		store := &ledger.Store{Writer: a, Live: a, Namespace: own}
		return &guardedLedger{Entry: store.Entry(ledger.App{Namespace: "shop", Name: "orders", UID: "uid-1"}), finalizer: &finalizer{client: a, live: a, app: newApp()}}
	}
	load := func(l *guardedLedger) bool {
		_, exists, err := l.Load(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		return exists
	}

	gone := newAPI(t, nil)
	l := of(gone)
	g.Expect(load(l)).To(BeFalse())
	g.Expect(l.Save(t.Context(), rec)).To(conflict())
	g.Expect(load(l)).To(BeFalse(), "nothing was written that nobody would clean up")
	g.Expect(l.Delete(t.Context())).To(Succeed())

	a := newAPI(t, nil, newApp())
	first, second := of(a), of(a)
	g.Expect(load(first)).To(BeFalse())
	g.Expect(load(second)).To(BeFalse())
	g.Expect(first.Save(t.Context(), rec)).To(Succeed())
	g.Expect(second.Save(t.Context(), rec)).To(conflict(), "the slower of two leaders begins again")
	g.Expect(load(second)).To(BeTrue())

	g.Expect(a.DeleteAllOf(t.Context(), newApp(), client.InNamespace("shop"))).To(Succeed())
	g.Expect(first.Save(t.Context(), rec)).To(Succeed(), "one that exists is written without asking")
	g.Expect(second.Save(t.Context(), rec)).To(conflict())
	g.Expect(second.Delete(t.Context())).To(conflict())
	g.Expect(first.Delete(t.Context())).To(Succeed())
	g.Expect(load(first)).To(BeFalse())
}
