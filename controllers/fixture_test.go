package controllers

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"trustedapps.dev/operator/api/v1alpha1"
)

// own is the namespace of the operator.
const own = "trustedapp-system"

var appKey = client.ObjectKey{Namespace: "shop", Name: "orders"}

// newApp is an application with our finalizer.
func newApp() *v1alpha1.TrustedApplication {
	return &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: appKey.Namespace, Name: appKey.Name, UID: "uid-1", Generation: 1, Finalizers: []string{v1alpha1.Finalizer}},
		Spec: v1alpha1.TrustedApplicationSpec{
			ApplicationURI: "com.example.orders/sync", Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"},
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: "acme"},
		},
	}
}

// api is an apiserver that counts writes of a status.
type api struct {
	client.Client
	statusWrites int
}

// newAPI makes an apiserver with the objects. refuse may answer a request instead of it, and may be nil.
func newAPI(t *testing.T, refuse func(verb string, object client.Object) error, objects ...client.Object) *api {
	t.Helper()
	scheme := runtime.NewScheme()
	NewWithT(t).Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	NewWithT(t).Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	if refuse == nil {
		refuse = func(string, client.Object) error { return nil }
	}
	a := &api{}
	byServer := func(o client.Object) []string {
		return []string{o.(*v1alpha1.TrustedApplication).Spec.IdentityServerRef.Name}
	}
	a.Client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&v1alpha1.TrustedApplication{}, serverIndex, byServer).
		WithStatusSubresource(&v1alpha1.TrustedApplication{}, &v1alpha1.IdentityServer{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				o.SetNamespace(key.Namespace)
				if err := refuse("get", o); err != nil {
					return err
				}
				return c.Get(ctx, key, o, opts...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
				if err := refuse("patch", o); err != nil {
					return err
				}
				return c.Patch(ctx, o, patch, opts...)
			},
			Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
				if err := refuse("delete", o); err != nil {
					return err
				}
				return c.Delete(ctx, o, opts...)
			},
			SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
				a.statusWrites++
				return c.SubResource(sub).Update(ctx, o, opts...)
			},
		}).Build()
	return a
}

// forbidden is what the apiserver says without a permission.
func forbidden() error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "orders", nil)
}

// inShop says whether an object is a Secret or ConfigMap of the team, which the operator needs a RoleBinding for.
func inShop(o client.Object) bool {
	if _, ok := o.(*v1alpha1.TrustedApplication); ok {
		return false
	}
	return o.GetNamespace() == appKey.Namespace
}

// told drains the events.
func told(recorder *events.FakeRecorder) []string {
	var out []string
	for {
		select {
		case e := <-recorder.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

func credentials(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "acme-operator"}, Data: data}
}
