// Package gitops sees the operator as GitOps tools do: their libraries read every state that it can leave an object in, and Flux's
// own controllers deploy from Git to a real API server, where bin/manager works with the permissions that ship.
package gitops

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
	"trustedapps.dev/operator/test/standin"
)

const (
	// longEnough is the longest that anything here may take on a busy machine.
	longEnough        = 90 * time.Second
	operatorNamespace = "trustedapp-system"
	operatorURI       = "dev.trustedapps.operator/gitops"
	operatorSecret    = "canary-of-the-operator-itself-0123456789"
	publisherRole     = "trustedapp-operator-publisher"
)

var (
	plane    *controlplane.ControlPlane
	servers  *standin.Process
	admin    client.Client
	operator *process.Process // nil while none runs
)

func TestOnAControlPlane(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(longEnough)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	RunSpecs(t, "gitops: on a control plane")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	plane, err = controlplane.Start(ctx, controlplane.Options{
		ControllerManager: true,
		CRDDirs:           []string{repository("config/crd/bases"), fluxCRDs("source-controller"), fluxCRDs("kustomize-controller")},
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(plane.Stop()).To(Succeed()) })
	servers, err = standin.Start(context.WithoutCancel(ctx), GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(servers.Stop()).To(Succeed()) })
	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	admin, err = client.New(plane.RESTConfig, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())

	kubectl("apply", "--validate=false", "-k", repository("config/default"))
	account, err := plane.ServiceAccountConfig(ctx, operatorNamespace, "trustedapp-operator")
	Expect(err).NotTo(HaveOccurred())
	Expect(controlplane.WriteKubeconfig(operatorKubeconfig(), account)).To(Succeed())
	startOperator(ctx)
}, NodeTimeout(5*time.Minute))

var _ = AfterSuite(stopOperator)

func operatorKubeconfig() string { return filepath.Join(plane.Dir, "operator.kubeconfig") }

// startOperator runs bin/manager with the ServiceAccount and the permissions that ship.
func startOperator(ctx context.Context) {
	GinkgoHelper()
	health := freeAddress()
	operator = process.New(repository("bin/manager"), []string{
		"--operator-namespace=" + operatorNamespace, "--health-probe-bind-address=" + health,
	}, process.Answers(http.DefaultClient, "http://"+health+"/readyz"), GinkgoWriter).WithEnv("KUBECONFIG=" + operatorKubeconfig())
	start(ctx, operator)
}

func stopOperator() {
	if operator != nil {
		Expect(operator.Stop()).To(Succeed())
		operator = nil
	}
}

func start(ctx context.Context, p *process.Process) {
	GinkgoHelper()
	Expect(p.Start()).To(Succeed())
	ctx, cancel := context.WithTimeout(ctx, longEnough)
	defer cancel()
	Expect(p.WaitReady(ctx)).To(Succeed())
}

// freeAddress is one of loopback that nobody listens at.
func freeAddress() string {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(l.Close()).To(Succeed()) }()
	return l.Addr().String()
}

// tryKubectl runs kubectl as an administrator.
func tryKubectl(stdin string, args ...string) (string, error) {
	command := exec.Command(repository("bin/kubectl"), append([]string{"--kubeconfig", plane.Kubeconfig}, args...)...) //nolint:noctx // it ends by itself
	command.Stdin = strings.NewReader(stdin)
	out, err := command.CombinedOutput()
	return string(out), err
}

func kubectl(args ...string) string {
	GinkgoHelper()
	out, err := tryKubectl("", args...)
	Expect(err).NotTo(HaveOccurred(), "kubectl %v: %s", args, out)
	return out
}

// newInstance starts an ERP.net instance and puts the operator's own login into its Secret, with the value given.
func newInstance(ctx context.Context, name, secret string, quirks map[string]any) *standin.Instance {
	GinkgoHelper()
	instance, err := servers.NewInstance(ctx, standin.Spec{
		Name: name, Version: "26.2.1.66", Quirks: quirks,
		Users: []standin.User{
			{Login: "svc.operator", Active: true, IsAdmin: true, UserType: "InternalUser"},
			{Login: "svc.orders", Active: true, UserType: "ApplicationUserNoLogin"},
			{Login: "svc.portal", Active: true, UserType: "InternalUser"},
			{Login: "svc.gone", Active: false, UserType: "InternalUser"},
		},
		Applications: []standin.Application{{
			ApplicationURI: operatorURI, Name: "operator", IsEnabled: true, ClientType: "Confidential", Secret: operatorSecret,
			SystemUserAllowed: true, SystemUser: "svc.operator", ImpersonateAsInternalUserAllowed: true, Scope: new("read update sec"),
		}},
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) { Expect(instance.Close(ctx)).To(Succeed()) })
	Expect(admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: name + "-operator"},
		Data:       map[string][]byte{"client_id": []byte(operatorURI), "client_secret": []byte(secret)},
	})).To(Succeed())
	return instance
}

// serverSample is config/samples/identityserver.yaml for an instance that runs here.
func serverSample(name string, instance *standin.Instance) string {
	GinkgoHelper()
	text := sample("identityserver.yaml")
	text = strings.Replace(text, "name: acme\n", "name: "+name+"\n", 1)
	text = strings.Replace(text, "name: acme-operator\n", "name: "+name+"-operator\n", 1)
	text = strings.Replace(text, "namespaces: [demo]\n", "namespaces: [\"*\"]\n", 1) // the specs work in some more
	text = strings.Replace(text, "https://acme.my.erp.net", instance.URL, 1)
	return strings.Replace(text, "spec:\n", fmt.Sprintf("spec:\n  caBundle: %s\n", base64Of(servers.CA)), 1)
}

func sample(file string) string {
	GinkgoHelper()
	text, err := os.ReadFile(repository("config/samples/" + file))
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}
