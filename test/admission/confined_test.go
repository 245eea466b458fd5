// Package admission proves that the admission policies of the chart keep the operator's ServiceAccount to what the operator does, on a real API
// server, and let pass all that it does.
package admission

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
)

// No name is the default one: the policies have to follow the values of the chart.
const (
	own     = "platform"
	account = "registrar"
	demo    = "demo"
	prefix  = "ops-trustedapp-operator-" // of the names of policies
)

// soon is the longest that the API server may take to learn of a policy, a role or a binding on a busy machine.
const soon = 30 * time.Second

// cluster is a control plane with everything of the chart.
type cluster struct {
	Gomega
	t     *testing.T
	plane *controlplane.ControlPlane
	// admin is the administrator, operator the operator's ServiceAccount with the roles of the chart.
	admin, operator client.Client
}

func start(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{Gomega: NewWithT(t), t: t}
	var err error
	c.plane, err = controlplane.Start(t.Context(), controlplane.Options{CRDDirs: []string{repository("config/crd/bases")}})
	c.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { NewWithT(t).Expect(c.plane.Stop()).To(Succeed()) })
	c.admin = c.client(c.plane.RESTConfig)
	for _, namespace := range []string{own, demo} {
		c.kubectl("", "create", "namespace", namespace)
	}
	c.kubectl(render(t, "crds.install=false", "admissionPolicy.enabled=true"), "apply", "--server-side", "-f", "-")
	config, err := c.plane.ServiceAccountConfig(t.Context(), own, account)
	c.Expect(err).NotTo(HaveOccurred())
	c.operator = c.client(config)
	return c
}

func repository(path string) string { return filepath.Join("..", "..", path) }

// render renders the chart.
func render(t *testing.T, values ...string) string {
	t.Helper()
	args := []string{"template", "ops", repository("charts/trustedapp-operator"), "--namespace", own}
	for _, value := range append(values, "serviceAccount.name="+account, "namespaces={"+demo+"}", "rbac.rolloutRestart=true") {
		args = append(args, "--set", value)
	}
	out, err := exec.CommandContext(t.Context(), repository("bin/helm"), args...).Output()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return string(out)
}

func (c *cluster) client(config *rest.Config) client.Client {
	c.t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		c.Expect(add(scheme)).To(Succeed())
	}
	made, err := client.New(config, client.Options{Scheme: scheme})
	c.Expect(err).NotTo(HaveOccurred())
	return made
}

// kubectl runs kubectl as the administrator.
func (c *cluster) kubectl(stdin string, args ...string) {
	c.t.Helper()
	command := exec.CommandContext(c.t.Context(), repository("bin/kubectl"), append([]string{"--kubeconfig", c.plane.Kubeconfig}, args...)...)
	command.Stdin = strings.NewReader(stdin)
	out, err := command.CombinedOutput()
	c.Expect(err).NotTo(HaveOccurred(), string(out))
}

func TestTheOperatorIsKeptToWhatItDoes(t *testing.T) {
	c := start(t)
	c.prepare()

	// What is tried does not happen, so that it can be tried again.
	operator, admin := client.NewDryRunClient(c.operator), client.NewDryRunClient(c.admin)
	for _, w := range confined { // the API server learns of a policy by a watch
		c.Eventually(w.by(t.Context(), operator)).WithTimeout(soon).Should(And(
			MatchError(ContainSubstring("ValidatingAdmissionPolicy '%s%s'", prefix, w.policy)), MatchError(ContainSubstring(w.message)),
			Satisfy(apierrors.IsInvalid)), w.name)
	}
	for _, w := range confined {
		c.Expect(w.by(t.Context(), admin)()).To(Succeed(), "nobody else is confined: %s", w.name)
	}
	for name, work := range everyday {
		t.Run(name, func(t *testing.T) { work(c.of(t)) })
	}

	// The policies alone refuse it: the roles would let all of it pass.
	for _, policy := range []string{publishes, protects, sets, restarts} {
		c.kubectl("", "delete", "validatingadmissionpolicybinding", prefix+policy)
	}
	for _, w := range confined {
		c.Eventually(w.by(t.Context(), operator)).WithTimeout(soon).Should(Succeed(), w.name)
	}
}

// of is the cluster for a part of a test.
func (c *cluster) of(t *testing.T) *cluster {
	return &cluster{Gomega: NewWithT(t), t: t, plane: c.plane, admin: c.admin, operator: c.operator}
}

func TestThePoliciesAreOptional(t *testing.T) {
	g := NewWithT(t)
	binds := "\n  policyName: " + prefix
	g.Expect(strings.Count(render(t, "rbac.guardAbandon=false", "admissionPolicy.enabled=true"), binds)).To(Equal(4))
	g.Expect(strings.Count(render(t, "rbac.guardAbandon=false"), binds)).To(BeZero())
}
