package e2e

import (
	"context"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

// rotating is a service whose credential is replaced by the strategy. The periods are short, and those that must not end in a spec long.
func rotating(strategy v1alpha1.RotationStrategy, grace, announce time.Duration) v1alpha1.TrustedApplicationSpec {
	spec := serviceSpec()
	spec.Credentials = &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{
		Strategy: strategy, GracePeriod: &metav1.Duration{Duration: grace}, AnnouncePeriod: &metav1.Duration{Duration: announce},
	}}
	return spec
}

// annotate asks for something by an annotation.
func annotate(ctx context.Context, app *v1alpha1.TrustedApplication, key, value string) {
	GinkgoHelper()
	edit(ctx, app, func(a *v1alpha1.TrustedApplication) { metav1.SetMetaDataAnnotation(&a.ObjectMeta, key, value) })
}

// inPhase waits until the rotation is in the phase, and was done for the value of the annotation.
func (w *world) inPhase(ctx context.Context, app *v1alpha1.TrustedApplication, phase v1alpha1.RotationPhase, handled string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		g.Expect(app.Status.Rotation).To(HaveValue(And(HaveField("Phase", phase), HaveField("HandledRotate", handled))))
		g.Expect(meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue(), "a rotation disturbs nobody")
	}).Should(Succeed(), func() string { return w.explain(ctx) })
}

// with is the Secret with another client secret.
func with(secret *corev1.Secret, value []byte) *corev1.Secret {
	other := secret.DeepCopy()
	other.Data["client_secret"] = value
	return other
}

// found is the registration of a client id, which has to be there.
func (w *world) found(ctx context.Context, clientID string) standin.Application {
	GinkgoHelper()
	found, ok, err := w.instance.Application(ctx, clientID)
	Expect(err).NotTo(HaveOccurred())
	return must(found, ok)
}

// age makes the credential older than it is.
func age(ctx context.Context, app *v1alpha1.TrustedApplication, by time.Duration) {
	GinkgoHelper()
	secret := ledgerOf(app)
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(secret), secret)).To(Succeed())
	rec, err := ledger.Unmarshal(secret.Data["record"])
	Expect(err).NotTo(HaveOccurred())
	rec.RotatedAt = rec.RotatedAt.Add(-by)
	secret.Data["record"], err = ledger.Marshal(rec)
	Expect(err).NotTo(HaveOccurred())
	Expect(admin.Update(ctx, secret)).To(Succeed())
}

func (w *world) accepts(ctx context.Context, secret *corev1.Secret) bool {
	GinkgoHelper()
	canaries.Plant("a credential", string(secret.Data["client_secret"]))
	return token(ctx, secret, nil).Status == http.StatusOK
}

// Serial: the writes of other applications would be counted, too.
var _ = Describe("a rotation that is asked for", Serial, func() {
	It("replaces the secret in place, once for each value", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", rotating(v1alpha1.RotationInPlace, time.Hour, time.Hour))
		app.Annotations = map[string]string{v1alpha1.RotateAnnotation: "at-creation"}
		w.create(ctx, app)
		Expect(app.Status.Rotation).To(HaveValue(And(HaveField("HandledRotate", "at-creation"), HaveField("NextTime", BeNil()), HaveField("Phase", v1alpha1.RotationIdle))))
		before := w.secret(ctx, app.Status.Binding)

		start := counted.count()
		Expect(w.instance.ResetCounts(ctx)).To(Succeed())
		annotate(ctx, app, v1alpha1.RotateAnnotation, "first")
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "first")
		after := w.secret(ctx, app.Status.Binding)
		Expect(w.accepts(ctx, before)).To(BeFalse())
		works(ctx, after)
		Expect(after.Data["client_id"]).To(Equal(before.Data["client_id"]))
		Expect(app.Status.Rotation.LastTime.UTC().Format(time.RFC3339)).To(Equal(after.Annotations[v1alpha1.IssuedAtAnnotation]))
		record, published := "PUT /api/v1/namespaces/"+bed.OperatorNamespace+"/secrets/ta-"+string(app.UID), "PUT /api/v1/namespaces/"+w.namespace+"/secrets/orders"
		Expect(counted.since(start)).To(HaveExactElements(record, published, record, HaveSuffix("/orders/status")))
		counts, err := w.instance.Counts(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(counts.Writes).To(Equal(1))

		By("asked for something else, it stays")
		annotate(ctx, app, "example.com/other", "x")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Orders" })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(w.secret(ctx, app.Status.Binding).Data["client_secret"]).To(Equal(after.Data["client_secret"]))

		By("also after a restart, and when the annotation is taken away")
		stopOperator()
		startOperator()
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Annotations, a.Spec.DisplayName = nil, "Order" })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(w.secret(ctx, app.Status.Binding).Data["client_secret"]).To(Equal(after.Data["client_secret"]))
		Expect(app.Status.Rotation.HandledRotate).To(Equal("first"))
	})

	It("is announced before the server is told", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("portal", hybridSpec())
		app.Spec.Credentials = rotating(v1alpha1.RotationAnnounce, time.Hour, 720*time.Minute).Credentials
		w.create(ctx, app)
		before := w.secret(ctx, app.Status.Binding)
		annotate(ctx, app, v1alpha1.RotateAnnotation, "now")
		w.inPhase(ctx, app, v1alpha1.RotationAnnounced, "now")
		announced := w.secret(ctx, app.Status.Binding)
		next := announced.Data["client_secret_next"]
		Expect(next).NotTo(BeEmpty())
		Expect(announced.Data["client_secret"]).To(Equal(before.Data["client_secret"]))
		Expect(w.accepts(ctx, announced)).To(BeTrue())
		Expect(w.accepts(ctx, with(announced, next))).To(BeFalse())

		By("which survives a restart, an edit, and a Secret that is deleted")
		stopOperator()
		startOperator()
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Portal" })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(admin.Delete(ctx, announced.DeepCopy())).To(Succeed())
		Eventually(func() *corev1.Secret { return w.secret(ctx, app.Status.Binding) }).Should(HaveField("Data", Equal(announced.Data)))

		By("until the time is over")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Credentials.Rotation.AnnouncePeriod = &metav1.Duration{Duration: time.Second}
		})
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "now")
		after := w.secret(ctx, app.Status.Binding)
		Expect(after.Data["client_secret"]).To(Equal(next))
		Expect(after.Data).NotTo(HaveKey("client_secret_next"))
		works(ctx, after)
		Expect(w.accepts(ctx, before)).To(BeFalse())
	})

	It("alternates between two registrations, and both go with the application", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", rotating(v1alpha1.RotationAlternate, time.Second, time.Hour))
		w.create(ctx, app)
		first := w.secret(ctx, app.Status.Binding)
		other := app.Spec.ApplicationURI + ".alternate"
		for i, turn := range []struct{ id, rests string }{{other, app.Spec.ApplicationURI}, {app.Spec.ApplicationURI, other}, {other, app.Spec.ApplicationURI}} {
			before := w.secret(ctx, app.Status.Binding)
			value := fmt.Sprint("turn ", i)
			annotate(ctx, app, v1alpha1.RotateAnnotation, value)
			w.inPhase(ctx, app, v1alpha1.RotationIdle, value)
			after := w.secret(ctx, app.Status.Binding)
			Expect(string(after.Data["client_id"])).To(Equal(turn.id))
			Expect(app.Status.ClientID).To(Equal(turn.id))
			works(ctx, after)
			Expect(w.accepts(ctx, before)).To(BeFalse(), "its grace period is over")
			resting := w.found(ctx, turn.rests)
			Expect(resting.IsEnabled).To(BeFalse())
		}
		Expect(w.accepts(ctx, first)).To(BeFalse())

		By("the former one works as long as its grace period lasts")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Credentials.Rotation.GracePeriod = &metav1.Duration{Duration: time.Hour}
		})
		before := w.secret(ctx, app.Status.Binding)
		annotate(ctx, app, v1alpha1.RotateAnnotation, "slowly")
		w.inPhase(ctx, app, v1alpha1.RotationGrace, "slowly")
		Expect(w.accepts(ctx, before)).To(BeTrue())
		works(ctx, w.secret(ctx, app.Status.Binding))

		By("but not longer than the kill switch says")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Enabled = new(false) })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonDisabled)
		Expect(w.accepts(ctx, before)).To(BeFalse())
		Expect(w.accepts(ctx, w.secret(ctx, app.Status.Binding))).To(BeFalse())

		Expect(admin.Delete(ctx, app)).To(Succeed())
		Eventually(func(g Gomega) {
			all, err := w.instance.Applications(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(all).To(HaveLen(1), "the operator's own")
		}).Should(Succeed())
	})

	It("comes home when the strategy changes", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", rotating(v1alpha1.RotationAlternate, time.Second, time.Hour))
		w.create(ctx, app)
		annotate(ctx, app, v1alpha1.RotateAnnotation, "away")
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "away")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Credentials.Rotation.Strategy = v1alpha1.RotationInPlace })
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "away")
		Eventually(func(g Gomega) {
			secret := w.secret(ctx, app.Status.Binding)
			g.Expect(string(secret.Data["client_id"])).To(Equal(app.Spec.ApplicationURI))
			g.Expect(w.found(ctx, app.Spec.ApplicationURI+".alternate").IsEnabled).To(BeFalse())
		}).Should(Succeed())
		works(ctx, w.secret(ctx, app.Status.Binding))
	})
})

var _ = Describe("an exposed secret", func() {
	It("dies at once, with whatever was published beside it", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", rotating(v1alpha1.RotationAnnounce, time.Hour, time.Hour))
		w.create(ctx, app)
		annotate(ctx, app, v1alpha1.RotateAnnotation, "now")
		w.inPhase(ctx, app, v1alpha1.RotationAnnounced, "now")
		before := w.secret(ctx, app.Status.Binding)
		annotate(ctx, app, v1alpha1.RevokeAnnotation, "it was in a log")
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "now")
		Expect(app.Status.Rotation.HandledRevoke).To(Equal("it was in a log"))
		after := w.secret(ctx, app.Status.Binding)
		works(ctx, after)
		Expect(w.accepts(ctx, before)).To(BeFalse())
		Expect(w.accepts(ctx, with(before, before.Data["client_secret_next"]))).To(BeFalse())
		Expect(after.Data).NotTo(HaveKey("client_secret_next"))
	})

	It("dies with the one that is in its grace period", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", rotating(v1alpha1.RotationAlternate, time.Hour, time.Hour))
		w.create(ctx, app)
		first := w.secret(ctx, app.Status.Binding)
		annotate(ctx, app, v1alpha1.RotateAnnotation, "now")
		w.inPhase(ctx, app, v1alpha1.RotationGrace, "now")
		second := w.secret(ctx, app.Status.Binding)
		Expect(w.accepts(ctx, first)).To(BeTrue())
		annotate(ctx, app, v1alpha1.RevokeAnnotation, "both")
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "now")
		Expect(w.accepts(ctx, first)).To(BeFalse())
		Expect(w.accepts(ctx, second)).To(BeFalse())
		third := w.secret(ctx, app.Status.Binding)
		Expect(third.Data["client_id"]).To(Equal(second.Data["client_id"]))
		works(ctx, third)
	})
})

var _ = Describe("a schedule", func() {
	It("says when it rotates, and a window that cannot be read is told while all else works", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", rotating(v1alpha1.RotationAnnounce, time.Hour, time.Minute))
		rotation := app.Spec.Credentials.Rotation
		rotation.Interval, rotation.Jitter = &metav1.Duration{Duration: 2160 * time.Hour}, &metav1.Duration{}
		w.create(ctx, app)
		Expect(app.Status.Rotation.NextTime.Sub(app.Status.Rotation.LastTime.Time)).To(Equal(2160 * time.Hour))

		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Credentials.Rotation.Window = &v1alpha1.RotationWindow{
				Schedule: "0 3 * * 6", Duration: metav1.Duration{Duration: time.Hour}, TimeZone: "Europe/Nowhere",
			}
		})
		ready := w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonInvalidSchedule)
		Expect(ready.Message).To(ContainSubstring(`spec.credentials.rotation.window.timeZone: "Europe/Nowhere" is not known`))
		works(ctx, w.secret(ctx, app.Status.Binding))
		Expect(app.Status.Rotation.NextTime).To(BeNil())

		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Credentials.Rotation.Window.TimeZone = "Europe/Sofia" })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		sofia, err := time.LoadLocation("Europe/Sofia")
		Expect(err).NotTo(HaveOccurred())
		next := app.Status.Rotation.NextTime.In(sofia)
		Expect([]any{next.Weekday(), next.Hour()}).To(Equal([]any{time.Saturday, 3}))
	})

	It("rotates when the time has come, also if that was while the operator was away", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", rotating(v1alpha1.RotationInPlace, time.Second, time.Second))
		w.create(ctx, app)
		before := w.secret(ctx, app.Status.Binding)
		stopOperator()
		age(ctx, app, 48*time.Hour)
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Credentials.Rotation.Interval = &metav1.Duration{Duration: 24 * time.Hour}
		})
		startOperator()
		Eventually(func() []byte { return w.secret(ctx, app.Status.Binding).Data["client_secret"] }).ShouldNot(Equal(before.Data["client_secret"]))
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		works(ctx, w.secret(ctx, app.Status.Binding))
	})

	It("does not let a fleet rotate at once", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.server.Spec.Rotation = &v1alpha1.RotationSpacing{MaxConcurrent: 2}
		Expect(admin.Update(ctx, w.server)).To(Succeed())
		var apps []*v1alpha1.TrustedApplication
		for i := range 5 {
			app := w.app(fmt.Sprint("orders-", i), rotating(v1alpha1.RotationAnnounce, time.Second, 2*time.Second))
			w.create(ctx, app)
			apps = append(apps, app)
		}
		for _, app := range apps {
			annotate(ctx, app, v1alpha1.RotateAnnotation, "all")
		}
		most := 0
		Eventually(func(g Gomega) {
			under, done := 0, 0
			for _, app := range apps {
				g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
				switch r := app.Status.Rotation; {
				case r.Phase == v1alpha1.RotationAnnounced:
					under++
				case r.Phase == v1alpha1.RotationIdle && r.HandledRotate == "all":
					done++
				}
			}
			most = max(most, under)
			g.Expect(done).To(Equal(len(apps)))
		}).Should(Succeed(), func() string { return w.explain(ctx) })
		Expect(most).To(Equal(2))
	})
})
