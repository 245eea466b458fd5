package security

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/audit"
	"trustedapps.dev/operator/test/bed"
)

// permission is one verb on one resource somewhere, as a role of the operator gives it.
type permission struct {
	// where is "everywhere", "its own namespace", or "where it publishes".
	where, verb, group, resource, name string
}

// whole is the resource with its group.
func (p permission) whole() string {
	if p.group == "" {
		return p.resource
	}
	return p.resource + "." + p.group
}

func (p permission) String() string {
	s := p.verb + " " + p.whole()
	if p.name != "" {
		s += " " + p.name
	}
	return s + ", " + p.where
}

const (
	everywhere = "everywhere"
	own        = "its own namespace"
	publishing = "where it publishes"
)

// permissions are those of the roles that ship.
func permissions(ctx context.Context, s *stage) []permission {
	GinkgoHelper()
	var cluster, publisher rbacv1.ClusterRole
	var role rbacv1.Role
	Expect(s.bed.Admin.Get(ctx, client.ObjectKey{Name: bed.OperatorAccount}, &cluster)).To(Succeed())
	Expect(s.bed.Admin.Get(ctx, client.ObjectKey{Name: bed.PublisherRole}, &publisher)).To(Succeed())
	Expect(s.bed.Admin.Get(ctx, client.ObjectKey{Namespace: bed.OperatorNamespace, Name: bed.OperatorAccount}, &role)).To(Succeed())
	var all []permission
	for where, rules := range map[string][]rbacv1.PolicyRule{everywhere: cluster.Rules, publishing: publisher.Rules, own: role.Rules} {
		for _, rule := range rules {
			names := rule.ResourceNames
			if len(names) == 0 {
				names = []string{""}
			}
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						for _, name := range names {
							all = append(all, permission{where, verb, group, resource, name})
						}
					}
				}
			}
		}
	}
	return all
}

// asked are the requests of the operator.
func (s *stage) asked() []audit.Request {
	GinkgoHelper()
	return must(audit.Of(s.audit, bed.OperatorUser))
}

// uses says whether a request needs a permission.
func uses(r audit.Request, p permission) bool {
	where := map[string]bool{
		everywhere: true, own: r.ObjectRef.Namespace == bed.OperatorNamespace,
		publishing: r.ObjectRef.Namespace != bed.OperatorNamespace && r.ObjectRef.Namespace != "",
	}
	return where[p.where] && r.Verb == p.verb && r.Resource() == p.whole() && (p.name == "" || r.ObjectRef.Name == p.name)
}

// blocks says whether a request was refused because the owner of an object would block a deletion.
func blocks(r audit.Request) bool {
	return r.Refused() && strings.Contains(r.ResponseStatus.Message, "cannot set blockOwnerDeletion")
}

// work lets the operator do all that it is for.
func (s *stage) work(ctx context.Context) {
	GinkgoHelper()
	labels := map[string]string{"app": "web"}
	web := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: victims, Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "registry.example/none"}}},
			},
		},
	}
	Expect(s.bed.Admin.Create(ctx, web)).To(Succeed())
	both := service("svc.team-b")
	both.ClientType = v1alpha1.ClientTypeConfidential
	both.Interactive = &v1alpha1.InteractiveSpec{RedirectURIs: []v1alpha1.RedirectURI{"https://team-b.example.com/cb"}}
	both.Credentials = &v1alpha1.CredentialsSpec{
		RolloutRestart: []v1alpha1.RestartTarget{{Kind: "Deployment", Name: "web"}}, Rotation: &v1alpha1.RotationSpec{Strategy: v1alpha1.RotationInPlace},
	}
	app := application(victims, "portal", both)
	Expect(s.bed.Admin.Create(ctx, app)).To(Succeed())
	s.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
	s.plant(ctx, app)
	edit := func(change func(*v1alpha1.TrustedApplication)) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(s.bed.Admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
			change(app)
			g.Expect(s.bed.Admin.Update(ctx, app)).To(Succeed())
		}).Should(Succeed())
		s.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
	}
	edit(func(a *v1alpha1.TrustedApplication) { a.Spec.Scopes = append(a.Spec.Scopes, "update") })
	edit(func(a *v1alpha1.TrustedApplication) {
		a.Spec.ConfigMapName, a.Spec.Credentials.SecretName = "renamed", "renamed"
	})
	edit(func(a *v1alpha1.TrustedApplication) {
		a.Spec.Interactive.RedirectURIs = append(a.Spec.Interactive.RedirectURIs, "https://team-b.example.com/2")
	})
	edit(func(a *v1alpha1.TrustedApplication) {
		metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RotateAnnotation, "1")
	})
	Eventually(func(g Gomega) {
		g.Expect(s.bed.Admin.Get(ctx, client.ObjectKeyFromObject(web), web)).To(Succeed())
		g.Expect(web.Generation).To(BeEquivalentTo(2), "it was restarted")
	}).Should(Succeed())
	s.plant(ctx, app)

	By("the same event twice")
	for range 2 {
		var ids v1alpha1.IdentityServer
		Expect(s.bed.Admin.Get(ctx, client.ObjectKey{Name: s.instance.Name}, &ids)).To(Succeed())
		at, registered, err := s.instance.Application(ctx, app.Spec.ApplicationURI)
		Expect(err).NotTo(HaveOccurred())
		Expect(registered).To(BeTrue())
		Expect(s.instance.EditApplication(ctx, at.ID, map[string]any{"name": "By hand"})).To(Succeed())
		sweep := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1alpha1.SweepAnnotation+`":"`+rand.Text()+`"}}}`))
		Expect(s.bed.Admin.Patch(ctx, &ids, sweep)).To(Succeed())
		Eventually(func(g Gomega) {
			now, _, err := s.instance.Application(ctx, app.Spec.ApplicationURI)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(now.Name).To(Equal(at.Name), "it was repaired")
		}).Should(Succeed())
	}

	By("the list of registrations, twice")
	for _, asked := range []string{"first", "second"} {
		ids := &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: s.instance.Name}}
		ask := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1alpha1.InventoryAnnotation+`":"`+asked+`"}}}`))
		Expect(s.bed.Admin.Patch(ctx, ids, ask)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(s.bed.Admin.Get(ctx, client.ObjectKeyFromObject(ids), ids)).To(Succeed())
			g.Expect(ids.Status.Inventory).To(HaveField("HandledRequest", asked))
			g.Expect(ids.Status.Inventory.Problem).To(BeEmpty())
		}).Should(Succeed())
	}

	By("an application that goes without its end at the server")
	left := application(victims, "left", service("svc.team-b"))
	Expect(s.bed.Admin.Create(ctx, left)).To(Succeed())
	s.becomes(ctx, left, metav1.ConditionTrue, v1alpha1.ReasonReady)
	s.plant(ctx, left)
	Expect(s.instance.SetDown(ctx, true)).To(Succeed())
	abandon := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1alpha1.AbandonAnnotation+`":"`+left.Spec.ApplicationURI+`"}}}`))
	Expect(s.bed.Admin.Patch(ctx, left, abandon)).To(Succeed())
	s.gone(ctx, left)
	Expect(s.instance.SetDown(ctx, false)).To(Succeed())

	By("a set of applications")
	set := &v1alpha1.TrustedApplicationSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: victims, Name: "fleet"},
		Spec: v1alpha1.TrustedApplicationSetSpec{
			EmptySelection: v1alpha1.EmptyDelete,
			Servers:        v1alpha1.SetServers{Names: []string{s.instance.Name}},
			Template: v1alpha1.ApplicationTemplate{Spec: v1alpha1.ApplicationTemplateSpec{
				ApplicationURI: "com.example." + victims + "/fleet", Service: &v1alpha1.ServiceTemplate{SystemUser: "svc.team-b"},
			}},
		},
	}
	Expect(s.bed.Admin.Create(ctx, set)).To(Succeed())
	one := application(victims, "fleet-"+s.instance.Name, service("svc.team-b"))
	s.becomes(ctx, one, metav1.ConditionTrue, v1alpha1.ReasonReady)
	s.plant(ctx, one)
	none := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"servers":{"names":null,"selector":{"matchLabels":{"nobody":"has"}}}}}`))
	Expect(s.bed.Admin.Patch(ctx, set, none)).To(Succeed())
	Eventually(func() error { return s.bed.Admin.Get(ctx, client.ObjectKeyFromObject(one), one) }).Should(Satisfy(apierrors.IsNotFound))
	Expect(s.bed.Admin.Delete(ctx, set)).To(Succeed())

	By("another leader, on an API server that streams no lists")
	Expect(s.operator.Stop()).To(Succeed())
	s.start(ctx, "KUBE_FEATURE_WatchListClient=false")
	s.gone(ctx, app)
	Expect(s.bed.Admin.Delete(ctx, web)).To(Succeed())
}

var _ = Describe("what the operator may do", Ordered, Serial, func() {
	It("is what it does", Label(threat), func(ctx SpecContext) {
		// The chart's value rbac.rolloutRestart adds this rule.
		var publisher rbacv1.ClusterRole
		Expect(guarded.bed.Admin.Get(ctx, client.ObjectKey{Name: bed.PublisherRole}, &publisher)).To(Succeed())
		publisher.Rules = append(publisher.Rules, rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"get", "patch"}})
		Expect(guarded.bed.Admin.Update(ctx, &publisher)).To(Succeed())
		guarded.work(ctx)
		all := permissions(ctx, guarded)
		Eventually(func(g Gomega) { // the log is written in the background
			asked := guarded.asked()
			var unused []string
			for _, p := range all {
				if strings.HasSuffix(p.resource, "/finalizers") {
					continue // no request says that it is needed: see below
				}
				if !slices.ContainsFunc(asked, func(r audit.Request) bool { return uses(r, p) }) {
					unused = append(unused, p.String())
				}
			}
			found.RBACVerbs, found.RBACUnused = len(all), len(unused)
			g.Expect(unused).To(BeEmpty())
		}).WithTimeout(longEnough / 4).Should(Succeed())
	}, NodeTimeout(5*60e9))

	It("takes the permission for finalizers where an owner may block a deletion", Label(threat), func(ctx SpecContext) {
		var role rbacv1.ClusterRole
		Expect(guarded.bed.Admin.Get(ctx, client.ObjectKey{Name: bed.OperatorAccount}, &role)).To(Succeed())
		whole := role.DeepCopy()
		for i := range role.Rules {
			role.Rules[i].Resources = slices.DeleteFunc(role.Rules[i].Resources, func(r string) bool { return r == "trustedapplications/finalizers" })
		}
		Expect(guarded.bed.Admin.Update(ctx, &role)).To(Succeed())
		Eventually(func(g Gomega) { // the API server learns of it in the background
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: bed.OperatorUser, ResourceAttributes: &authorizationv1.ResourceAttributes{
					Group: v1alpha1.GroupVersion.Group, Resource: "trustedapplications", Subresource: "finalizers", Verb: "update", Namespace: victims,
				},
			}}
			g.Expect(guarded.bed.Admin.Create(ctx, review)).To(Succeed())
			g.Expect(review.Status.Allowed).To(BeFalse())
		}).Should(Succeed())
		app := application(victims, "blocked", service("svc.team-b"))
		Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
		Eventually(func() bool { return slices.ContainsFunc(guarded.asked(), blocks) }).Should(BeTrue())
		Expect(guarded.bed.Admin.Get(ctx, client.ObjectKey{Name: bed.OperatorAccount}, &role)).To(Succeed())
		role.Rules = whole.Rules
		Expect(guarded.bed.Admin.Update(ctx, &role)).To(Succeed())
		guarded.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		guarded.plant(ctx, app)
		guarded.gone(ctx, app)
	})

	It("is all that it tries", Label(threat), func() {
		var refused []string
		for _, r := range guarded.asked() {
			if r.Refused() && !blocks(r) {
				refused = append(refused, r.String())
			}
		}
		Expect(strings.Join(refused, "\n")).To(BeEmpty())
	})
})
