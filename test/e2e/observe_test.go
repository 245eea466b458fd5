package e2e

import (
	"context"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
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

// canarySet holds secret values that must appear nowhere but in Secrets.
type canarySet struct {
	mu     sync.Mutex
	values map[string]bool
}

var canaries = &canarySet{values: map[string]bool{bed.OperatorSecret: true}}

func (c *canarySet) add(value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if value != "" {
		c.values[value] = true
	}
}

func (c *canarySet) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.values)
}

// in tells whether one of them is in the text. It does not say which, so that a failure does not leak it once more.
func (c *canarySet) in(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for v := range c.values {
		if strings.Contains(text, v) {
			return true
		}
	}
	return false
}
