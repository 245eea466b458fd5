package servers

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

func overlapping(spec *v1alpha1.TrustedApplicationSpec) {
	service(spec)
	spec.Credentials = &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{
		Strategy: v1alpha1.RotationOverlap, GracePeriod: &metav1.Duration{Duration: 4 * time.Second},
	}}
}

var _ = Describe("secrets that overlap", func() {
	for name, s := range subjects {
		switch {
		case !s.chosenID:
			continue
		case !s.overlaps:
			It("are refused before anything happens, at "+name, func(ctx SpecContext) {
				before := len(s.clients(ctx))
				app := s.application(overlapping)
				Expect(parts.Admin.Create(ctx, app)).To(Succeed())
				Expect(becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonUnsupported).Message).To(And(
					ContainSubstring("keeps one secret for each client"), ContainSubstring("spec.credentials.method to PrivateKeyJWT")))
				Expect(s.clients(ctx)).To(HaveLen(before))
				deleted(ctx, app)
			})
			continue
		}
		It("are rotated without that a client fails, at "+name, func(ctx SpecContext) {
			before := len(s.clients(ctx))
			app := s.application(overlapping)
			Expect(parts.Admin.Create(ctx, app)).To(Succeed())
			becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
			former := published(ctx, app)
			busy := s.workload(ctx, app)
			rotate := func(annotation, value string) (now *corev1.Secret) {
				was := published(ctx, app)
				edit(ctx, app, func(a *v1alpha1.TrustedApplication) { metav1.SetMetaDataAnnotation(&a.ObjectMeta, annotation, value) })
				Eventually(func() string {
					now = published(ctx, app)
					return string(now.Data["client_secret"])
				}).ShouldNot(Equal(string(was.Data["client_secret"])))
				return now
			}
			atRest := func(phase v1alpha1.RotationPhase) {
				Eventually(func(g Gomega) {
					g.Expect(parts.Admin.Get(ctx, kube.ObjectKeyFromObject(app), app)).To(Succeed())
					g.Expect(app.Status.Rotation).To(HaveValue(And(HaveField("Strategy", v1alpha1.RotationOverlap), HaveField("Phase", phase))))
				}).Should(Succeed())
			}
			now := rotate(v1alpha1.RotateAnnotation, "1")
			Expect(now.Data["client_id"]).To(Equal(former.Data["client_id"]))
			Expect(now.Data).NotTo(HaveKey("client_secret_next"))
			Expect(s.accepted(ctx, former)).To(Equal(http.StatusOK), "both work for the gracePeriod")
			Expect(s.accepted(ctx, now)).To(Equal(http.StatusOK))
			atRest(v1alpha1.RotationGrace)
			edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Renamed" })
			becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
			Expect(s.accepted(ctx, former)).To(Equal(http.StatusOK), "another change leaves that so")
			Eventually(func() int { return s.accepted(ctx, former) }).ShouldNot(Equal(http.StatusOK), "the former secret ends")
			atRest(v1alpha1.RotationIdle)
			busy.wasNeverRefused()

			By("an exposure in the middle of a gracePeriod")
			former = published(ctx, app)
			exposed := rotate(v1alpha1.RotateAnnotation, "2")
			now = rotate(v1alpha1.RevokeAnnotation, "1")
			Expect(s.accepted(ctx, now)).To(Equal(http.StatusOK))
			Expect(s.accepted(ctx, exposed)).NotTo(Equal(http.StatusOK), "what was exposed ends before its successor is published")
			Expect(s.accepted(ctx, former)).NotTo(Equal(http.StatusOK), "and what came before it")
			deleted(ctx, app)
			Expect(s.clients(ctx)).To(HaveLen(before))
		})
	}
})
