package security

import (
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
	"trustedapps.dev/operator/test/standin"
)

// The teams: the attacker's, and the victim's.
const (
	attackers = "team-a"
	victims   = "team-b"
	// victim is the application of the victims, with a client id that the attackers are allowed to ask for.
	victim    = "orders"
	victimURI = "com.example.shared/orders"
)

// stage is a cluster with the operator, an instance, and two teams.
type stage struct {
	name     string
	binary   string
	bed      *bed.Bed
	instance *standin.Instance
	operator *bed.Manager
	log      *process.Buffer
	// standinLog is what the stand-in prints, audit the API server's log of who did what.
	standinLog *process.Buffer
	audit      string
	// tenant is the kubeconfig of the attackers.
	tenant string
}

func newStage(ctx context.Context, name, binary string) *stage {
	GinkgoHelper()
	s := &stage{name: name, binary: binary, log: &process.Buffer{}, standinLog: &process.Buffer{}, audit: filepath.Join(GinkgoT().TempDir(), "audit.log")}
	var err error
	s.bed, err = bed.Start(ctx, controlplane.Options{ControllerManager: true, AuditLog: s.audit}, io.MultiWriter(GinkgoWriter, s.standinLog))
	DeferCleanup(func() { Expect(s.bed.Stop()).To(Succeed()) })
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		if s.operator != nil {
			Expect(s.operator.Stop()).To(Succeed())
		}
	})
	Expect(s.bed.Namespace(ctx, attackers)).To(Succeed())
	Expect(s.bed.Namespace(ctx, victims)).To(Succeed())
	spec := bed.Spec("acme")
	spec.Users = append(spec.Users,
		standin.User{Login: "svc.team-a", Active: true, UserType: "InternalUser"}, standin.User{Login: "svc.team-b", Active: true, UserType: "InternalUser"},
		standin.User{Login: "svc.boss", Active: true, IsAdmin: true, UserType: "InternalUser"})
	s.instance, err = s.bed.Instance(ctx, spec)
	Expect(err).NotTo(HaveOccurred())
	s.grant(ctx, grants()...)

	for _, args := range [][]string{
		{"create", "serviceaccount", "attacker", "-n", attackers},
		// What a team gets: to edit its own namespace, with what the operator's chart aggregates to that role.
		{"create", "rolebinding", "team", "-n", attackers, "--clusterrole=edit", "--serviceaccount=" + attackers + ":attacker"},
	} {
		kubectl(ctx, s, args...)
	}
	s.tenant = filepath.Join(s.bed.Plane.Dir, "tenant.kubeconfig")
	access := must(s.bed.Plane.ServiceAccountConfig(ctx, attackers, "attacker"))
	Expect(controlplane.WriteKubeconfig(s.tenant, access)).To(Succeed())
	Eventually(func() error { // the controller of the control plane puts the aggregated role together
		_, err := s.asTenant(ctx, "", "get", "trustedapplications", "-n", attackers)
		return err
	}).Should(Succeed())
	return s
}

// grants are those of two teams that share an instance and do not trust each other.
func grants() []v1alpha1.AccessGrant {
	return []v1alpha1.AccessGrant{
		{
			Name: "attackers", Namespaces: []v1alpha1.NamespacePattern{attackers},
			ApplicationURIs: []v1alpha1.TextPattern{"com.example.{namespace}/*", "com.example.shared/*"},
			Flows:           []v1alpha1.Flow{v1alpha1.FlowClientCredentials, v1alpha1.FlowAuthorizationCode},
			ClientTypes:     []v1alpha1.ClientType{v1alpha1.ClientTypeConfidential},
			Scopes:          []v1alpha1.TextPattern{"read"}, SystemUsers: []v1alpha1.TextPattern{"svc.{namespace}", "svc.boss"},
			RedirectHosts:   []v1alpha1.HostPattern{"team-a.example.com"},
			ReferenceTokens: []v1alpha1.ReferenceTokenPolicy{v1alpha1.ReferenceTokensNone}, MaxApplications: new(int32(3)),
		},
		{Name: "victims", Namespaces: []v1alpha1.NamespacePattern{victims}},
	}
}

func (s *stage) grant(ctx context.Context, grants ...v1alpha1.AccessGrant) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var ids v1alpha1.IdentityServer
		g.Expect(s.bed.Admin.Get(ctx, client.ObjectKey{Name: s.instance.Name}, &ids)).To(Succeed())
		ids.Spec.Access = grants
		g.Expect(s.bed.Admin.Update(ctx, &ids)).To(Succeed())
	}).Should(Succeed())
}

// begin starts the operator, and registers the victims' application.
func (s *stage) begin(ctx context.Context) {
	GinkgoHelper()
	s.start(ctx)
	app := application(victims, victim, service("svc.team-b"))
	app.Spec.ApplicationURI = victimURI
	Expect(s.bed.Admin.Create(ctx, app)).To(Succeed())
	s.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
	s.plant(ctx, app)
}

// start starts the operator, with more in its environment.
func (s *stage) start(ctx context.Context, env ...string) {
	GinkgoHelper()
	var err error
	s.operator, err = s.bed.ManagerOf(ctx, bed.Build{Binary: s.binary, Env: env}, io.MultiWriter(GinkgoWriter, s.log), "--leader-elect", "--zap-log-level=debug")
	Expect(err).NotTo(HaveOccurred())
	Expect(s.operator.WaitReady(ctx)).To(Succeed())
}

// asTenant runs kubectl as the attackers.
func (s *stage) asTenant(ctx context.Context, stdin string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, bed.Path("bin/kubectl"), append([]string{"--kubeconfig", s.tenant}, args...)...)
	command.Stdin = strings.NewReader(stdin)
	out, err := command.CombinedOutput()
	return string(out), err
}

// becomes waits for the condition Ready of an application.
func (s *stage) becomes(ctx context.Context, app *v1alpha1.TrustedApplication, status metav1.ConditionStatus, reason string) metav1.Condition {
	GinkgoHelper()
	var ready *metav1.Condition
	Eventually(func(g Gomega) {
		g.Expect(s.bed.Admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		ready = meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(*ready).To(And(HaveField("Status", status), HaveField("Reason", reason), HaveField("ObservedGeneration", app.Generation)))
	}).Should(Succeed(), "%s/%s", app.Namespace, app.Name)
	return *ready
}

// published is the Secret of an application.
func (s *stage) published(ctx context.Context, app *v1alpha1.TrustedApplication) *corev1.Secret {
	GinkgoHelper()
	var secret corev1.Secret
	Expect(s.bed.Admin.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: app.Status.Binding.Name}, &secret)).To(Succeed())
	return &secret
}

// plant notes what was published as secret.
func (s *stage) plant(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	secrets.Plant("the secret of "+app.Namespace+"/"+app.Name, string(s.published(ctx, app).Data[v1alpha1.KeyClientSecret]))
}

// gone deletes an application, and waits for its end.
func (s *stage) gone(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	Expect(client.IgnoreNotFound(s.bed.Admin.Delete(ctx, app))).To(Succeed())
	Eventually(func() error { return s.bed.Admin.Get(ctx, client.ObjectKeyFromObject(app), app.DeepCopy()) }).ShouldNot(Succeed())
}

func application(namespace, name string, spec v1alpha1.TrustedApplicationSpec) *v1alpha1.TrustedApplication {
	app := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec}
	app.Spec.IdentityServerRef.Name = "acme"
	if app.Spec.ApplicationURI == "" {
		app.Spec.ApplicationURI = "com.example." + namespace + "/" + name
	}
	return app
}

func service(user string) v1alpha1.TrustedApplicationSpec {
	return v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: user}, Scopes: []v1alpha1.Scope{"read"}}
}
