package controllers

import (
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/shard"
)

func TestAServerIsProtectedAsLongAsAnApplicationNamesIt(t *testing.T) {
	g := NewWithT(t)
	conflict := true
	a := newAPI(t, func(verb string, o client.Object) error {
		if _, ok := o.(*v1alpha1.IdentityServer); ok && verb == "patch" && conflict {
			return apierrors.NewConflict(schema.GroupResource{Resource: "identityservers"}, "acme", nil)
		}
		return nil
	}, acme(), newApp())
	protection := NewServerProtection(a, shard.Shard{})
	reconcile := func() ctrl.Result {
		result, err := protection.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "acme"}})
		g.Expect(err).NotTo(HaveOccurred())
		return result
	}
	finalizers := func() []string {
		var ids v1alpha1.IdentityServer
		g.Expect(a.Get(t.Context(), client.ObjectKey{Name: "acme"}, &ids)).To(Succeed())
		return ids.Finalizers
	}

	g.Expect(reconcile().RequeueAfter).To(Equal(firstConflictPause), "a conflict is no error, and is tried again")
	g.Expect(reconcile().RequeueAfter).To(Equal(2*firstConflictPause), "ever later, as long as the cache does not see why")
	g.Expect(finalizers()).To(BeEmpty())
	conflict = false
	g.Expect(reconcile()).To(BeZero())
	g.Expect(finalizers()).To(ConsistOf(v1alpha1.ServerFinalizer))

	app := newApp()
	g.Expect(a.Get(t.Context(), appKey, app)).To(Succeed())
	app.Finalizers = nil
	g.Expect(a.Update(t.Context(), app)).To(Succeed())
	g.Expect(a.Delete(t.Context(), app)).To(Succeed())
	g.Expect(reconcile()).To(BeZero())
	g.Expect(finalizers()).To(BeEmpty(), "the last application is gone")
}

func TestOneMoreApplicationOfAServerThatIsKeptIsNoNews(t *testing.T) {
	g := NewWithT(t)
	kept, unknown := acme(), newApp()
	kept.Finalizers, unknown.Spec.IdentityServerRef.Name = []string{v1alpha1.ServerFinalizer}, "unknown"
	sees := func(ids *v1alpha1.IdentityServer, app *v1alpha1.TrustedApplication, gone bool) int {
		q := priorityqueue.New[ctrl.Request]("test")
		defer q.ShutDown()
		events := NewServerProtection(newAPI(t, nil, ids), shard.Shard{}).applications()
		if gone {
			events.Delete(t.Context(), event.DeleteEvent{Object: app}, q)
		} else {
			events.Create(t.Context(), event.CreateEvent{Object: app}, q)
		}
		return q.Len()
	}
	g.Expect(sees(acme(), newApp(), false)).To(Equal(1), "the first one")
	g.Expect(sees(kept, newApp(), false)).To(BeZero())
	g.Expect(sees(kept, newApp(), true)).To(Equal(1), "it may be the last one")
	g.Expect(sees(kept, unknown, false)).To(Equal(1))

	with, without := kept.DeepCopy(), acme()
	g.Expect(lost(v1alpha1.ServerFinalizer).Update(event.UpdateEvent{ObjectOld: with, ObjectNew: without})).To(BeTrue(), "one came as it was taken off")
	g.Expect(lost(v1alpha1.ServerFinalizer).Update(event.UpdateEvent{ObjectOld: without, ObjectNew: with})).To(BeFalse())
}
