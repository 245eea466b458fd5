// Package usage tries in-use detection on real parts: the permission that the chart's value gives, workloads and the Pods that their controllers
// make, a rotation, and a deletion.
package usage

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/usage"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

const (
	namespace = "orders"
	secret    = "orders-credentials"
)

var (
	parts    *bed.Bed
	instance *standin.Instance
)

func TestUsage(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(90 * time.Second)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	RunSpecs(t, "usage: who uses a published Secret")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	parts, err = bed.Start(ctx, controlplane.Options{ControllerManager: true}, GinkgoWriter)
	DeferCleanup(func() { Expect(parts.Stop()).To(Succeed()) })
	Expect(err).NotTo(HaveOccurred())
	Expect(parts.Namespace(ctx, namespace)).To(Succeed())
	instance, err = parts.Instance(ctx, bed.Spec("acme"))
	Expect(err).NotTo(HaveOccurred())
	operator, err := parts.Manager(ctx, GinkgoWriter, "--in-use-detection")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(operator.Stop()).To(Succeed()) })
	Expect(operator.WaitReady(ctx)).To(Succeed())
}, NodeTimeout(5*time.Minute))

// allow gives the operator what the chart's value gives.
func allow(ctx context.Context) {
	GinkgoHelper()
	rendered, err := exec.CommandContext(ctx, bed.Path("bin/helm"), "template", bed.OperatorAccount, bed.Path("charts/trustedapp-operator"),
		"--namespace", bed.OperatorNamespace, "--set", "inUseDetection.enabled=true,namespaces={"+namespace+"}", "--show-only", "templates/publisher_role.yaml").Output()
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(GinkgoT().TempDir(), "role.yaml")
	Expect(os.WriteFile(file, rendered, 0o600)).To(Succeed())
	_, err = parts.Kubectl(ctx, "apply", "-f", file)
	Expect(err).NotTo(HaveOccurred())
}

// deploy makes workloads that use the Secret in different ways, and waits for their Pods.
func deploy(ctx context.Context) {
	GinkgoHelper()
	ref := corev1.LocalObjectReference{Name: secret}
	variable := corev1.Container{Name: "c", Image: "registry.example/none", EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: ref}}}}
	mount := func(m corev1.VolumeMount) corev1.PodSpec {
		m.Name, m.MountPath = "credentials", "/credentials"
		return corev1.PodSpec{
			Containers: []corev1.Container{{Name: "c", Image: "registry.example/none", VolumeMounts: []corev1.VolumeMount{m}}},
			Volumes:    []corev1.Volume{{Name: "credentials", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}}}},
		}
	}
	object := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	deployment := func(name string, spec corev1.PodSpec) *appsv1.Deployment {
		labels := map[string]string{"app": name}
		return &appsv1.Deployment{ObjectMeta: object(name), Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		}}
	}
	once := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{variable}}
	for _, o := range []client.Object{
		deployment("api", corev1.PodSpec{Containers: []corev1.Container{variable}}), deployment("web", mount(corev1.VolumeMount{})),
		&batchv1.CronJob{ObjectMeta: object("nightly"), Spec: batchv1.CronJobSpec{
			Schedule: "0 3 * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: once}}},
		}},
		&corev1.Pod{ObjectMeta: object("shell"), Spec: mount(corev1.VolumeMount{SubPath: "client_secret"})},
	} {
		Expect(parts.Admin.Create(ctx, o)).To(Succeed())
	}
	_, err := parts.Kubectl(ctx, "create", "job", "-n", namespace, "--from=cronjob/nightly", "nightly-now")
	Expect(err).NotTo(HaveOccurred())
	var pods corev1.PodList
	Eventually(func(g Gomega) {
		g.Expect(parts.Admin.List(ctx, &pods, client.InNamespace(namespace))).To(Succeed())
		g.Expect(pods.Items).To(HaveLen(3)) // the control plane has no controller of Jobs
	}).Should(Succeed())
}

// annotate sets an annotation to another value.
func annotate(ctx context.Context, o client.Object, key string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(parts.Admin.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
		o.SetAnnotations(map[string]string{key: time.Now().Format(time.RFC3339Nano)})
		g.Expect(parts.Admin.Update(ctx, o)).To(Succeed())
	}).Should(Succeed())
}

// notes are those of the events of an application with a reason.
func notes(ctx context.Context, app *v1alpha1.TrustedApplication, reason string) []string {
	var list eventsv1.EventList
	Expect(parts.Admin.List(ctx, &list, client.InNamespace(app.Namespace))).To(Succeed())
	var all []string
	for _, e := range list.Items {
		if e.Regarding.UID == app.UID && e.Reason == reason {
			all = append(all, e.Note)
		}
	}
	return all
}

func application(name string) *v1alpha1.TrustedApplication {
	return &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.TrustedApplicationSpec{
		ApplicationURI: "com.example.orders/" + name, IdentityServerRef: v1alpha1.IdentityServerReference{Name: "acme"},
		Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"},
		Credentials: &v1alpha1.CredentialsSpec{SecretName: name + "-credentials", Rotation: &v1alpha1.RotationSpec{Strategy: v1alpha1.RotationInPlace}},
	}}
}

var _ = Describe("a published Secret", Ordered, func() {
	app, unused := application("orders"), application("unused")
	server := &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}
	// is looks at an application.
	is := func(ctx context.Context, app *v1alpha1.TrustedApplication, match OmegaMatcher) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(parts.Admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
			g.Expect(app.Status).To(match)
		}).Should(Succeed())
	}
	ready := WithTransform(func(s v1alpha1.TrustedApplicationStatus) bool {
		return meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionReady)
	}, BeTrue())
	user := func(kind, name string, uses ...v1alpha1.SecretUse) v1alpha1.SecretUser {
		return v1alpha1.SecretUser{Kind: kind, Name: name, Uses: uses}
	}
	all := []v1alpha1.SecretUser{
		user("CronJob", "nightly", "Environment"), user("Deployment", "api", "Environment"), user("Deployment", "web", "Mounted"), user("Pod", "shell", "SubPath"),
	}

	It("whose users may not be listed has users that are not known", func(ctx SpecContext) {
		for _, a := range []*v1alpha1.TrustedApplication{app, unused} {
			Expect(parts.Admin.Create(ctx, a)).To(Succeed())
			is(ctx, a, ready)
		}
		deploy(ctx)
		annotate(ctx, server, v1alpha1.SweepAnnotation)
		is(ctx, app, HaveField("Warnings", ConsistOf(And(
			HavePrefix("status.usedBy: whether cronjobs.batch, daemonsets.apps, deployments.apps, jobs.batch, pods, statefulsets.apps use the Secret"),
			ContainSubstring("inUseDetection.enabled")))))
		Expect(app.Status.UsedBy).To(BeEmpty())
	})

	It("names them once the chart's value allows it", func(ctx SpecContext) {
		allow(ctx)
		Eventually(func(g Gomega) { // the authorizer learns of it in the background
			annotate(ctx, server, v1alpha1.SweepAnnotation)
			g.Eventually(func(g Gomega) {
				g.Expect(parts.Admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
				g.Expect(app.Status.UsedBy).To(Equal(all))
			}).WithTimeout(5 * time.Second).Should(Succeed())
		}).Should(Succeed())
		Expect(app.Status.Warnings).To(ConsistOf(HaveSuffix(
			"what reads the Secret orders-credentials only when it starts: Deployment api (Environment), Pod shell (SubPath)")))
		is(ctx, unused, And(HaveField("UsedBy", BeEmpty()), HaveField("Warnings", BeEmpty())))

		By("as anybody sees it who may list them")
		found, err := usage.Of(ctx, parts.Admin, namespace, secret)
		Expect(err).NotTo(HaveOccurred())
		Expect(found.Unknown).To(BeEmpty())
		var names []string
		for _, u := range found.Users {
			if u.NeedsRestart {
				names = append(names, u.Kind+" "+u.Name)
			}
		}
		Expect(names).To(Equal([]string{"Deployment api", "Pod shell"}))
	})

	It("tells at a rotation who needs a restart, once", func(ctx SpecContext) {
		annotate(ctx, app, v1alpha1.RotateAnnotation)
		asked := app.Annotations[v1alpha1.RotateAnnotation]
		is(ctx, app, And(ready, HaveField("Rotation.HandledRotate", asked)))
		Eventually(notes).WithArguments(ctx, app, "RestartNeeded").Should(ConsistOf(ContainSubstring("Deployment api (Environment), Pod shell (SubPath)")))
		Expect(app.Status.UsedBy).To(Equal(all))
	})

	It("tells at a deletion who still uses it, and does not wait for them", func(ctx SpecContext) {
		Expect(instance.SetDown(ctx, true)).To(Succeed())
		Expect(parts.Admin.Delete(ctx, app)).To(Succeed())
		Eventually(notes).WithArguments(ctx, app, "StillInUse").Should(ConsistOf(ContainSubstring("CronJob nightly (Environment), Deployment api (Environment)")))
		is(ctx, app, HaveField("Warnings", ContainElement(HavePrefix("status.usedBy: the Secret orders-credentials goes with this application and is still used by"))))
		Expect(instance.SetDown(ctx, false)).To(Succeed())
		for _, o := range []client.Object{app, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: secret}}} {
			Eventually(func() bool {
				return apierrors.IsNotFound(parts.Admin.Get(ctx, client.ObjectKeyFromObject(o), o))
			}).Should(BeTrue())
		}
		Expect(notes(ctx, app, "StillInUse")).To(HaveLen(1))

		By("one that nobody uses goes in silence")
		Expect(parts.Admin.Delete(ctx, unused)).To(Succeed())
		Eventually(notes).WithArguments(ctx, unused, "Deregistered").ShouldNot(BeEmpty())
		Expect(slices.Concat(notes(ctx, unused, "StillInUse"), notes(ctx, unused, "RestartNeeded"))).To(BeEmpty())
	})
})
