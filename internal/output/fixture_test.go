package output

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

var (
	secretKey    = client.ObjectKey{Namespace: "shop", Name: "orders-secret"}
	configMapKey = client.ObjectKey{Namespace: "shop", Name: "orders-web"}
)

// live serves as the apiserver, and notes whose data was asked for.
type live struct {
	client.Client
	dataRead []string
	writes   int
}

func (l *live) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if _, metadataOnly := obj.(*metav1.PartialObjectMetadata); !metadataOnly {
		l.dataRead = append(l.dataRead, key.Name)
	}
	return l.Client.Get(ctx, key, obj, opts...)
}

func (l *live) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	l.writes++
	return l.Client.Create(ctx, obj, opts...)
}

func (l *live) Update(ctx context.Context, obj client.Object, opts ...client.UpdateOption) error {
	l.writes++
	return l.Client.Update(ctx, obj, opts...)
}

func (l *live) Delete(ctx context.Context, obj client.Object, opts ...client.DeleteOption) error {
	l.writes++
	return l.Client.Delete(ctx, obj, opts...)
}

// fixture is one application on an apiserver.
type fixture struct {
	Gomega
	t     *testing.T
	api   *live
	store *Store
	rec   ledger.Record
}

func newFixture(t *testing.T, existing ...client.Object) *fixture {
	t.Helper()
	api := &live{Client: fake.NewClientBuilder().WithObjects(existing...).Build()}
	return &fixture{
		Gomega: NewWithT(t), t: t, api: api, store: &Store{Writer: api, Live: api, Metadata: api},
		rec: ledger.Record{Next: &credential, Target: "t1", RotatedAt: issuedAt},
	}
}

func (f *fixture) observe(app App) plan.Output {
	f.t.Helper()
	out, err := f.store.Objects(app, server).Observe(f.t.Context(), f.rec)
	f.Expect(err).NotTo(HaveOccurred())
	return out
}

func (f *fixture) publish(app App) {
	f.t.Helper()
	f.Expect(f.store.Objects(app, server).Publish(f.t.Context(), f.rec)).To(Succeed())
}

func (f *fixture) secret() *corev1.Secret {
	f.t.Helper()
	var s corev1.Secret
	f.Expect(f.api.Client.Get(f.t.Context(), secretKey, &s)).To(Succeed())
	return &s
}

func (f *fixture) edit(change func(*corev1.Secret)) {
	f.t.Helper()
	s := f.secret()
	change(s)
	f.Expect(f.api.Client.Update(f.t.Context(), s)).To(Succeed())
}
