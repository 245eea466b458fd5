package cluster

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func installedSpecs() {
	It("has two replicas, one of which leads, where only restricted Pods are let in", func(ctx SpecContext) {
		Expect(replicas(ctx)).To(Equal(2))
		Eventually(leader).WithContext(ctx).ShouldNot(BeEmpty())
		open := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "open"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "open", Image: operatorImage + ":present"}}},
		}
		Expect(admin.Create(ctx, open, client.DryRunAll)).To(MatchError(ContainSubstring(`violates PodSecurity "restricted`)))

		// The template of the chart is let in, whether a kubelet runs it or not.
		d, err := deployment(ctx)
		Expect(err).NotTo(HaveOccurred())
		own := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "own"}, Spec: d.Spec.Template.Spec}
		Expect(admin.Create(ctx, own, client.DryRunAll)).To(Succeed())
	})

	It("may do with Secrets what it must, where it must, and nothing elsewhere", func(ctx SpecContext) {
		account := fmt.Sprintf("--as=system:serviceaccount:%s:%s", operatorNamespace, release)
		may := func(verb, namespace string) string {
			// can-i exits with 1 where the answer is no
			said, err := kubectl(ctx, "auth", "can-i", verb, "secrets", "-n", namespace, account)
			if err != nil {
				return "no"
			}
			return said
		}
		for _, verb := range []string{"get", "create", "update", "delete"} {
			Expect(may(verb, appNamespace)).To(ContainSubstring("yes"), verb)
			Expect(may(verb, "default")).To(Equal("no"), verb)
			Expect(may(verb, "kube-system")).To(Equal("no"), verb)
		}
	})
}
