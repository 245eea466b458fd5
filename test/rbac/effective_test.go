package rbac

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"trustedapps.dev/operator/test/controlplane"
)

const (
	own   = "trustedapp-system"
	group = ".trustedapps.dev" // what follows the first dot of a resource is its group
)

// What the operator may do, as "verb resource namespace[/name]"; no namespace is all of them.
var (
	allowed = []string{
		"get trustedapplications" + group, "watch trustedapplications" + group, "patch trustedapplications" + group,
		"update trustedapplications/status" + group, "update trustedapplications/finalizers" + group,
		"watch identityservers" + group, "patch identityservers" + group, "update identityservers/status" + group,
		"create trustedapplications" + group, "delete trustedapplications" + group, "watch trustedapplicationsets" + group,
		"update trustedapplicationsets/status" + group, "update trustedapplicationsets/finalizers" + group,
		"get namespaces kube-system/kube-system", "list namespaces", "watch namespaces", "create events.events.k8s.io demo",
		"get secrets " + own + "/ta-1", "create secrets " + own, "update secrets " + own + "/ta-1", "delete secrets " + own + "/ta-1",
		"get secrets demo/orders", "watch secrets demo", "create secrets demo", "update secrets demo/orders", "delete secrets demo/orders",
		"list configmaps " + own, "create configmaps " + own, "delete configmaps " + own + "/inventory-acme-1",
		"create configmaps demo", "update configmaps demo/shop",
		"create leases.coordination.k8s.io " + own, "update leases.coordination.k8s.io " + own + "/trustedapp-operator",
	}
	refused = []string{
		"get secrets", "list secrets", "watch secrets", "create secrets", "get configmaps", "list configmaps",
		"get secrets default/orders", "get secrets kube-system/orders", "create secrets default", "patch secrets demo/orders", "deletecollection secrets demo",
		"get configmaps " + own + "/inventory-acme-1", "update configmaps " + own + "/inventory-acme-1", "watch configmaps " + own, "create configmaps default",
		"create identityservers" + group, "update identityservers" + group, "delete identityservers" + group,
		"update trustedapplications" + group, "patch trustedapplications/status" + group, "deletecollection trustedapplications" + group,
		"create trustedapplicationsets" + group, "patch trustedapplicationsets" + group, "delete trustedapplicationsets" + group,
		"get namespaces default/default", "update namespaces kube-system/kube-system",
		"update leases.coordination.k8s.io " + own + "/other", "update leases.coordination.k8s.io kube-system/trustedapp-operator",
		"create pods demo", "create pods/exec demo/p", "create serviceaccounts/token " + own + "/trustedapp-operator", "get nodes",
		"create rolebindings.rbac.authorization.k8s.io demo", "update clusterroles.rbac.authorization.k8s.io",
		"escalate clusterroles.rbac.authorization.k8s.io", "bind clusterroles.rbac.authorization.k8s.io", "impersonate users",
		"impersonate serviceaccounts " + own, "patch deployments.apps " + own, "update customresourcedefinitions.apiextensions.k8s.io",
	}
)

func TestWhatTheAPIServerMakesOfIt(t *testing.T) {
	for _, name := range []string{"kustomize", "chart_namespaces"} {
		t.Run(name, func(t *testing.T) { testEffective(t, installations[name]) })
	}
}

func testEffective(t *testing.T, of installation) {
	g := NewWithT(t)
	plane, err := controlplane.Start(t.Context(), controlplane.Options{CRDDirs: []string{repository("config/crd/bases")}})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { NewWithT(t).Expect(plane.Stop()).To(Succeed()) })
	kubectl := func(stdin string, args ...string) {
		command := exec.CommandContext(t.Context(), repository("bin/kubectl"), append([]string{"--kubeconfig", plane.Kubeconfig}, args...)...)
		command.Stdin = strings.NewReader(stdin)
		out, err := command.CombinedOutput()
		g.Expect(err).NotTo(HaveOccurred(), string(out))
	}
	for _, namespace := range []string{own, "demo"} {
		kubectl("", "create", "namespace", namespace)
	}
	for _, words := range of.commands {
		out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).Output()
		g.Expect(err).NotTo(HaveOccurred())
		kubectl(string(out), "apply", "--server-side", "-f", "-")
	}
	clients, err := kubernetes.NewForConfig(plane.RESTConfig)
	g.Expect(err).NotTo(HaveOccurred())
	may := func(what string) (bool, error) {
		review, err := clients.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{
				User:               "system:serviceaccount:" + own + ":trustedapp-operator",
				Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + own, "system:authenticated"},
				ResourceAttributes: attributes(what),
			},
		}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed, err
	}
	for _, what := range allowed { // the authorizer learns of roles by a watch
		g.Eventually(may).WithArguments(what).WithTimeout(10*time.Second).Should(BeTrue(), what)
	}
	for _, what := range refused {
		g.Expect(may(what)).To(BeFalse(), what)
	}
}

func attributes(what string) *authorizationv1.ResourceAttributes {
	words := strings.Fields(what)
	resource, apiGroup, _ := strings.Cut(words[1], ".")
	resource, subresource, _ := strings.Cut(resource, "/")
	a := &authorizationv1.ResourceAttributes{Verb: words[0], Resource: resource, Subresource: subresource, Group: apiGroup}
	if len(words) == 3 {
		a.Namespace, a.Name, _ = strings.Cut(words[2], "/")
	}
	return a
}
