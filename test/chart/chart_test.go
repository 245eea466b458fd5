// Package chart installs the Helm chart into a real control plane. It has no nodes: that Pods start is tried in test/cluster.
package chart

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
)

const (
	root      = "../.."
	chartDir  = root + "/charts/trustedapp-operator"
	namespace = "trustedapp-system"
)

// cluster is a control plane of one test.
type cluster struct {
	Gomega
	t     *testing.T
	plane *controlplane.ControlPlane
	api   client.Client
}

func start(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{Gomega: NewWithT(t), t: t}
	var err error
	c.plane, err = controlplane.Start(t.Context(), controlplane.Options{})
	c.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { NewWithT(t).Expect(c.plane.Stop()).To(Succeed()) })
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, apiextensionsv1.AddToScheme} {
		c.Expect(add(scheme)).To(Succeed())
	}
	c.api, err = client.New(c.plane.RESTConfig, client.Options{Scheme: scheme})
	c.Expect(err).NotTo(HaveOccurred())
	return c
}

// run runs helm or kubectl as an administrator.
func (c *cluster) run(program string, args ...string) (string, error) {
	c.t.Helper()
	command := exec.CommandContext(c.t.Context(), filepath.Join(root, "bin", program), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+c.plane.Kubeconfig, "HOME="+c.t.TempDir())
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return out.String(), err
}

func (c *cluster) helm(args ...string) string {
	c.t.Helper()
	out, err := c.run("helm", append(args, "--namespace", namespace)...)
	c.Expect(err).NotTo(HaveOccurred(), "helm %v: %s", args, out)
	return out
}

func (c *cluster) get(name string, o client.Object) error {
	key := client.ObjectKey{Name: name}
	switch o.(type) {
	case *v1alpha1.IdentityServer, *apiextensionsv1.CustomResourceDefinition, *corev1.Namespace:
	default:
		key.Namespace = namespace
	}
	return c.api.Get(context.Background(), key, o)
}

// prepare makes what the values refer to and do not make: namespaces, and kinds of the Prometheus operator.
func (c *cluster) prepare() {
	c.t.Helper()
	for _, name := range []string{"demo", "shop"} {
		c.Expect(c.api.Create(c.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	}
	yes := true
	for kind, plural := range map[string]string{"ServiceMonitor": "servicemonitors", "PrometheusRule": "prometheusrules"} {
		c.Expect(c.api.Create(c.t.Context(), &apiextensionsv1.CustomResourceDefinition{
			ObjectMeta: metav1.ObjectMeta{Name: plural + ".monitoring.coreos.com"},
			Spec: apiextensionsv1.CustomResourceDefinitionSpec{
				Group: "monitoring.coreos.com", Scope: apiextensionsv1.NamespaceScoped,
				Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, Plural: plural},
				Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true,
					Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &yes}}}},
			},
		})).To(Succeed())
		c.Eventually(func() (string, error) { return c.run("kubectl", "get", plural+".monitoring.coreos.com", "-A") }).Should(ContainSubstring("No resources"))
	}
}

func TestEveryFileOfValuesInstalls(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(chartDir, "ci", "*-values.yaml"))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(len(files)).To(BeNumerically(">=", 3))
	for _, values := range files {
		t.Run(filepath.Base(values), func(t *testing.T) {
			c := start(t)
			c.prepare()
			notes := c.helm("install", "test", chartDir, "--create-namespace", "--values", values)
			c.Expect(notes).To(ContainSubstring("kubectl get trustedapplications -A"))
			var deployments appsv1.DeploymentList
			c.Expect(c.api.List(t.Context(), &deployments, client.InNamespace(namespace))).To(Succeed())
			c.Expect(deployments.Items).To(HaveLen(1))
			c.helm("upgrade", "test", chartDir, "--values", values)
			c.helm("uninstall", "test")
			c.Expect(c.api.List(t.Context(), &deployments, client.InNamespace(namespace))).To(Succeed())
			c.Expect(deployments.Items).To(BeEmpty())
		})
	}
}

const servers = "identityServers.acme.erpNet.url=https://acme.my.erp.net,identityServers.acme.erpNet.credentialsRef.name=acme-operator"

// An installation from nothing brings the kind and its objects at once; upgrades change them; what people rely on outlives the release.
func TestALifeOfARelease(t *testing.T) {
	c := start(t)
	c.prepare()
	former := c.formerChart()
	c.helm("install", "ops", former, "--create-namespace", "--set", servers)
	var server v1alpha1.IdentityServer
	c.Expect(c.get("acme", &server)).To(Succeed())
	uid := server.UID
	c.Expect(c.describes("displayName")).To(BeFalse(), "the former chart lacks the field")

	c.helm("upgrade", "ops", chartDir, "--set", servers+",identityServers.acme.environment=Test,namespaces={demo,shop}")
	c.Expect(c.get("acme", &server)).To(Succeed())
	c.Expect(server.UID).To(Equal(uid), "changed, not made anew")
	c.Expect(server.Spec.Environment).To(Equal(v1alpha1.EnvironmentTest))
	c.Expect(c.describes("displayName")).To(BeTrue(), "an upgrade brings new fields")
	c.Expect(c.helm("get", "manifest", "ops")).To(ContainSubstring("kind: IdentityServer"), "it is part of the release by now")

	app := &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "orders"},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: "acme"}, ApplicationURI: "com.example.orders/sync",
			Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"},
		},
	}
	c.Expect(c.api.Create(t.Context(), app)).To(Succeed())
	c.Expect(c.helm("uninstall", "ops")).To(ContainSubstring("kept"))
	c.Expect(c.get("acme", &server)).To(Succeed())
	c.Expect(server.DeletionTimestamp).To(BeNil())
	c.Expect(c.api.Get(t.Context(), client.ObjectKeyFromObject(app), app)).To(Succeed())
	c.Expect(apierrors.IsNotFound(c.get("ops-trustedapp-operator", &appsv1.Deployment{}))).To(BeTrue())

	c.helm("install", "ops", chartDir, "--set", servers)
	c.Expect(c.get("acme", &server)).To(Succeed())
	c.Expect(server.UID).To(Equal(uid), "the next release takes over what the former kept")
	c.Expect(server.Spec.Environment).To(Equal(v1alpha1.EnvironmentProduction))
}

// Roles are the business of those who bring their own; what guards an annotation is not.
func TestTheGuardStaysWithoutRoles(t *testing.T) {
	c := start(t)
	for set, want := range map[string]int{"rbac.create=false": 1, "rbac.create=true": 1, "rbac.guardAbandon=false": 0} {
		out := c.helm("template", "ops", chartDir, "--set", set)
		c.Expect(strings.Count(out, "kind: ValidatingAdmissionPolicy\n")).To(Equal(want), set)
		c.Expect(strings.Contains(out, "(ClusterRole ops-trustedapp-operator-abandon)")).To(Equal(set == "rbac.create=true"), set)
	}
}

// formerChart is a copy of the chart whose CustomResourceDefinition lacks a field.
func (c *cluster) formerChart() string {
	c.t.Helper()
	dir := filepath.Join(c.t.TempDir(), "chart")
	c.Expect(os.CopyFS(dir, os.DirFS(chartDir))).To(Succeed())
	file := filepath.Join(dir, "files", "crds", "trustedapps.dev_trustedapplications.yaml")
	raw, err := os.ReadFile(file)
	c.Expect(err).NotTo(HaveOccurred())
	content := string(raw)
	begin := strings.Index(content, "\n              displayName:\n")
	c.Expect(begin).To(BeNumerically(">", 0))
	end := begin + 1
	for { // to the next line that is indented as the field
		line, _, _ := strings.Cut(content[end:], "\n")
		end += len(line) + 1
		next := content[end:]
		if !strings.HasPrefix(next, "               ") {
			break
		}
	}
	c.Expect(os.WriteFile(file, []byte(content[:begin+1]+content[end:]), 0o600)).To(Succeed())
	return dir
}

// describes says whether the installed kind has the field.
func (c *cluster) describes(field string) bool {
	c.t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	c.Expect(c.get("trustedapplications.trustedapps.dev", &crd)).To(Succeed())
	_, ok := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties[field]
	return ok
}
