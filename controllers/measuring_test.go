package controllers

import (
	"context"
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	endpoint "sigs.k8s.io/controller-runtime/pkg/metrics"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/metrics"
	"trustedapps.dev/operator/internal/plan"
)

// A process that stands by must not report the same applications once more.
func TestWhatIsExposedBelongsToTheLeaderUnlessItSaysOtherwise(t *testing.T) {
	g := NewWithT(t)
	g.Expect((&exposed{}).NeedLeaderElection()).To(BeTrue())
	g.Expect((&exposed{standby: true}).NeedLeaderElection()).To(BeFalse())
}

func TestMetricsAreExposedAsLongAsTheOperatorLeads(t *testing.T) {
	g := NewWithT(t)
	const name = "trustedapp_test_exposed"
	e := &exposed{collectors: []prometheus.Collector{prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "of a test"})}}
	shown := func() bool {
		families, err := endpoint.Registry.Gather()
		g.Expect(err).NotTo(HaveOccurred())
		for _, f := range families {
			if f.GetName() == name {
				return true
			}
		}
		return false
	}
	for range 2 { // as after a restart in the same process
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Start(ctx) }()
		g.Eventually(shown).Should(BeTrue())
		g.Expect((&exposed{collectors: e.collectors}).Start(ctx)).To(MatchError(ContainSubstring("registering")))
		cancel()
		g.Eventually(ended).Should(Receive(BeNil()))
		g.Expect(shown()).To(BeFalse())
	}
}

func TestHowARunEnded(t *testing.T) {
	app := newApp()
	app.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonSecretConflict}}
	for name, c := range map[string]struct {
		app  *v1alpha1.TrustedApplication
		gone bool
		err  error
		want string
	}{
		"the reason that it left": {app, false, nil, v1alpha1.ReasonSecretConflict},
		"without a condition":     {newApp(), false, nil, v1alpha1.ReasonProgressing},
		"the application is gone": {app, true, nil, "Ended"},
		"Kubernetes failed":       {app, false, errors.New("timeout"), "Error"},
		"somebody else wrote":     {app, false, fmt.Errorf("Apply: %w", execute.ErrLedgerChanged), "Overtaken"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(outcome(c.app, c.gone, c.err)).To(Equal(c.want))
		})
	}
}

func TestResultOfAVerification(t *testing.T) {
	g := NewWithT(t)
	g.Expect(verification(nil)).To(Equal(metrics.Accepted))
	g.Expect(verification(plan.Refused(idserver.Verdict{Code: "invalid_client"}))).To(Equal(metrics.Refused))
	g.Expect(verification(plan.Failure(&idserver.Error{Class: idserver.ErrUnavailable}))).To(Equal(metrics.Unanswered))
}
