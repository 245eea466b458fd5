package cli

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/usage"
)

func bound() *v1alpha1.TrustedApplication {
	app := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: "orders", Name: "sync"}}
	app.Status.Binding = &v1alpha1.BindingReference{Name: "sync"}
	return app
}

func TestWhoFollowsAndWhoMustBeRestarted(t *testing.T) {
	app := bound()
	app.Spec.Credentials = &v1alpha1.CredentialsSpec{RolloutRestart: []v1alpha1.RestartTarget{{Kind: "Deployment", Name: "listed"}}}
	used := func(kind, name string, restart bool, how ...usage.How) usage.User {
		return usage.User{Kind: kind, Name: name, How: how, NeedsRestart: restart}
	}
	who := usersOf(app, usage.Found{More: 2, Users: []usage.User{
		used("CronJob", "nightly", false, usage.Environment), used("Deployment", "api", true, usage.Environment, usage.Mounted),
		used("Deployment", "listed", true, usage.Environment), used("Deployment", "web", false, usage.Mounted),
		used("Pod", "shell", true, usage.SubPath), used("StatefulSet", "store", true, usage.VolumeDriver),
	}})
	g := NewWithT(t)
	g.Expect(who.lines()).To(Equal([]string{
		"CronJob nightly (Environment): its next run has the new credential",
		"Deployment api (Environment, Mounted): needs a restart for a new credential",
		"Deployment listed (Environment): the operator restarts it for a new credential (spec.credentials.rolloutRestart)",
		"Deployment web (Mounted): picks a new credential up by itself",
		"Pod shell (SubPath): needs a restart for a new credential",
		"StatefulSet store (VolumeDriver): needs a restart for a new credential",
		"and 2 more",
	}))
	g.Expect(who.restarts("orders")).To(Equal([]string{
		"kubectl rollout restart deployment/api statefulset/store -n orders", "delete, and create again: Pod shell",
	}))
	g.Expect(who.all[1].Restart).To(Equal("kubectl rollout restart deployment/api -n orders"))
	g.Expect(users{}.restarts("orders")).To(BeEmpty())
}

func TestWhatGoesWithTheSecret(t *testing.T) {
	app := bound()
	app.DeletionTimestamp = new(metav1.Now())
	who := usersOf(app, usage.Found{Users: []usage.User{
		{Kind: "Deployment", Name: "api", How: []usage.How{usage.Mounted}}, {Kind: "Deployment", Name: "web", How: []usage.How{usage.Mounted}, Optional: true},
	}})
	NewWithT(t).Expect(who.lines()).To(Equal([]string{
		"Deployment api (Mounted): its next Pods do not start once the Secret is gone", "Deployment web (Mounted): goes on without the Secret",
	}))
}

func TestTheOperatorKnowsWhatTheUserMayNotList(t *testing.T) {
	app := bound()
	app.Status.UsedBy = []v1alpha1.SecretUser{
		{Kind: "CronJob", Name: "nightly", Uses: []v1alpha1.SecretUse{"Environment"}}, {Kind: "Deployment", Name: "gone", Uses: []v1alpha1.SecretUse{"Mounted"}},
		{Kind: "Pod", Name: "shell", Uses: []v1alpha1.SecretUse{"SubPath"}},
	}
	who := usersOf(app, usage.Found{Unknown: []string{"cronjobs.batch", "pods"}})
	g := NewWithT(t)
	g.Expect(who.lines()).To(Equal([]string{
		"CronJob nightly (Environment): its next run has the new credential", "Pod shell (SubPath): needs a restart for a new credential",
		"whether cronjobs.batch, pods use the Secret sync is not known: you may not list them in the namespace orders",
	}))
}

func TestUsersThatCannotBeLookedForDisturbNothing(t *testing.T) {
	g := NewWithT(t)
	scheme := runtime.NewScheme()
	g.Expect(appsv1.AddToScheme(scheme)).To(Succeed())
	g.Expect(corev1.AddToScheme(scheme)).To(Succeed())
	failing := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("etcd is away")
		},
	}).Build()
	e := &env{cluster: &cluster{known: failing}}
	g.Expect(e.users(t.Context(), bound()).lines()).To(Equal([]string{
		"who uses the Secret sync is not known: listing deployments.apps in the namespace orders: etcd is away",
	}))
	g.Expect(e.users(t.Context(), &v1alpha1.TrustedApplication{}).lines()).To(BeEmpty(), "nothing is published")
}

func TestUsersInATree(t *testing.T) {
	g := NewWithT(t)
	g.Expect(users{}.branches(nil)).To(BeEmpty(), "a Public client has no Secret")
	g.Expect(users{}.branches(&credential{Secret: "sync"})).To(Equal([]branch{leaf("used by", "no workload of this namespace")}))
	g.Expect(users{unknown: []string{"not known"}}.branches(&credential{Secret: "sync"})).To(Equal([]branch{{text: "used by", below: []branch{{text: "not known"}}}}))
}
