// Package metrics tells Prometheus what the operator does and what it knows. docs/metrics.md explains every metric; an end-to-end spec
// compares that table with a real scrape. Labels hold names of IdentityServers and namespaces, what the operator was started with, and constants of this
// program: nothing that an application's team or a server can choose, and never a value of a Secret.
package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trustedapps.dev/operator/internal/idserver"
)

// Labels.
const (
	labelServer    = "server"
	labelNamespace = "app_namespace" // not "namespace": Prometheus gives that name to where it scrapes
	labelCondition = "condition"
	labelStatus    = "status"
	labelReason    = "reason"
	labelState     = "state"
	labelPhase     = "phase"
	labelOperation = "operation"
	labelCode      = "code"
	labelResult    = "result"
	labelLease     = "lease"
)

// Result is how a verification ended.
type Result string

// The results.
const (
	// Accepted: the server accepted the credential.
	Accepted Result = "accepted"
	// Refused: the server refused the credential.
	Refused Result = "refused"
	// Unanswered: nothing was found out.
	Unanswered Result = "unanswered"
)

// Activity counts what this process does. It is safe for concurrent use.
type Activity struct {
	requests      *prometheus.CounterVec
	durations     *prometheus.HistogramVec
	verifications *prometheus.CounterVec
	reconciles    *prometheus.CounterVec
	probed        *prometheus.GaugeVec
	probeTook     *prometheus.GaugeVec
	swept         *prometheus.GaugeVec
}

// NewActivity makes the counters. They are seen once they are registered.
func NewActivity() *Activity {
	return &Activity{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trustedapp_server_requests_total",
			Help: "Requests to identity servers, by what they were for and the HTTP status of the answer.",
		}, []string{labelServer, labelOperation, labelCode}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "trustedapp_server_request_duration_seconds",
			Help:    "Time from sending a request to an identity server to the end of its answer.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{labelServer, labelOperation}),
		verifications: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trustedapp_verifications_total",
			Help: "Proofs of credentials by a token request, by their result.",
		}, []string{labelServer, labelResult}),
		reconciles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trustedapp_reconciles_total",
			Help: "Runs on applications, by how they ended.",
		}, []string{labelServer, labelReason}),
		probed: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "trustedapp_server_probe_timestamp_seconds",
			Help: "When the last probe of an identity server ended, whatever it found.",
		}, []string{labelServer}),
		probeTook: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "trustedapp_server_probe_duration_seconds",
			Help: "How long the last probe of an identity server took.",
		}, []string{labelServer}),
		swept: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "trustedapp_server_sweep_timestamp_seconds",
			Help: "When the last look at all registrations of this cluster at an identity server ended.",
		}, []string{labelServer}),
	}
}

// vectors are all of them.
func (a *Activity) vectors() []interface {
	prometheus.Collector
	DeletePartialMatch(prometheus.Labels) int
} {
	return []interface {
		prometheus.Collector
		DeletePartialMatch(prometheus.Labels) int
	}{a.requests, a.durations, a.verifications, a.reconciles, a.probed, a.probeTook, a.swept}
}

// Describe implements prometheus.Collector.
func (a *Activity) Describe(out chan<- *prometheus.Desc) {
	for _, v := range a.vectors() {
		v.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (a *Activity) Collect(out chan<- prometheus.Metric) {
	for _, v := range a.vectors() {
		v.Collect(out)
	}
}

// Swept notes that a look at all registrations ended.
func (a *Activity) Swept(server string, at time.Time) {
	a.swept.WithLabelValues(server).Set(float64(at.Unix()))
}

// Request counts a request to a server.
func (a *Activity) Request(server string, call idserver.Call) {
	a.requests.WithLabelValues(server, string(call.Operation), code(call.Status)).Inc()
	a.durations.WithLabelValues(server, string(call.Operation)).Observe(call.Duration.Seconds())
}

// code is an HTTP status as a label. A server can answer any number; only those that exist become labels.
func code(status int) string {
	switch {
	case status == 0:
		return "none"
	case status < 100 || status > 599:
		return "other"
	}
	return strconv.Itoa(status)
}

// Verified counts a verification.
func (a *Activity) Verified(server string, result Result) {
	a.verifications.WithLabelValues(server, string(result)).Inc()
}

// Reconciled counts a run on an application of the server.
func (a *Activity) Reconciled(server, reason string) {
	a.reconciles.WithLabelValues(server, reason).Inc()
}

// Probed notes a probe of a server that ended at the time.
func (a *Activity) Probed(server string, ended time.Time, took time.Duration) {
	a.probed.WithLabelValues(server).Set(float64(ended.UnixMilli()) / 1000)
	a.probeTook.WithLabelValues(server).Set(took.Seconds())
}

// Forget drops everything about a server that is gone.
func (a *Activity) Forget(server string) {
	for _, v := range a.vectors() {
		v.DeletePartialMatch(prometheus.Labels{labelServer: server})
	}
}
