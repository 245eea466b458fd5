package rotation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

const (
	// scale is how many seconds of a cluster a second here stands for.
	scale = 15
	// bridge is how long a secret is announced, and how long a former one works: longer than the latest refresh.
	bridge = 120 * time.Second
	// requestEvery is the pause between two requests of a workload.
	requestEvery = 100 * time.Millisecond
)

// scaled is a time of a cluster as it is here.
func scaled(d time.Duration) time.Duration { return d / scale }

// trial is one application with the workload that does what its strategy asks, and one that does not, which has to fail: a test that sees no
// outage there would see none anywhere.
type trial struct {
	app            *v1alpha1.TrustedApplication
	good, careless *workload
}

var _ = Describe("workloads ask for tokens all the time", func() {
	It("and no client fails that does what its strategy asks", func(ctx SpecContext) {
		rotations := number(os.Getenv("ROTATIONS"), 3)
		seed := uint64(number(os.Getenv("SEED"), int(time.Now().UnixNano()%1_000_000)))
		_, _ = fmt.Fprintf(GinkgoWriter, "SEED=%d ROTATIONS=%d repeats this\n", seed, rotations)

		var trials []*trial
		for _, s := range strategies {
			trials = append(trials, newTrial(ctx, s, seed))
		}
		working, stop := context.WithCancel(ctx)
		var running sync.WaitGroup
		run := func(what func(context.Context) error) {
			running.Go(func() {
				defer GinkgoRecover()
				Expect(what(working)).To(Succeed())
			})
		}
		for _, t := range trials {
			for _, w := range []*workload{t.good, t.careless} {
				run(w.mount.keep)
				run(w.work)
			}
		}
		trouble := &trouble{random: rand.New(rand.NewPCG(seed, 2))}
		run(trouble.make)
		var rotating sync.WaitGroup
		for _, t := range trials {
			rotating.Go(func() {
				defer GinkgoRecover()
				t.rotate(ctx, rotations)
			})
		}
		rotating.Wait()
		stop()
		running.Wait()

		result := outcomes{}
		for i, t := range trials {
			result[strategies[i]] = t.outcome(rotations, trouble)
		}
		_, _ = fmt.Fprintf(os.Stdout, "\n%s\n", result)
		Expect(result.write(bed.Path("build/rotation.json"))).To(Succeed())
		judge(result, trials)
		Expect(trouble.kills).To(BeNumerically(">", 0))
		Expect(trouble.restarts).To(BeNumerically(">", 0))
	}, NodeTimeout(30*time.Minute))
})

// judge says whether the strategies kept what they promise, and whether this could have been seen.
func judge(result outcomes, trials []*trial) {
	GinkgoHelper()
	for i, t := range trials {
		s := strategies[i]
		Expect(result[s].Requests).To(BeNumerically(">", 100), "%s", s)
		if s == v1alpha1.RotationInPlace {
			Expect(result[s].LongestGapSeconds).To(BeNumerically(">", 0), "ERP.net keeps one secret, so there is a gap")
			Expect(result[s].LongestGapSeconds).To(BeNumerically("<", 2*latestRefresh.Seconds()))
			continue
		}
		Expect(result[s].Failed).To(BeZero(), "%s", s)
		Expect(t.careless.counts.read().failed).To(BeNumerically(">", 0), "%s: a client that does not do what the strategy asks has to fail", s)
	}
}

// newTrial makes the application of a strategy and mounts its Secret twice.
func newTrial(ctx context.Context, s v1alpha1.RotationStrategy, seed uint64) *trial {
	GinkgoHelper()
	name := map[v1alpha1.RotationStrategy]string{v1alpha1.RotationInPlace: "in-place", v1alpha1.RotationAnnounce: "announce", v1alpha1.RotationAlternate: "alternate"}[s]
	app := &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: "acme"}, ApplicationURI: "com.example.orders/" + name,
			Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"},
			Credentials: &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{
				Strategy: s, GracePeriod: &metav1.Duration{Duration: scaled(bridge)}, AnnouncePeriod: &metav1.Duration{Duration: scaled(bridge)},
			}},
		},
	}
	Expect(parts.Admin.Create(ctx, app)).To(Succeed())
	t := &trial{app: app}
	t.await(ctx, "")
	// The careless one of Alternate reads its files too late, that of Announce does not try the next secret.
	late := latestRefresh
	if s == v1alpha1.RotationAlternate {
		late = 3 * bridge
	}
	t.good = t.workload(ctx, latestRefresh, s == v1alpha1.RotationAnnounce, seed)
	t.careless = t.workload(ctx, late, false, seed+1)
	return t
}

func (t *trial) workload(ctx context.Context, latest time.Duration, triesNext bool, seed uint64) *workload {
	GinkgoHelper()
	m := newMount(GinkgoT().TempDir(), parts.Admin, client.ObjectKeyFromObject(t.app), scaled(latest), seed)
	Expect(m.refresh(ctx)).To(Succeed())
	return &workload{mount: m, http: parts.Browser(longEnough), triesNext: triesNext, every: scaled(requestEvery)}
}

// await waits until the rotation that was asked for by the value has ended.
func (t *trial) await(ctx context.Context, value string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(parts.Admin.Get(ctx, client.ObjectKeyFromObject(t.app), t.app)).To(Succeed())
		g.Expect(t.app.Status.Rotation).To(HaveValue(And(HaveField("Phase", v1alpha1.RotationIdle), HaveField("HandledRotate", value))))
	}).Should(Succeed(), "%s, rotation %q", t.app.Name, value)
}

// rotate asks for rotations, one after the other. Between them both clients see what is published, as they would with intervals of days.
func (t *trial) rotate(ctx context.Context, n int) {
	GinkgoHelper()
	for i := range n {
		value := fmt.Sprint(i + 1)
		patch := client.MergeFrom(t.app.DeepCopy())
		metav1.SetMetaDataAnnotation(&t.app.ObjectMeta, v1alpha1.RotateAnnotation, value)
		Expect(parts.Admin.Patch(ctx, t.app, patch)).To(Succeed())
		t.await(ctx, value)
		before := t.good.granted()
		Eventually(t.good.granted).Should(BeNumerically(">", before), "%s: the client reads what is published", t.app.Name)
		_, _ = fmt.Fprintf(os.Stdout, "%s: rotation %s of %d\n", t.app.Name, value, n)
	}
}

func (t *trial) outcome(rotations int, made *trouble) Outcome {
	c := t.good.counts.read()
	return Outcome{
		Rotations: rotations, Requests: c.requests, Failed: c.failed, Unanswered: c.unanswered,
		LongestGapSeconds: (c.longest * scale).Seconds(), OperatorKills: made.kills, ServerRestarts: made.restarts, Scale: scale,
	}
}

// trouble kills the operator and restarts the server, in turns, at random moments.
type trouble struct {
	random          *rand.Rand
	kills, restarts int
}

func (tr *trouble) make(ctx context.Context) error {
	pause := func(least, most time.Duration) bool {
		timer := time.NewTimer(least + time.Duration(tr.random.Float64()*float64(most-least)))
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		}
	}
	for pause(time.Second, 4*time.Second) {
		if err := syscall.Kill(operator.PID(), syscall.SIGKILL); err != nil {
			return fmt.Errorf("killing the operator: %w", err)
		}
		tr.kills++
		if err := operator.Stop(); err != nil { // waits until it is gone
			return err
		}
		startOperator(context.WithoutCancel(ctx))
		if !pause(time.Second, 4*time.Second) {
			break
		}
		if err := instance.SetDown(context.WithoutCancel(ctx), true); err != nil {
			return err
		}
		pause(200*time.Millisecond, time.Second)
		if err := instance.SetDown(context.WithoutCancel(ctx), false); err != nil {
			return err
		}
		tr.restarts++
	}
	return nil
}
