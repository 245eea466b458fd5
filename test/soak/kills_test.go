package soak

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// TestKills kills the operator KILLS times (8 by default) at random moments, from SEED (1), while people change many applications: each kill
// strikes each application that is under way at a moment of its own.
func TestKills(t *testing.T) {
	b := newBed(t)
	instance := b.instance("acme")
	seed, kills, count := uint64(number("SEED", 1)), number("KILLS", 8), 40
	random := rand.New(rand.NewPCG(seed, 1))
	progress("%d kills, %d applications, seed %d", kills, count, seed)
	for n := range count {
		b.Expect(b.admin.Create(t.Context(), killable(n))).To(Succeed())
	}
	moments := 0
	for kill := range kills {
		o := b.operator()
		b.change(random, kill, count)
		b.wait(time.Duration(200+random.IntN(2500)) * time.Millisecond) // this is the moment
		b.Expect(syscall.Kill(o.PID(), syscall.SIGKILL)).To(Succeed())
		under, err := b.underWay()
		b.Expect(err).NotTo(HaveOccurred())
		moments += under
		progress("kill %d of %d struck %d applications under way", kill+1, kills, under)
	}
	b.ready(b.operator())
	b.Eventually(b.settled).Should(Succeed())
	for _, wrong := range b.violations(instance) {
		t.Error(wrong)
	}
	b.Expect(moments).To(BeNumerically(">=", kills), "the kills came at moments when nothing was going on")
	progress("%d kills struck %d applications under way; nothing was lost and nothing is left", kills, moments)
}

// killable is one of the applications, each with its own strategy.
func killable(n int) *v1alpha1.TrustedApplication {
	strategies := []v1alpha1.RotationStrategy{v1alpha1.RotationInPlace, v1alpha1.RotationAnnounce, v1alpha1.RotationAlternate}
	short := &metav1.Duration{Duration: time.Second}
	return service(fmt.Sprintf("app-%d", n), "acme", func(s *v1alpha1.TrustedApplicationSpec) {
		s.Credentials = &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{Strategy: strategies[n%3], GracePeriod: short, AnnouncePeriod: short}}
	})
}

// change lets people change every application: most rotate, some are edited, some are deleted or come back.
func (b *bed) change(random *rand.Rand, kill, count int) {
	b.t.Helper()
	for n := range count {
		name := fmt.Sprintf("app-%d", n)
		var err error
		switch dice := random.IntN(10); {
		case dice < 5:
			err = b.edit(name, func(a *v1alpha1.TrustedApplication) {
				metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RotateAnnotation, fmt.Sprint(kill))
			})
		case dice < 7:
			err = b.edit(name, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = fmt.Sprintf("%s %d", name, kill) })
		case dice < 9:
			err = client.IgnoreAlreadyExists(b.admin.Create(b.t.Context(), killable(n)))
		default:
			err = client.IgnoreNotFound(b.admin.Delete(b.t.Context(), killable(n)))
		}
		b.Expect(err).NotTo(HaveOccurred())
	}
}

// underWay is the number of applications that are not at rest.
func (b *bed) underWay() (n int, err error) {
	all, err := b.apps()
	for i := range all {
		if !atRest(&all[i]) {
			n++
		}
	}
	return n, err
}
