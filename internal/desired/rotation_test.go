package desired

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/plan"
)

func rotationOf(spec *v1alpha1.RotationSpec, annotations map[string]string) plan.Rotation {
	app := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{UID: "uid", Annotations: annotations}}
	if spec != nil {
		app.Spec.Credentials = &v1alpha1.CredentialsSpec{Rotation: spec}
	}
	return rotation(app, capabilities)
}

func hours(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * time.Hour} }

var made = time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC)

func TestNothingIsRotatedUnlessAsked(t *testing.T) {
	g := NewWithT(t)
	r := rotationOf(nil, nil)
	g.Expect(r.Next).To(BeNil())
	g.Expect(r.Asked).To(BeZero())
	g.Expect(r.Strategy).To(Equal(v1alpha1.RotationAnnounce))
	g.Expect([]time.Duration{r.Grace, r.Announced}).To(Equal([]time.Duration{time.Hour, 5 * time.Minute}))
	g.Expect(rotationOf(&v1alpha1.RotationSpec{Strategy: v1alpha1.RotationAlternate}, nil).Next).To(BeNil())
}

func TestTheDefaultJitterIsATenthAndADayAtMost(t *testing.T) {
	for interval, most := range map[int]time.Duration{100: 10 * time.Hour, 2160: 24 * time.Hour} {
		g := NewWithT(t)
		r := rotationOf(&v1alpha1.RotationSpec{Interval: hours(interval)}, nil)
		late := r.Next(made, made).Sub(made.Add(time.Duration(interval) * time.Hour))
		g.Expect(late).To(And(BeNumerically(">", 0), BeNumerically("<", most)))
		none := rotationOf(&v1alpha1.RotationSpec{Interval: hours(interval), Jitter: hours(0)}, nil)
		g.Expect(none.Next(made, made)).To(Equal(made.Add(time.Duration(interval) * time.Hour)))
	}
}

func TestAWindowThatCannotBeReadIsToldByItsField(t *testing.T) {
	for _, w := range []v1alpha1.RotationWindow{{Schedule: "61 3 * * *"}, {Schedule: "0 3 * * *", TimeZone: "Nowhere/Land"}} {
		g := NewWithT(t)
		w.Duration = *hours(1)
		r := rotationOf(&v1alpha1.RotationSpec{Interval: hours(24), Window: &w}, nil)
		g.Expect(r.Next).To(BeNil())
		g.Expect(r.Invalid).To(ContainSubstring("spec.credentials.rotation.window."))
	}
}

func TestRequestsAreNotedInShort(t *testing.T) {
	g := NewWithT(t)
	long := strings.Repeat("x", 65)
	asked := rotationOf(nil, map[string]string{v1alpha1.RotateAnnotation: "today", v1alpha1.RevokeAnnotation: long}).Asked
	g.Expect(asked.Rotate).To(Equal("today"))
	g.Expect(asked.Revoke).To(And(HavePrefix("sha256:"), HaveLen(39)))
	other := rotationOf(nil, map[string]string{v1alpha1.RevokeAnnotation: long + "y"}).Asked
	g.Expect(other.Revoke).NotTo(Equal(asked.Revoke))
}
