package usage

import (
	"context"
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

const namespace = "shop"

var (
	inEnvironment = corev1.PodSpec{Containers: []corev1.Container{{Env: []corev1.EnvVar{variable(secret, nil)}}}}
	inVolume      = corev1.PodSpec{Volumes: []corev1.Volume{volume(secret, nil)}}
	optional      = corev1.PodSpec{Volumes: []corev1.Volume{volume(secret, new(true))}}
	nowhere       = corev1.PodSpec{Containers: []corev1.Container{{Name: "c"}}}
)

func object(name string, by ...metav1.OwnerReference) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, OwnerReferences: by}
}

func by(kind, name string) metav1.OwnerReference {
	return metav1.OwnerReference{Kind: kind, Name: name, Controller: new(true)}
}

func template(spec corev1.PodSpec) corev1.PodTemplateSpec { return corev1.PodTemplateSpec{Spec: spec} }

func aDeployment(name string, spec corev1.PodSpec) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: object(name), Spec: appsv1.DeploymentSpec{Template: template(spec)}}
}

func aJob(name string, spec corev1.PodSpec, owners ...metav1.OwnerReference) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: object(name, owners...), Spec: batchv1.JobSpec{Template: template(spec)}}
}

func aCronJob(name string, spec corev1.PodSpec) *batchv1.CronJob {
	return &batchv1.CronJob{ObjectMeta: object(name), Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template(spec)}}}}
}

func aPod(name string, spec corev1.PodSpec, owners ...metav1.OwnerReference) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: object(name, owners...), Spec: spec}
}

// hashed is a Pod of a Deployment.
func hashed(name string, spec corev1.PodSpec, set string) *corev1.Pod {
	p := aPod(name, spec, by("ReplicaSet", set))
	p.Labels = map[string]string{"pod-template-hash": "6d4cf"}
	return p
}

// cluster answers with some objects; refuse may answer a list instead, and may be nil.
func cluster(refuse func(client.ObjectList) error, objects ...client.Object) client.Reader {
	return fake.NewClientBuilder().WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if refuse != nil {
				if err := refuse(list); err != nil {
					return err
				}
			}
			return c.List(ctx, list, options...)
		},
	}).Build()
}

func user(kind, name string, how ...How) User { return User{Kind: kind, Name: name, How: how} }

func restarting(u User) User {
	u.NeedsRestart = true
	return u
}

func TestWhoUsesASecret(t *testing.T) {
	finished := aPod("done", inVolume)
	finished.Status.Phase = corev1.PodSucceeded
	complete := aJob("complete", inVolume)
	complete.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	failing := aJob("failing", inVolume)
	failing.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionFalse}}
	going := aDeployment("going", inVolume)
	going.DeletionTimestamp, going.Finalizers = new(metav1.Now()), []string{"example.com/wait"}
	elsewhere := aDeployment("elsewhere", inVolume)
	elsewhere.Namespace = "other"
	for name, c := range map[string]struct {
		objects []client.Object
		want    []User
	}{
		"nobody": {[]client.Object{aDeployment("api", nowhere), elsewhere}, nil},
		"each kind": {
			[]client.Object{
				aDeployment("api", inEnvironment), aCronJob("nightly", inEnvironment), aJob("import", inVolume), aPod("shell", optional),
				&appsv1.StatefulSet{ObjectMeta: object("db"), Spec: appsv1.StatefulSetSpec{Template: template(inVolume)}},
				&appsv1.DaemonSet{ObjectMeta: object("agent"), Spec: appsv1.DaemonSetSpec{Template: template(inVolume)}},
			},
			[]User{
				user("CronJob", "nightly", Environment), user("DaemonSet", "agent", Mounted), restarting(user("Deployment", "api", Environment)),
				user("Job", "import", Mounted), {Kind: "Pod", Name: "shell", How: []How{Mounted}, Optional: true}, user("StatefulSet", "db", Mounted),
			},
		},
		"Pods count under a Deployment, also those of its former template": {
			[]client.Object{aDeployment("api", inVolume), hashed("api-6d4cf-x", inEnvironment, "api-6d4cf")},
			[]User{restarting(user("Deployment", "api", Environment, Mounted))},
		},
		"a ReplicaSet of nobody": {
			[]client.Object{hashed("api-6d4cf-x", inVolume, "api-6d4cf"), aPod("old-x", inVolume, by("ReplicaSet", "old"))},
			[]User{user("ReplicaSet", "api-6d4cf", Mounted), user("ReplicaSet", "old", Mounted)},
		},
		"Jobs and Pods count under a CronJob": {
			[]client.Object{
				aCronJob("nightly", inVolume), aJob("nightly-1", inEnvironment, by("CronJob", "nightly")), aPod("nightly-1-x", inEnvironment, by("Job", "nightly-1")),
			},
			[]User{user("CronJob", "nightly", Environment, Mounted)},
		},
		"Pods count under a Job": {[]client.Object{aJob("import", inVolume), aPod("import-x", inVolume, by("Job", "import"))}, []User{user("Job", "import", Mounted)}},
		"a controller of another kind": {
			[]client.Object{aPod("web-1", inVolume, by("CloneSet", "web")), aPod("web-2", inVolume, by("CloneSet", "web"))}, []User{user("CloneSet", "web", Mounted)},
		},
		"an owner that cannot exist": {
			[]client.Object{aPod("p", inVolume, by("Clone\nSet", "web")), aPod("q", inVolume, by("CloneSet", "not a name"))},
			[]User{user("Pod", "p", Mounted), user("Pod", "q", Mounted)},
		},
		"what ended or goes away": {[]client.Object{finished, complete, failing, going}, []User{user("Job", "failing", Mounted)}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			found, err := Of(t.Context(), cluster(nil, c.objects...), namespace, secret)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(found).To(Equal(Found{Users: c.want}))
		})
	}
}

func TestSeveralSecretsAreFoundAtOnce(t *testing.T) {
	g := NewWithT(t)
	lists := 0
	reader := cluster(func(client.ObjectList) error { lists++; return nil },
		aDeployment("api", inVolume), aDeployment("web", corev1.PodSpec{Volumes: []corev1.Volume{volume("web-credentials", nil)}}))
	all, err := In(t.Context(), reader, namespace, secret, "web-credentials", "unused")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all).To(Equal(map[string]Found{
		secret: {Users: []User{user("Deployment", "api", Mounted)}}, "web-credentials": {Users: []User{user("Deployment", "web", Mounted)}}, "unused": {},
	}))
	g.Expect(lists).To(Equal(6))
}

func TestWhatMayNotBeListedIsNotKnown(t *testing.T) {
	g := NewWithT(t)
	refuse := func(list client.ObjectList) error {
		switch list.(type) {
		case *appsv1.DeploymentList, *batchv1.JobList:
			return apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, "", nil)
		}
		return nil
	}
	found, err := Of(t.Context(), cluster(refuse, aDeployment("api", inVolume), hashed("api-6d4cf-x", inVolume, "api-6d4cf"), aPod("i-x", inVolume, by("Job", "i"))), namespace, secret)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(Equal(Found{
		Users: []User{user("Deployment", "api", Mounted), user("Job", "i", Mounted)}, Unknown: []string{"deployments.apps", "jobs.batch"},
	}), "Pods tell of their owners, which may not be listed")
}

func TestAListThatFailsSaysNothing(t *testing.T) {
	g := NewWithT(t)
	down := errors.New("the API server is down")
	_, err := Of(t.Context(), cluster(func(client.ObjectList) error { return down }), namespace, secret)
	g.Expect(err).To(MatchError("listing deployments.apps in the namespace shop: the API server is down"))
}

func TestTheListIsBounded(t *testing.T) {
	g := NewWithT(t)
	var objects []client.Object
	for i := range Most {
		objects = append(objects, aDeployment(fmt.Sprintf("a%02d", i), inVolume))
	}
	objects = append(objects, aPod("z", inEnvironment), aPod("y", inVolume))
	found, err := Of(t.Context(), cluster(nil, objects...), namespace, secret)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found.Users).To(HaveLen(Most))
	g.Expect(found.More).To(Equal(2))
	g.Expect(found.Users[Most-1]).To(Equal(restarting(user("Pod", "z", Environment))), "what needs a restart is never left out before others")
}

// paged answers with one object a page.
type paged struct {
	client.Reader
	asked []string
}

func (p *paged) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	pods, ok := list.(*corev1.PodList)
	if !ok {
		return p.Reader.List(ctx, list, options...)
	}
	var o client.ListOptions
	o.ApplyOptions(options)
	p.asked = append(p.asked, o.Continue)
	pods.Items = []corev1.Pod{*aPod("p"+o.Continue, inVolume)}
	pods.Continue = map[string]string{"": "1", "1": "2"}[o.Continue]
	return nil
}

func TestAllPagesAreRead(t *testing.T) {
	g := NewWithT(t)
	reader := &paged{Reader: cluster(nil)}
	found, err := Of(t.Context(), reader, namespace, secret)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found.Users).To(Equal([]User{user("Pod", "p", Mounted), user("Pod", "p1", Mounted), user("Pod", "p2", Mounted)}))
	g.Expect(reader.asked).To(Equal([]string{"", "1", "2"}))
}
