package metrics

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/shard"
)

// Unknown stands for the name of a server that does not exist. A team may write any name into its applications, so only names that the
// platform team gave become labels. It is no valid name of an object.
const Unknown = "(unknown)"

// pending is the reason of an application that has no condition yet.
const pending = "Pending"

var (
	applications = desc("trustedapp_applications", "TrustedApplications by the status and reason of each condition.",
		labelServer, labelCondition, labelStatus, labelReason)
	notReady = desc("trustedapp_applications_not_ready", "TrustedApplications that are not Ready, by namespace. State is Reconciling or Stalled.",
		labelServer, labelNamespace, labelState, labelReason)
	orphans  = desc("trustedapp_declared_orphans", "Registrations that lost answers may have left at the server.", labelServer)
	parked   = desc("trustedapp_parked_applications", "TrustedApplications that wait for their turn at the server.", labelServer)
	ready    = desc("trustedapp_server_ready", "1 where the IdentityServer is Ready, 0 where it is not.", labelServer, labelReason)
	ages     = desc("trustedapp_credential_age_seconds", "Time since the published credentials were made.", labelServer)
	phases   = desc("trustedapp_rotations", "TrustedApplications with a secret, by the phase of its rotation.", labelServer, labelPhase)
	overdue  = desc("trustedapp_rotation_next_timestamp_seconds", "When the schedule asks for the next rotation, of all applications the first.", labelServer)
	orphaned = desc("trustedapp_orphaned_registrations", "Registrations that carry the mark of this cluster and belong to no TrustedApplication.", labelServer)
	owned    = desc("trustedapp_registrations", "Registrations that carry the mark of this cluster, at the last sweep.", labelServer)
	oldest   = desc("trustedapp_credential_oldest_timestamp_seconds", "When the oldest published credential was made.", labelServer)
)

// ageBuckets are what a policy asks about: a day, a week, a month, a quarter, half a year, a year.
var ageBuckets = []time.Duration{day, 7 * day, 30 * day, 90 * day, 180 * day, 365 * day}

const day = 24 * time.Hour

// conditionTypes are the conditions that are counted.
var conditionTypes = map[string]bool{
	v1alpha1.ConditionReady: true, v1alpha1.ConditionReconciling: true, v1alpha1.ConditionStalled: true,
	v1alpha1.ConditionPaused: true, v1alpha1.ConditionInSync: true,
	v1alpha1.ConditionRegistered: true, v1alpha1.ConditionCredentialsPublished: true, v1alpha1.ConditionCredentialsVerified: true,
}

// scrapeLimit bounds a look at the caches, which are full unless the process has just begun.
const scrapeLimit = 5 * time.Second

// State reports what the caches hold at the moment of a scrape, so that nothing is left of what is gone. It costs no request.
type State struct {
	// Reader reads TrustedApplications and IdentityServers from the cache.
	Reader client.Reader
	// Shard is what is counted: each server and its applications by one operator, or sums over all of them would be wrong.
	Shard shard.Shard
	// Secrets lists the metadata of the published Secrets from the cache.
	Secrets func(context.Context) ([]metav1.PartialObjectMetadata, error)
	// Parked says how many applications wait, by server.
	Parked func() map[string]int
	// Owned says how many registrations of this cluster a server had at the last sweep.
	Owned func() map[string]int
	// Now is the clock.
	Now func() time.Time
}

// Describe implements prometheus.Collector.
func (s *State) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{applications, notReady, orphans, parked, ready, ages, oldest, phases, overdue, orphaned, owned} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *State) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	t, err := s.count(ctx)
	if err != nil { // the scrape fails, and Prometheus shows the error at the target
		out <- prometheus.NewInvalidMetric(applications, err)
		return
	}
	t.emit(out)
}

// count looks at everything.
func (s *State) count(ctx context.Context) (*tally, error) {
	// What is listed is shared with the cache, and only read.
	shared := []client.ListOption{client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy}
	var servers v1alpha1.IdentityServerList
	if err := s.Reader.List(ctx, &servers, shared...); err != nil {
		return nil, fmt.Errorf("listing IdentityServers: %w", err)
	}
	var apps v1alpha1.TrustedApplicationList
	if err := s.Reader.List(ctx, &apps, shared...); err != nil {
		return nil, fmt.Errorf("listing TrustedApplications: %w", err)
	}
	secrets, err := s.Secrets(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the metadata of published Secrets: %w", err)
	}
	t, here := newTally(), s.Shard.Among(servers.Items)
	for i := range servers.Items {
		if here(servers.Items[i].Name) {
			t.server(&servers.Items[i])
		}
	}
	for server, n := range s.Owned() {
		if here(server) {
			t.owned[t.known(server)] = float64(n)
		}
	}
	for server, n := range s.Parked() {
		if here(server) {
			t.parked[t.known(server)] += float64(n)
		}
	}
	made := issued(secrets)
	now := s.Now()
	for i := range apps.Items {
		app := &apps.Items[i]
		if !here(app.Spec.IdentityServerRef.Name) {
			continue
		}
		t.application(app)
		if at, ok := made[app.UID]; ok {
			t.credential(app, at, now)
		}
	}
	return t, nil
}

// issued finds when the credentials in published Secrets were made, by the UID of their application.
func issued(secrets []metav1.PartialObjectMetadata) map[types.UID]time.Time {
	made := make(map[types.UID]time.Time, len(secrets))
	for i := range secrets {
		owner := metav1.GetControllerOf(&secrets[i])
		if owner == nil {
			continue
		}
		at, err := time.Parse(time.RFC3339, secrets[i].Annotations[v1alpha1.IssuedAtAnnotation])
		if err == nil && at.After(made[owner.UID]) { // one that was renamed may be there twice for a moment
			made[owner.UID] = at
		}
	}
	return made
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// readiness is the Ready condition of an object; one that nobody looked at yet has none.
func readiness(conditions []metav1.Condition) metav1.Condition {
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: pending}
}
