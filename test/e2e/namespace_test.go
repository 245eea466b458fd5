package e2e

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Serial: it takes a permission from the operator.
var _ = Describe("a namespace that is deleted", Serial, func() {
	It("goes although the operator's RoleBinding goes first", func(ctx SpecContext) {
		w := newWorld(ctx)
		restrictOperator(w)
		Expect(parts.OpenNamespace(ctx, w.namespace)).To(Succeed())
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)

		Expect(w.instance.SetDown(ctx, true)).To(Succeed()) // keeps the application until the RoleBinding is gone
		kubectl("delete", "namespace", w.namespace, "--wait=false")
		Eventually(func() string { return kubectl("get", "rolebindings", "-n", w.namespace, "-o", "name") }).Should(BeEmpty())
		Expect(w.instance.SetDown(ctx, false)).To(Succeed())
		Eventually(func() error {
			return admin.Get(ctx, types.NamespacedName{Name: w.namespace}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{}})
		}).Should(Satisfy(apierrors.IsNotFound))
		_, registered := w.registration(ctx, app)
		Expect(registered).To(BeFalse())
	})
})
