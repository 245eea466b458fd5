package controllers

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/api/v1alpha1"
)

func TestWhatIsRefusedIsAskedOnceAMinute(t *testing.T) {
	g := NewWithT(t)
	var r refusals
	set, now := types.NamespacedName{Namespace: "crm", Name: "crm"}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Name: "crm-acme"}}
	g.Expect(r.next(set, now)).To(BeZero())
	g.Expect(r.note(set, want, nil, now)).To(BeFalse())
	g.Expect(r.note(set, want, errors.New("no connection"), now)).To(BeFalse())
	g.Expect(r.of(set, now)(want)).To(BeEmpty())

	g.Expect(r.note(set, want, apierrors.NewForbidden(v1alpha1.GroupVersion.WithResource("trustedapplications").GroupResource(), "crm-acme", errors.New("quota")), now)).
		To(BeTrue())
	g.Expect(r.of(set, now)(want)).To(And(HavePrefix("the API server refused it: "), ContainSubstring("quota")))
	g.Expect(r.next(set, now)).To(Equal(refusalPatience))
	g.Expect(r.of(set, now.Add(refusalPatience))(want)).To(BeEmpty(), "it is tried again")

	other := want.DeepCopy()
	other.Spec.DisplayName = "other"
	g.Expect(r.of(set, now)(other)).To(BeEmpty())
	other = want.DeepCopy()
	other.Labels = map[string]string{"a": "b"}
	g.Expect(r.of(set, now)(other)).To(BeEmpty())

	g.Expect(r.next(set, now.Add(refusalPatience))).To(BeZero(), "nobody wants it any more")
	r.forget(set)
	g.Expect(r.of(set, now)(want)).To(BeEmpty())
}
