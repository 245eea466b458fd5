package controllers

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/roster"
)

// searchable is a probed Connection that shows registrations.
type searchable struct {
	*probed
	shown   []idserver.Surveyed
	failure error
	surveys int
}

func (s *searchable) Survey(context.Context) iter.Seq2[idserver.Surveyed, error] {
	s.surveys++
	return func(yield func(idserver.Surveyed, error) bool) {
		for _, one := range s.shown {
			if !yield(one, nil) {
				return
			}
		}
		if s.failure != nil {
			yield(idserver.Surveyed{}, s.failure)
		}
	}
}

// inventoryWorld is a reconciler of one server, and what it publishes.
type inventoryWorld struct {
	*servers
	server *searchable
}

func newInventoryWorld(t *testing.T, objects ...client.Object) *inventoryWorld {
	t.Helper()
	ids := acme()
	ids.Annotations = map[string]string{v1alpha1.InventoryAnnotation: "first"}
	s := newServers(t, append(objects, ids, login())...)
	w := &inventoryWorld{servers: s, server: &searchable{probed: s.now}}
	w.server.shown = []idserver.Surveyed{{Reply: idserver.Reply{Credential: idserver.Credential{ClientID: "com.example.orders/sync"}}}}
	w.Dial = func(v1alpha1.IdentityServerSpec, connections.Credentials, func(idserver.Call)) (idserver.Connection, error) {
		return w.server, nil
	}
	return w
}

func (w *inventoryWorld) reconcile(t *testing.T) (ctrl.Result, *v1alpha1.PublishedInventory) {
	t.Helper()
	result, err := w.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "acme"}})
	w.Expect(err).NotTo(HaveOccurred())
	return result, w.object(t).Status.Inventory
}

func (w *inventoryWorld) object(t *testing.T) *v1alpha1.IdentityServer {
	t.Helper()
	var ids v1alpha1.IdentityServer
	w.Expect(w.api.Get(t.Context(), client.ObjectKey{Name: "acme"}, &ids)).To(Succeed())
	return &ids
}

func (w *inventoryWorld) edit(t *testing.T, change func(*v1alpha1.IdentityServer)) {
	t.Helper()
	ids := w.object(t)
	change(ids)
	w.Expect(w.api.Update(t.Context(), ids)).To(Succeed())
}

func (w *inventoryWorld) published(t *testing.T) []corev1.ConfigMap {
	t.Helper()
	var list corev1.ConfigMapList
	w.Expect(w.api.List(t.Context(), &list, client.InNamespace(own))).To(Succeed())
	return list.Items
}

func TestAnInventoryIsPublishedOncePerRequest(t *testing.T) {
	w := newInventoryWorld(t)
	result, told := w.reconcile(t)
	w.Expect(told).NotTo(BeNil())
	w.Expect(*told).To(And(HaveField("HandledRequest", "first"), HaveField("ConfigMaps", []string{"inventory-acme-1"}), HaveField("Namespace", own),
		HaveField("Registrations", BeEquivalentTo(1)), HaveField("Problem", "")))
	w.Expect(told.Expires.Sub(told.Time.Time)).To(Equal(time.Hour))
	w.Expect(result.RequeueAfter).To(Equal(w.ProbeInterval), "the probe comes before the end of the list")
	pages := w.published(t)
	w.Expect(pages).To(HaveLen(1))
	w.Expect(pages[0].Labels).To(HaveKeyWithValue(v1alpha1.ManagedByLabel, v1alpha1.ManagedByValue), "so that the admission policy lets it through")
	w.Expect(pages[0].OwnerReferences).To(ConsistOf(And(HaveField("UID", BeEquivalentTo("uid-1")), HaveField("BlockOwnerDeletion", BeNil()))))
	document, err := roster.Read([][]byte{[]byte(pages[0].Data[roster.Key])})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(document.Registrations).To(ConsistOf(HaveField("ClientID", "com.example.orders/sync")))

	writes := w.api.statusWrites
	w.reconcile(t)
	w.Expect(w.server.surveys).To(Equal(1))
	w.Expect(w.api.statusWrites).To(Equal(writes))

	w.edit(t, func(ids *v1alpha1.IdentityServer) { ids.Annotations[v1alpha1.InventoryAnnotation] = "second" })
	_, told = w.reconcile(t)
	w.Expect(told.HandledRequest).To(Equal("second"))
	w.Expect(w.server.surveys).To(Equal(2))
	w.Expect(w.published(t)).To(HaveLen(1), "in the place of the former one")
}

func TestAnInventoryExpires(t *testing.T) {
	for name, also := range map[string]func(*v1alpha1.IdentityServer){
		"of a server that is well": func(*v1alpha1.IdentityServer) {},
		"of a server that is paused": func(ids *v1alpha1.IdentityServer) {
			ids.Annotations[v1alpha1.PausedAnnotation] = v1alpha1.PausedValue
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newInventoryWorld(t)
			w.reconcile(t)
			page := w.published(t)[0]
			soon := time.Now().Add(time.Minute)
			page.Annotations[v1alpha1.ExpiresAnnotation] = soon.Format(time.RFC3339)
			w.Expect(w.api.Update(t.Context(), &page)).To(Succeed())
			result, _ := w.reconcile(t)
			w.Expect(result.RequeueAfter).To(BeNumerically("~", time.Minute, 5*time.Second), "also after a restart")

			page = w.published(t)[0]
			page.Annotations[v1alpha1.ExpiresAnnotation] = time.Now().Add(-time.Second).Format(time.RFC3339)
			w.Expect(w.api.Update(t.Context(), &page)).To(Succeed())
			ids := w.object(t)
			ids.Status.Inventory.Expires = new(metav1.NewTime(time.Now().Add(-time.Second)))
			w.Expect(w.api.Status().Update(t.Context(), ids)).To(Succeed())
			w.edit(t, also)
			_, told := w.reconcile(t)
			w.Expect(w.published(t)).To(BeEmpty())
			w.Expect(told.ConfigMaps).To(BeEmpty())
			w.Expect(told.HandledRequest).To(Equal("first"), "it is not published again")
		})
	}
}

func TestWhyThereIsNoInventory(t *testing.T) {
	t.Run("the server cannot be searched", func(t *testing.T) {
		w := newInventoryWorld(t)
		w.Dial = func(v1alpha1.IdentityServerSpec, connections.Credentials, func(idserver.Call)) (idserver.Connection, error) {
			return w.now, nil
		}
		_, told := w.reconcile(t)
		w.Expect(told.Problem).To(ContainSubstring("shows nobody the registrations of others"))
	})
	t.Run("the list breaks off", func(t *testing.T) {
		w := newInventoryWorld(t)
		w.server.failure = errors.New("the server cannot answer now")
		_, told := w.reconcile(t)
		w.Expect(told.Problem).To(And(ContainSubstring("cannot answer now"), ContainSubstring("ask again")))
		w.Expect(w.published(t)).To(BeEmpty(), "half a list is none")
	})
	t.Run("the name is taken", func(t *testing.T) {
		taken := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "inventory-acme-1"}, Data: map[string]string{"theirs": "x"}}
		w := newInventoryWorld(t, taken)
		_, told := w.reconcile(t)
		w.Expect(told.Problem).To(ContainSubstring("already exists"))
		w.Expect(w.published(t)).To(ConsistOf(HaveField("Data", HaveKey("theirs"))))
	})
}
