package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/canary"
	"trustedapps.dev/operator/test/standin"
)

func withVersion(version string) func(*standin.Spec) {
	return func(s *standin.Spec) { s.Version = version }
}

func readyOf(app *v1alpha1.TrustedApplication) metav1.Condition {
	if c := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// conditionOf returns a condition by its type.
func conditionOf(app *v1alpha1.TrustedApplication, kind string) *metav1.Condition {
	return meta.FindStatusCondition(app.Status.Conditions, kind)
}

func events(ctx context.Context, namespace string) []eventsv1.Event {
	GinkgoHelper()
	var list eventsv1.EventList
	Expect(admin.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
	return list.Items
}

// canaries hold secret values that must appear nowhere but in Secrets.
var canaries canary.Canaries

func init() { canaries.Plant("the operator's own secret", bed.OperatorSecret) }
