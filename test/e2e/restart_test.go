package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

var _ = Describe("workloads that read a credential only when they start", func() {
	deployment := func(ctx context.Context, w *world, name string) *appsv1.Deployment {
		GinkgoHelper()
		labels := map[string]string{"app": name}
		d := &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
			Spec: appsv1.DeploymentSpec{
				Replicas: new(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"note": "mine"}},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "registry.example/none"}}},
				},
			},
		}
		Expect(admin.Create(ctx, d)).To(Succeed())
		return d
	}
	generation := func(ctx context.Context, d *appsv1.Deployment) int64 {
		GinkgoHelper()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		return d.Generation
	}
	targets := func(names ...string) []v1alpha1.RestartTarget {
		var list []v1alpha1.RestartTarget
		for _, n := range names {
			list = append(list, v1alpha1.RestartTarget{Kind: "Deployment", Name: n})
		}
		return list
	}
	allow := func(w *world) {
		GinkgoHelper()
		kubectl("create", "role", "restart", "-n", w.namespace, "--verb=get,patch", "--resource=deployments.apps")
		kubectl("create", "rolebinding", "restart", "-n", w.namespace, "--role=restart", "--serviceaccount="+bed.OperatorNamespace+":trustedapp-operator")
	}

	It("are restarted once for each new credential, and never for the first", func(ctx SpecContext) {
		w := newWorld(ctx)
		allow(w)
		d := deployment(ctx, w, "web")
		app := w.app("orders", rotating(v1alpha1.RotationInPlace, 3600e9, 3600e9))
		app.Spec.Credentials.RolloutRestart = targets("web")
		w.create(ctx, app)
		first := generation(ctx, d)
		Expect(d.Spec.Template.Annotations).To(Equal(map[string]string{"note": "mine"}))

		annotate(ctx, app, v1alpha1.RotateAnnotation, "one")
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "one")
		told(ctx, app, "Restarted", "")
		Expect(generation(ctx, d)).To(Equal(first + 1))
		Expect(d.Spec.Template.Annotations).To(And(HaveKeyWithValue("note", "mine"), HaveKey("kubectl.kubernetes.io/restartedAt"), HaveKey(v1alpha1.CredentialAnnotation)))

		By("nothing else restarts them")
		stopOperator()
		startOperator()
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Orders" })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(generation(ctx, d)).To(Equal(first + 1))
		annotate(ctx, app, v1alpha1.RotateAnnotation, "two")
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "two")
		Eventually(func() int64 { return generation(ctx, d) }).Should(Equal(first + 2))
	})

	It("that are missing or may not be restarted are told, and disturb nothing", func(ctx SpecContext) {
		w := newWorld(ctx)
		restricted = append(restricted, w.namespace)
		d := deployment(ctx, w, "web")
		before := generation(ctx, d)
		app := w.app("orders", rotating(v1alpha1.RotationInPlace, 3600e9, 3600e9))
		app.Spec.Credentials.RolloutRestart = targets("web")
		w.create(ctx, app)
		annotate(ctx, app, v1alpha1.RotateAnnotation, "one")
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "one")
		Expect(app.Status.Warnings).To(ContainElement(And(ContainSubstring("the Deployment web may not be restarted"), ContainSubstring("rbac.rolloutRestart"))))
		told(ctx, app, "RestartFailed", "may not be restarted")
		works(ctx, w.secret(ctx, app.Status.Binding))
		Expect(generation(ctx, d)).To(Equal(before))

		By("once it is allowed the restart is made good, and another name is told")
		allow(w)
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Credentials.RolloutRestart = targets("web", "nosuch") })
		Eventually(func(g Gomega) {
			edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName += "x" }) // the authorizer may not know the role yet
			w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
			g.Expect(app.Status.Warnings).To(ContainElement(ContainSubstring("the Deployment nosuch does not exist")))
			g.Expect(generation(ctx, d)).To(Equal(before + 1))
		}).Should(Succeed())
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Credentials.RolloutRestart = targets("web") })
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
			g.Expect(app.Status.Warnings).NotTo(ContainElement(ContainSubstring("rolloutRestart")))
		}).Should(Succeed())
		Expect(generation(ctx, d)).To(Equal(before+1), "it was restarted for this credential already")
	})
})
