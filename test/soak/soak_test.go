package soak

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

// Report is build/soak.json.
type Report struct {
	Apps            int      `json:"apps"`
	Operations      int      `json:"operations"`
	Faults          int      `json:"faults"`
	Violations      int      `json:"violations"`
	RSSStartMB      float64  `json:"rssStartMB"`
	RSSEndMB        float64  `json:"rssEndMB"`
	GoroutinesStart int      `json:"goroutinesStart"`
	GoroutinesEnd   int      `json:"goroutinesEnd"`
	WritesAtRest    int      `json:"writesAtRest"`
	Seconds         float64  `json:"seconds"`
	Seed            uint64   `json:"seed"`
	What            []string `json:"-"`
}

// churn is what goes on without end: people, and servers that have their moods.
type churn struct {
	*world
	random    *rand.Rand
	instances map[string]*standin.Instance
	servers   []string
	report    *Report
	made      int
}

const (
	// rest is how long it is watched that nothing is written.
	rest = 15 * time.Second
	// between is the mean time between two operations.
	between = 50 * time.Millisecond
)

// TestSoak churns for DURATION (30 s by default) with APPS applications (60), from SEED (1).
func TestSoak(t *testing.T) {
	duration, err := time.ParseDuration(cmp.Or(os.Getenv("DURATION"), "30s"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	report := &Report{Apps: number("APPS", 60), Seed: uint64(number("SEED", 1))}
	c := &churn{
		world: w, random: rand.New(rand.NewPCG(report.Seed, 0)), report: report,
		instances: map[string]*standin.Instance{"acme": w.instance("acme"), "beta": w.instance("beta")}, servers: []string{"acme", "beta"},
	}
	progress("%d applications, %s of churn, seed %d", report.Apps, duration, report.Seed)
	operator := w.ready(w.operator())
	for range report.Apps {
		w.Expect(c.create()).To(Succeed())
	}
	w.Eventually(w.settled).Should(Succeed())
	c.churn(duration / 5) // buffers and connections have their size after that
	c.quiesce()
	report.RSSStartMB, report.GoroutinesStart = w.rss(operator), int(w.metric(operator, "go_goroutines", "", ""))
	c.churn(duration - duration/5)
	c.quiesce()
	report.RSSEndMB, report.GoroutinesEnd = w.rss(operator), int(w.metric(operator, "go_goroutines", "", ""))
	report.What = w.violations(c.instances["acme"], c.instances["beta"])
	report.Violations = len(report.What)

	before := len(w.kubeWrites())
	for _, i := range c.instances {
		w.Expect(i.ResetCounts(t.Context())).To(Succeed())
	}
	w.wait(rest)
	report.WritesAtRest = c.writes(before)
	report.Seconds = duration.Seconds()
	report.write(w)
	for _, w := range report.What {
		t.Error(w)
	}
	w.Expect(report.WritesAtRest).To(BeZero(), "writes at rest")
	w.Expect(report.RSSEndMB).To(BeNumerically("<", report.RSSStartMB*1.5+20), "memory grows")
	w.Expect(report.GoroutinesEnd).To(BeNumerically("<", report.GoroutinesStart+30), "goroutines are left")
}

// writes are those since a moment.
func (c *churn) writes(before int) int {
	n := len(c.kubeWrites()) - before
	for _, i := range c.instances {
		counts, err := i.Counts(c.t.Context())
		c.Expect(err).NotTo(HaveOccurred())
		n += counts.Writes
	}
	return n
}

func (r *Report) write(w *world) {
	content, err := json.MarshalIndent(r, "", "  ")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(os.MkdirAll(bed.Path("build"), 0o750)).To(Succeed())
	w.Expect(os.WriteFile(bed.Path("build/soak.json"), append(content, '\n'), 0o600)).To(Succeed())
	fmt.Printf("%d operations on %d applications and %d faults in %.0f s: %d violations; memory %.0f to %.0f MB, goroutines %d to %d, %d writes at rest\n",
		r.Operations, r.Apps, r.Faults, r.Seconds, r.Violations, r.RSSStartMB, r.RSSEndMB, r.GoroutinesStart, r.GoroutinesEnd, r.WritesAtRest)
}

// churn does things for a while.
func (c *churn) churn(d time.Duration) {
	told := time.Now()
	for end := time.Now().Add(d); time.Now().Before(end); {
		c.Expect(c.operate()).To(Succeed())
		c.report.Operations++
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			progress("%d operations, %d faults, %s to go", c.report.Operations, c.report.Faults, time.Until(end).Round(time.Second))
		}
		c.wait(time.Duration(c.random.Int64N(int64(2 * between)))) // people do not wait for anything
	}
}

// quiesce lets the servers be well again, and waits until nothing moves any more.
func (c *churn) quiesce() {
	for name, i := range c.instances {
		c.Expect(i.SetDown(c.t.Context(), false)).To(Succeed())
		faults, err := i.Faults(c.t.Context())
		c.Expect(err).NotTo(HaveOccurred())
		for _, f := range faults {
			c.Expect(i.RemoveFault(c.t.Context(), f.ID)).To(Succeed())
		}
		c.Expect(c.sweep(name)).To(Succeed())
	}
	c.Eventually(c.settled).Should(Succeed())
	last := -1
	c.Eventually(func() bool { // the status is the last that is written
		now := len(c.kubeWrites())
		still := now == last
		last = now
		return still
	}, patience, 2*time.Second).Should(BeTrue())
	c.Expect(c.settled()).To(Succeed())
}

// operate does one thing.
func (c *churn) operate() error {
	ctx := c.t.Context()
	all, err := c.apps()
	if err != nil {
		return err
	}
	if len(all) < c.report.Apps {
		return c.create()
	}
	app := &all[c.random.IntN(len(all))]
	switch n := c.random.IntN(100); {
	case n < 30:
		return c.edit(app.Name, func(a *v1alpha1.TrustedApplication) {
			a.Spec.DisplayName = fmt.Sprintf("%s %d", a.Name, c.report.Operations)
		})
	case n < 55:
		return c.edit(app.Name, func(a *v1alpha1.TrustedApplication) {
			metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RotateAnnotation, fmt.Sprint(c.report.Operations))
		})
	case n < 65:
		return client.IgnoreNotFound(c.Admin.Delete(ctx, app))
	case n < 72:
		return client.IgnoreNotFound(c.Admin.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app.Name}}))
	case n < 78:
		return c.tamper(ctx, app)
	}
	return c.fail(ctx)
}

// create makes one more application, with one of the strategies.
func (c *churn) create() error {
	c.made++
	strategies := []v1alpha1.RotationStrategy{v1alpha1.RotationInPlace, v1alpha1.RotationAnnounce, v1alpha1.RotationAlternate}
	short := &metav1.Duration{Duration: time.Second}
	rotation := &v1alpha1.RotationSpec{Strategy: strategies[c.random.IntN(3)], GracePeriod: short, AnnouncePeriod: short}
	return c.Admin.Create(c.t.Context(), service(fmt.Sprintf("app-%d", c.made), c.servers[c.random.IntN(2)], func(s *v1alpha1.TrustedApplicationSpec) {
		s.Credentials = &v1alpha1.CredentialsSpec{Rotation: rotation}
	}))
}

// tamper changes a registration by hand, or removes it.
func (c *churn) tamper(ctx context.Context, app *v1alpha1.TrustedApplication) error {
	name := app.Spec.IdentityServerRef.Name
	instance := c.instances[name]
	found, ok, err := instance.Application(ctx, app.Spec.ApplicationURI)
	if err != nil || !ok {
		return err
	}
	if c.random.IntN(2) == 0 {
		err = instance.EditApplication(ctx, found.ID, map[string]any{"name": "by hand"})
	} else {
		err = instance.RemoveApplication(ctx, found.ID)
	}
	if err != nil { // it may have gone in between
		return nil //nolint:nilerr // nothing was tampered with then
	}
	return c.sweep(name)
}

// fail lets a server have a mood.
func (c *churn) fail(ctx context.Context) error {
	c.report.Faults++
	moods := []standin.Fault{
		{Status: 500}, {Status: 503}, {Status: 429, RetryAfter: "1"}, {Status: 401}, {Status: 403}, {LatencyMs: 1500}, {Drop: standin.DropBefore},
		{Drop: standin.DropAfter}, {Truncate: 20}, {Status: 200, Body: "<html></html>", ContentType: "text/html"},
	}
	f := moods[c.random.IntN(len(moods))]
	f.Path, f.Count = "/*", 1+c.random.IntN(8)
	_, err := c.instances[c.servers[c.random.IntN(2)]].AddFault(ctx, f)
	return err
}
