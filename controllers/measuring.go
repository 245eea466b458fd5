package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	endpoint "sigs.k8s.io/controller-runtime/pkg/metrics"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/inventory"
	"trustedapps.dev/operator/internal/metrics"
	"trustedapps.dev/operator/internal/plan"
)

// exposed shows collectors at the metrics endpoint as long as it runs.
type exposed struct {
	collectors []prometheus.Collector
	// standby: also while another process is the leader.
	standby bool
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (e *exposed) NeedLeaderElection() bool { return !e.standby }

// Start implements manager.Runnable.
func (e *exposed) Start(ctx context.Context) error {
	for _, c := range e.collectors {
		if err := endpoint.Registry.Register(c); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	<-ctx.Done()
	for _, c := range e.collectors {
		endpoint.Registry.Unregister(c)
	}
	return nil
}

// expose shows what the operator does and knows while it leads; a process that stands by says only that.
func (s Setup) expose(mgr manager.Manager, activity *metrics.Activity, published *namespaces, gate *connections.Gate, book *inventory.Book) error {
	state := &metrics.State{
		Reader: mgr.GetClient(), Shard: s.Shard, Secrets: published.Secrets, Parked: gate.Parked, Owned: book.Owned, Now: time.Now,
	}
	err := errors.Join(
		mgr.Add(&exposed{collectors: []prometheus.Collector{metrics.Leading(s.Lease, mgr.Elected())}, standby: true}),
		mgr.Add(&exposed{collectors: []prometheus.Collector{activity, state}}),
	)
	if err != nil {
		return fmt.Errorf("adding metrics: %w", err)
	}
	return nil
}

// tell logs and counts the steps of a run as they are tried. An error of Kubernetes is logged where the run ends.
func (r *TrustedApplicationReconciler) tell(ctx context.Context, server string) func(step, failure plan.Step, err error) {
	return func(step, failure plan.Step, err error) {
		if err != nil {
			return
		}
		if step == (plan.Verify{}) {
			r.Metrics.Verified(server, verification(failure))
		}
		if failure != nil {
			reason, message := ending(failure)
			log.FromContext(ctx).V(1).Info("the server kept a step from its effect", keyStep, execute.Name(step), keyReason, reason, keyMessage, message)
			return
		}
		log.FromContext(ctx).V(1).Info("took a step", keyStep, execute.Name(step))
	}
}

// verification is the result of a verification that led to the failure, or to none.
func verification(failure plan.Step) metrics.Result {
	if failure == nil {
		return metrics.Accepted
	}
	if reason, _ := ending(failure); reason == v1alpha1.ReasonVerificationFailed {
		return metrics.Refused
	}
	return metrics.Unanswered
}

// ending is the reason and message of an end; empty for Done.
func ending(end plan.Step) (reason, message string) {
	switch e := end.(type) {
	case plan.Wait:
		return e.Reason, e.Message
	case plan.Fail:
		return e.Reason, e.Message
	}
	return "", ""
}

// Outcomes of runs that have no reason of a condition.
const (
	outcomeEnded     = "Ended"     // the application is gone
	outcomeOvertaken = "Overtaken" // somebody else wrote meanwhile
	outcomeError     = "Error"     // of Kubernetes
)

// outcome is how a run ended, for counting: else the reason of the Ready condition that it left.
func outcome(app *v1alpha1.TrustedApplication, gone bool, err error) string {
	switch {
	case overtaken(err):
		return outcomeOvertaken
	case err != nil:
		return outcomeError
	case gone:
		return outcomeEnded
	}
	if ready := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return v1alpha1.ReasonProgressing
}
