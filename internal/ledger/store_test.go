package ledger

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

var (
	orders = App{Namespace: "shop", Name: "orders", UID: "11111111-2222-3333-4444-555555555555"}
	place  = client.ObjectKey{Namespace: "operator", Name: "ta-11111111-2222-3333-4444-555555555555"}
	full   = Record{
		Next:   &Credential{ID: "a", Credential: idserver.Credential{Handle: "h", ClientID: "c", Secret: "s3cr3t", Control: "t0k3n"}},
		Target: "t", RotatedAt: time.Unix(1000, 0).UTC(),
	}
)

func newStore(t *testing.T) (*Store, client.Client) {
	t.Helper()
	c := fake.NewClientBuilder().Build()
	return &Store{Writer: c, Live: c, Namespace: "operator"}, c
}

func TestStoreLifeOfALedger(t *testing.T) {
	g := NewWithT(t)
	store, c := newStore(t)
	entry := store.Entry(orders)
	rec, exists, err := entry.Load(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(exists).To(BeFalse())
	g.Expect(rec.Empty()).To(BeTrue())
	g.Expect(entry.Delete(t.Context())).To(Succeed(), "there is none to delete")

	g.Expect(entry.Save(t.Context(), Record{Target: "first"})).To(Succeed())
	g.Expect(entry.Save(t.Context(), full)).To(Succeed(), "the version of the first write is known")

	var secret corev1.Secret
	g.Expect(c.Get(t.Context(), place, &secret)).To(Succeed())
	g.Expect(secret.Type).To(Equal(SecretType))
	g.Expect(secret.Labels).To(Equal(map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.ApplicationUIDLabel: string(orders.UID), NamespaceLabel: "shop",
	}))
	g.Expect(secret.Annotations).To(Equal(map[string]string{ApplicationAnnotation: "shop/orders"}))
	g.Expect(secret.Data).To(HaveLen(1))

	again := store.Entry(orders)
	rec, exists, err = again.Load(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(exists).To(BeTrue())
	g.Expect(rec).To(Equal(full))
	g.Expect(again.Delete(t.Context())).To(Succeed())
	g.Expect(again.Delete(t.Context())).To(Succeed())
	g.Expect(client.IgnoreNotFound(c.Get(t.Context(), place, &secret))).To(Succeed())
}

func TestStoreRefusesOutdatedWriters(t *testing.T) {
	g := NewWithT(t)
	store, _ := newStore(t)
	former, leader := store.Entry(orders), store.Entry(orders)
	for _, e := range []*Entry{former, leader} {
		_, _, err := e.Load(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(leader.Save(t.Context(), full)).To(Succeed())
	g.Expect(former.Save(t.Context(), Record{})).To(MatchError(ErrConflict), "created by somebody else")

	_, _, err := former.Load(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(leader.Save(t.Context(), full)).To(Succeed())
	g.Expect(former.Save(t.Context(), Record{})).To(MatchError(ErrConflict), "changed by somebody else")
	g.Expect(former.Delete(t.Context())).To(MatchError(ErrConflict))

	g.Expect(leader.Delete(t.Context())).To(Succeed())
	g.Expect(former.Save(t.Context(), Record{})).To(MatchError(ErrConflict), "deleted by somebody else")
	g.Expect(former.Delete(t.Context())).To(Succeed(), "gone is gone")
}

func TestStoreNeverTakesACorruptLedgerForAnEmptyOne(t *testing.T) {
	for name, edit := range map[string]func(*corev1.Secret){
		"no data":      func(s *corev1.Secret) { s.Data = nil },
		"empty record": func(s *corev1.Secret) { s.Data[recordKey] = nil },
		"garbage":      func(s *corev1.Secret) { s.Data[recordKey] = []byte("s3cr3t") },
		"other type":   func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			store, c := newStore(t)
			g.Expect(store.Entry(orders).Save(t.Context(), full)).To(Succeed())
			var secret corev1.Secret
			g.Expect(c.Get(t.Context(), place, &secret)).To(Succeed())
			edit(&secret)
			g.Expect(c.Update(t.Context(), &secret)).To(Succeed())

			entry := store.Entry(orders)
			_, exists, err := entry.Load(t.Context())
			g.Expect(err).To(MatchError(ErrCorrupt))
			g.Expect(err.Error()).To(And(ContainSubstring(place.Name), Not(ContainSubstring("s3cr3t"))))
			g.Expect(exists).To(BeFalse())
			g.Expect(entry.Save(t.Context(), full)).To(MatchError(ErrConflict), "it is not overwritten")
		})
	}
}
