package metrics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/shard"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// cluster is what the caches hold.
type cluster struct {
	client.Reader
	servers []v1alpha1.IdentityServer
	apps    []v1alpha1.TrustedApplication
	secrets []metav1.PartialObjectMetadata
	parked  map[string]int
	owned   map[string]int
	shard   shard.Shard
	err     error
}

func (c *cluster) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	switch l := list.(type) {
	case *v1alpha1.IdentityServerList:
		l.Items = c.servers
	case *v1alpha1.TrustedApplicationList:
		l.Items = c.apps
	}
	return c.err
}

func (c *cluster) state() *State {
	return &State{
		Reader: c, Shard: c.shard, Now: func() time.Time { return now }, Parked: func() map[string]int { return c.parked },
		Owned:   func() map[string]int { return c.owned },
		Secrets: func(context.Context) ([]metav1.PartialObjectMetadata, error) { return c.secrets, nil },
	}
}

func condition(kind, status, reason string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: metav1.ConditionStatus(status), Reason: reason}
}

func (c *cluster) addServer(name string, conditions ...metav1.Condition) {
	c.servers = append(c.servers, v1alpha1.IdentityServer{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Status: v1alpha1.IdentityServerStatus{Conditions: conditions},
	})
}

func (c *cluster) addApp(namespace, server string, conditions ...metav1.Condition) *v1alpha1.TrustedApplication {
	n := len(c.apps)
	c.apps = append(c.apps, v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprint("app-", n), UID: types.UID(fmt.Sprint("uid-", n))},
		Spec:       v1alpha1.TrustedApplicationSpec{IdentityServerRef: v1alpha1.IdentityServerReference{Name: server}},
		Status:     v1alpha1.TrustedApplicationStatus{Conditions: conditions},
	})
	return &c.apps[n]
}

func (c *cluster) addSecret(owner types.UID, issuedAt string) {
	yes := true
	c.secrets = append(c.secrets, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Annotations:     map[string]string{v1alpha1.IssuedAtAnnotation: issuedAt},
		OwnerReferences: []metav1.OwnerReference{{UID: owner, Controller: &yes}},
	}})
}

func TestRotations(t *testing.T) {
	g := NewWithT(t)
	c := &cluster{}
	c.addServer("acme")
	c.addServer("idle")
	for i, phase := range []v1alpha1.RotationPhase{v1alpha1.RotationIdle, v1alpha1.RotationIdle, v1alpha1.RotationGrace} {
		next := metav1.NewTime(now.Add(time.Duration(3-i) * time.Hour))
		c.addApp("shop", "acme").Status.Rotation = &v1alpha1.RotationStatus{Phase: phase, NextTime: &next}
	}
	c.addApp("shop", "idle").Status.Rotation = &v1alpha1.RotationStatus{Phase: v1alpha1.RotationIdle}
	c.addApp("shop", "idle") // a public one
	got := gather(t, c.state())
	g.Expect(matching(got, "rotation")).To(Equal(map[string]float64{
		"rotations{phase=Idle,server=acme}": 2, "rotations{phase=Grace,server=acme}": 1, "rotations{phase=Idle,server=idle}": 1,
		"rotation_next_timestamp_seconds{server=acme}": float64(now.Add(time.Hour).Unix()),
	}))
}

func TestOrphanedAndOwned(t *testing.T) {
	g := NewWithT(t)
	c := &cluster{owned: map[string]int{"acme": 7}}
	c.addServer("acme")
	c.addServer("new")
	c.servers[0].Status.Orphaned = 2
	got := gather(t, c.state())
	g.Expect(matching(got, "orphaned_")).To(Equal(map[string]float64{"orphaned_registrations{server=acme}": 2, "orphaned_registrations{server=new}": 0}))
	g.Expect(matching(got, "registrations{")).To(Equal(map[string]float64{"registrations{server=acme}": 7}))
}

func TestApplicationsByCondition(t *testing.T) {
	g := NewWithT(t)
	c := &cluster{}
	c.addServer("acme")
	healthy := []metav1.Condition{condition("Ready", "True", "Ready"), condition("Registered", "True", "Registered"), condition("Mine", "True", "Mine")}
	c.addApp("shop", "acme", healthy...)
	c.addApp("shop", "acme", healthy...)
	c.addApp("shop", "acme", condition("Ready", "False", "Invalid"), condition("Stalled", "True", "Invalid"))
	c.addApp("shop", "acme", condition("Ready", "False", "OutcomeUnknown"), condition("Reconciling", "True", "OutcomeUnknown"))
	c.addApp("web", "acme")
	c.addApp("web", "acme-typo", condition("Ready", "False", "IdentityServerNotFound"))
	got := gather(t, c.state())
	g.Expect(matching(got, "applications{")).To(Equal(map[string]float64{
		"applications{condition=Ready,reason=Ready,server=acme,status=True}":                        2,
		"applications{condition=Registered,reason=Registered,server=acme,status=True}":              2,
		"applications{condition=Ready,reason=Invalid,server=acme,status=False}":                     1,
		"applications{condition=Stalled,reason=Invalid,server=acme,status=True}":                    1,
		"applications{condition=Ready,reason=OutcomeUnknown,server=acme,status=False}":              1,
		"applications{condition=Reconciling,reason=OutcomeUnknown,server=acme,status=True}":         1,
		"applications{condition=Ready,reason=Pending,server=acme,status=Unknown}":                   1,
		"applications{condition=Ready,reason=IdentityServerNotFound,server=(unknown),status=False}": 1,
	}))
	g.Expect(matching(got, "applications_not_ready{")).To(Equal(map[string]float64{
		"applications_not_ready{app_namespace=shop,reason=Invalid,server=acme,state=Stalled}":                        1,
		"applications_not_ready{app_namespace=shop,reason=OutcomeUnknown,server=acme,state=Reconciling}":             1,
		"applications_not_ready{app_namespace=web,reason=Pending,server=acme,state=Reconciling}":                     1,
		"applications_not_ready{app_namespace=web,reason=IdentityServerNotFound,server=(unknown),state=Reconciling}": 1,
	}))
}

func TestServersOrphansAndParked(t *testing.T) {
	g := NewWithT(t)
	c := &cluster{parked: map[string]int{"acme": 7, "gone": 1, "gone-too": 1}}
	c.addServer("acme", condition("Ready", "True", "Ready"))
	c.addServer("down", condition("Ready", "False", "ServerUnavailable"))
	c.addServer("new")
	c.addApp("shop", "acme").Status.Orphans = []string{"Order sync", "Order sync 2"}
	c.addApp("shop", "acme").Status.Orphans = []string{"Board"}
	got := gather(t, c.state())
	for prefix, want := range map[string]map[string]float64{
		"server_ready{":        {"{reason=Ready,server=acme}": 1, "{reason=ServerUnavailable,server=down}": 0, "{reason=Pending,server=new}": 0},
		"declared_orphans{":    {"{server=acme}": 3, "{server=down}": 0, "{server=new}": 0},
		"parked_applications{": {"{server=acme}": 7, "{server=down}": 0, "{server=new}": 0, "{server=(unknown)}": 2},
	} {
		whole := map[string]float64{}
		for labels, v := range want {
			whole[strings.TrimSuffix(prefix, "{")+labels] = v
		}
		g.Expect(matching(got, prefix)).To(Equal(whole))
	}
}

func TestCredentialAge(t *testing.T) {
	g := NewWithT(t)
	c := &cluster{}
	c.addServer("acme")
	c.addServer("empty")
	for _, issued := range []string{
		"2026-11-25T11:00:00Z",      // an hour
		"2026-11-20T14:00:00+02:00", // five days
		"2025-01-01T00:00:00Z",      // more than a year
		"2026-11-25T12:05:00Z",      // of a clock that is ahead
		"yesterday",                 // of whoever edits annotations
	} {
		c.addSecret(c.addApp("shop", "acme").UID, issued)
	}
	c.addSecret("of-no-application", "2020-01-01T00:00:00Z")
	renamed := c.addApp("shop", "acme") // both objects are there for a moment
	c.addSecret(renamed.UID, "2026-11-25T11:00:00Z")
	c.addSecret(renamed.UID, "2026-11-01T11:00:00Z")
	got := gather(t, c.state())
	const name = "credential_age_seconds{server=acme}"
	g.Expect(got).To(And(
		HaveKeyWithValue(name, 5.0), HaveKeyWithValue(name+"<=86400", 3.0), HaveKeyWithValue(name+"<=604800", 4.0),
		HaveKeyWithValue(name+"<=3.1536e+07", 4.0), HaveKeyWithValue("credential_age_seconds{server=empty}", 0.0),
	))
	g.Expect(matching(got, "credential_oldest")).To(Equal(map[string]float64{
		"credential_oldest_timestamp_seconds{server=acme}": float64(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Unix()),
	}))
}

// Two operators that divide the servers tell together what one would, each a part of it.
func TestEachShardCountsItsOwn(t *testing.T) {
	g := NewWithT(t)
	c := &cluster{parked: map[string]int{"acme": 7, "globex": 2, "gone": 1}, owned: map[string]int{"acme": 5, "globex": 3}}
	c.addServer("acme", condition("Ready", "True", "Ready"))
	c.addServer("globex", condition("Ready", "False", "ServerUnavailable"))
	c.servers[1].Labels = map[string]string{"shard": "east"}
	for _, server := range []string{"acme", "acme", "globex", "acme-typo"} {
		app := c.addApp("shop", server, condition("Ready", "False", "Invalid"))
		app.Status.Orphans = []string{"Order sync"}
		c.addSecret(app.UID, "2026-11-25T11:00:00Z")
	}
	whole := gather(t, c.state())
	seen := map[string]float64{}
	for _, selector := range []string{"shard=east", "shard!=east"} {
		var err error
		c.shard, err = shard.Parse(selector)
		g.Expect(err).NotTo(HaveOccurred())
		for name, v := range gather(t, c.state()) {
			g.Expect(seen).NotTo(HaveKey(name), selector)
			g.Expect(strings.Contains(name, "server=globex")).To(Equal(selector == "shard=east"), name)
			seen[name] = v
		}
	}
	g.Expect(seen).To(Equal(whole))
}

// What is gone leaves nothing behind.
func TestStateIsThatOfTheMoment(t *testing.T) {
	g := NewWithT(t)
	c := &cluster{}
	c.addServer("acme", condition("Ready", "True", "Ready"))
	c.addSecret(c.addApp("shop", "acme", condition("Ready", "False", "Invalid")).UID, "2026-11-25T11:00:00Z")
	state := c.state()
	g.Expect(gather(t, state)).NotTo(BeEmpty())
	*c = cluster{}
	g.Expect(gather(t, state)).To(BeEmpty())
}

func TestACacheThatCannotBeReadFailsTheScrape(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister((&cluster{err: errors.New("not started")}).state())
	_, err := registry.Gather()
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("not started")))
}

// Ten thousand applications, each in a namespace of its own, are a few dozen series as long as they are well.
func TestSeriesDoNotGrowWithHealthyApplications(t *testing.T) {
	g := NewWithT(t)
	c := &cluster{}
	c.addServer("acme", condition("Ready", "True", "Ready"))
	for i := range 10_000 {
		app := c.addApp(fmt.Sprint("team-", i), "acme", condition("Ready", "True", "Ready"), condition("Registered", "True", "Registered"),
			condition("CredentialsPublished", "True", "Published"), condition("CredentialsVerified", "True", "Verified"))
		c.addSecret(app.UID, "2026-11-25T11:00:00Z")
	}
	g.Expect(len(gather(t, c.state()))).To(BeNumerically("<", 30))
}

// What teams and servers choose must not become a label: it may be a secret, and each value is memory.
func TestNothingThatOthersChooseIsALabel(t *testing.T) {
	g := NewWithT(t)
	const canary = "canary"
	c := &cluster{parked: map[string]int{canary + ".server": 1}}
	c.addServer("acme", metav1.Condition{Type: "Ready", Status: "False", Reason: "ServerUnavailable", Message: canary})
	app := c.addApp("shop", canary+".server", metav1.Condition{Type: "Ready", Status: "False", Reason: "Invalid", Message: canary},
		condition(canary, "True", canary))
	app.Name, app.Spec.ApplicationURI, app.Spec.DisplayName, app.Status.ClientID = canary, canary, canary, canary
	app.Labels, app.Status.Orphans = map[string]string{canary: canary}, []string{canary}
	c.addSecret(app.UID, "2026-11-25T11:00:00Z")
	c.secrets[0].Name, c.secrets[0].Labels = canary, map[string]string{v1alpha1.ServerLabel: canary}
	got := gather(t, c.state())
	g.Expect(got).To(HaveKeyWithValue("credential_age_seconds{server=(unknown)}", 1.0), "it is counted all the same")
	for name := range got {
		g.Expect(name).NotTo(ContainSubstring(canary))
	}
}

func BenchmarkScrape(b *testing.B) {
	c := &cluster{}
	c.addServer("acme", condition("Ready", "True", "Ready"))
	for i := range 10_000 {
		c.addSecret(c.addApp(fmt.Sprint("team-", i), "acme", condition("Ready", "True", "Ready")).UID, "2026-11-25T11:00:00Z")
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c.state())
	for b.Loop() {
		if _, err := registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
