package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// tally adds one scrape up.
type tally struct {
	ready        map[string]metav1.Condition
	applications map[applicationLabels]float64
	notReady     map[notReadyLabels]float64
	orphans      map[string]float64
	parked       map[string]float64
	ages         map[string]*histogram
	oldest       map[string]time.Time
	phases       map[phaseLabels]float64
	due          map[string]time.Time
	orphaned     map[string]float64
	owned        map[string]float64
}

type applicationLabels struct{ server, condition, status, reason string }

type notReadyLabels struct{ server, namespace, state, reason string }

type phaseLabels struct {
	server string
	phase  v1alpha1.RotationPhase
}

// histogram counts how old credentials are.
type histogram struct {
	count   uint64
	sum     time.Duration
	buckets map[float64]uint64 // cumulative, by the upper bound in seconds
}

func newTally() *tally {
	return &tally{
		ready: map[string]metav1.Condition{}, applications: map[applicationLabels]float64{}, notReady: map[notReadyLabels]float64{},
		orphans: map[string]float64{}, parked: map[string]float64{}, ages: map[string]*histogram{}, oldest: map[string]time.Time{},
		phases: map[phaseLabels]float64{}, due: map[string]time.Time{}, orphaned: map[string]float64{}, owned: map[string]float64{},
	}
}

// server adds a server. Servers come first: what is counted of one begins at zero.
func (t *tally) server(ids *v1alpha1.IdentityServer) {
	t.ready[ids.Name] = readiness(ids.Status.Conditions)
	t.orphaned[ids.Name] = float64(ids.Status.Orphaned)
	t.orphans[ids.Name], t.parked[ids.Name], t.ages[ids.Name] = 0, 0, newHistogram()
}

// known is the label for the name of a server that an application wrote.
func (t *tally) known(server string) string {
	if _, ok := t.ready[server]; ok {
		return server
	}
	return Unknown
}

func (t *tally) application(app *v1alpha1.TrustedApplication) {
	server, now := t.known(app.Spec.IdentityServerRef.Name), readiness(app.Status.Conditions)
	t.applications[applicationLabels{server, now.Type, string(now.Status), now.Reason}]++
	for i := range app.Status.Conditions {
		if c := &app.Status.Conditions[i]; conditionTypes[c.Type] && c.Type != now.Type {
			t.applications[applicationLabels{server, c.Type, string(c.Status), c.Reason}]++
		}
	}
	if now.Status != metav1.ConditionTrue {
		state := v1alpha1.ConditionReconciling
		if meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionStalled) {
			state = v1alpha1.ConditionStalled
		}
		t.notReady[notReadyLabels{server, app.Namespace, state, now.Reason}]++
	}
	if n := len(app.Status.Orphans); n > 0 {
		t.orphans[server] += float64(n)
	}
	t.rotation(server, app.Status.Rotation)
}

func (t *tally) rotation(server string, r *v1alpha1.RotationStatus) {
	if r == nil {
		return
	}
	t.phases[phaseLabels{server, r.Phase}]++
	if r.NextTime == nil {
		return
	}
	if first, ok := t.due[server]; !ok || r.NextTime.Time.Before(first) {
		t.due[server] = r.NextTime.Time
	}
}

// credential adds the published credential of an application. A clock may be behind the one that made it.
func (t *tally) credential(app *v1alpha1.TrustedApplication, made, now time.Time) {
	server := t.known(app.Spec.IdentityServerRef.Name)
	if t.ages[server] == nil {
		t.ages[server] = newHistogram()
	}
	t.ages[server].add(max(0, now.Sub(made)))
	if first, ok := t.oldest[server]; !ok || made.Before(first) {
		t.oldest[server] = made
	}
}

func newHistogram() *histogram {
	h := &histogram{buckets: map[float64]uint64{}}
	for _, bound := range ageBuckets {
		h.buckets[bound.Seconds()] = 0
	}
	return h
}

func (h *histogram) add(age time.Duration) {
	h.count++
	h.sum += age
	for _, bound := range ageBuckets {
		if age <= bound {
			h.buckets[bound.Seconds()]++
		}
	}
}

func (t *tally) emit(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for server, c := range t.ready {
		value := 0.0
		if c.Status == metav1.ConditionTrue {
			value = 1
		}
		gauge(ready, value, server, c.Reason)
	}
	for l, n := range t.applications {
		gauge(applications, n, l.server, l.condition, l.status, l.reason)
	}
	for l, n := range t.notReady {
		gauge(notReady, n, l.server, l.namespace, l.state, l.reason)
	}
	for server, n := range t.orphans {
		gauge(orphans, n, server)
	}
	for server, n := range t.parked {
		gauge(parked, n, server)
	}
	for server, h := range t.ages {
		out <- prometheus.MustNewConstHistogram(ages, h.count, h.sum.Seconds(), h.buckets, server)
	}
	for server, made := range t.oldest {
		gauge(oldest, float64(made.Unix()), server)
	}
	for server, n := range t.orphaned {
		gauge(orphaned, n, server)
	}
	for server, n := range t.owned {
		gauge(owned, n, server)
	}
	for l, n := range t.phases {
		gauge(phases, n, l.server, string(l.phase))
	}
	for server, at := range t.due {
		gauge(overdue, float64(at.Unix()), server)
	}
}
