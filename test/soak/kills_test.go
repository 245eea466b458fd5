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
	w := newWorld(t)
	instance := w.instance("acme")
	seed, kills, count := uint64(number("SEED", 1)), number("KILLS", 8), 40
	random := rand.New(rand.NewPCG(seed, 1))
	progress("%d kills, %d applications, seed %d", kills, count, seed)
	for n := range count {
		w.Expect(w.Admin.Create(t.Context(), killable(n))).To(Succeed())
	}
	moments := 0
	for kill := range kills {
		o := w.operator()
		w.change(random, kill, count)
		w.wait(time.Duration(200+random.IntN(2500)) * time.Millisecond) // this is the moment
		w.Expect(syscall.Kill(o.PID(), syscall.SIGKILL)).To(Succeed())
		under, err := w.underWay()
		w.Expect(err).NotTo(HaveOccurred())
		moments += under
		progress("kill %d of %d struck %d applications under way", kill+1, kills, under)
	}
	w.ready(w.operator())
	w.Eventually(w.settled).Should(Succeed())
	for _, wrong := range w.violations(instance) {
		t.Error(wrong)
	}
	w.Expect(moments).To(BeNumerically(">=", kills), "the kills came at moments when nothing was going on")
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
func (w *world) change(random *rand.Rand, kill, count int) {
	w.t.Helper()
	for n := range count {
		name := fmt.Sprintf("app-%d", n)
		var err error
		switch dice := random.IntN(10); {
		case dice < 5:
			err = w.edit(name, func(a *v1alpha1.TrustedApplication) {
				metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RotateAnnotation, fmt.Sprint(kill))
			})
		case dice < 7:
			err = w.edit(name, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = fmt.Sprintf("%s %d", name, kill) })
		case dice < 9:
			err = client.IgnoreAlreadyExists(w.Admin.Create(w.t.Context(), killable(n)))
		default:
			err = client.IgnoreNotFound(w.Admin.Delete(w.t.Context(), killable(n)))
		}
		w.Expect(err).NotTo(HaveOccurred())
	}
}

// underWay is the number of applications that are not at rest.
func (w *world) underWay() (n int, err error) {
	all, err := w.apps()
	for i := range all {
		if !atRest(&all[i]) {
			n++
		}
	}
	return n, err
}
