package rotation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
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
	"trustedapps.dev/operator/test/prometheus"
	"trustedapps.dev/operator/test/standin"
)

const (
	operatorNamespace = "trustedapp-system"
	namespace         = "orders"
	operatorURI       = "dev.trustedapps.operator/rotation"
	operatorSecret    = "of-the-operator-itself-0123456789-abcdef"
	// longEnough is the longest that a step may take on a busy machine.
	longEnough = 90 * time.Second
)

var (
	plane    *controlplane.ControlPlane
	servers  *standin.Process
	instance *standin.Instance
	admin    client.Client
	operator *process.Process
)

func TestRotation(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(longEnough)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	RunSpecs(t, "rotation: what the strategies promise")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	plane, err = controlplane.Start(ctx, controlplane.Options{CRDDirs: []string{repository("config/crd/bases")}})
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
	kubectl("create", "namespace", namespace)
	kubectl("create", "rolebinding", "trustedapp-operator-publisher", "-n", namespace, "--clusterrole=trustedapp-operator-publisher",
		"--serviceaccount="+operatorNamespace+":trustedapp-operator")
	account, err := plane.ServiceAccountConfig(ctx, operatorNamespace, "trustedapp-operator")
	Expect(err).NotTo(HaveOccurred())
	Expect(controlplane.WriteKubeconfig(operatorKubeconfig(), account)).To(Succeed())
	newServer(ctx)
	startOperator(ctx)
	DeferCleanup(func() { Expect(operator.Stop()).To(Succeed()) })
}, NodeTimeout(5*time.Minute))

// newServer starts the ERP.net instance and makes the IdentityServer for it.
func newServer(ctx context.Context) {
	GinkgoHelper()
	var err error
	instance, err = servers.NewInstance(ctx, standin.Spec{
		Name: "acme", Version: "26.2.1.66",
		LicenceSlots: 1000, // each operator that is killed leaves a session, which holds one for 20 minutes
		Users: []standin.User{
			{Login: "svc.operator", Active: true, IsAdmin: true, UserType: "InternalUser"},
			{Login: "svc.orders", Active: true, UserType: "ApplicationUserNoLogin"},
		},
		Applications: []standin.Application{{
			ApplicationURI: operatorURI, Name: "operator", IsEnabled: true, ClientType: "Confidential", Secret: operatorSecret,
			SystemUserAllowed: true, SystemUser: "svc.operator", Scope: new("read update sec"),
		}},
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) { Expect(instance.Close(ctx)).To(Succeed()) })
	Expect(admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "acme-operator"},
		Data:       map[string][]byte{"client_id": []byte(operatorURI), "client_secret": []byte(operatorSecret)},
	})).To(Succeed())
	Expect(admin.Create(ctx, &v1alpha1.IdentityServer{
		ObjectMeta: metav1.ObjectMeta{Name: "acme"},
		Spec: v1alpha1.IdentityServerSpec{CABundle: servers.CA, ERPNet: &v1alpha1.ERPNetServer{
			URL: v1alpha1.HTTPSURL(instance.URL), CredentialsRef: v1alpha1.LocalSecretReference{Name: "acme-operator"},
		}},
	})).To(Succeed())
}

func operatorKubeconfig() string { return filepath.Join(plane.Dir, "operator.kubeconfig") }

// startOperator runs bin/manager with the ServiceAccount and the permissions that ship.
func startOperator(ctx context.Context) {
	GinkgoHelper()
	health, err := prometheus.FreeAddress()
	Expect(err).NotTo(HaveOccurred())
	operator = process.New(repository("bin/manager"), []string{
		"--operator-namespace=" + operatorNamespace, "--health-probe-bind-address=" + health,
	}, process.Answers(http.DefaultClient, "http://"+health+"/readyz"), GinkgoWriter).WithEnv("KUBECONFIG=" + operatorKubeconfig())
	Expect(operator.Start()).To(Succeed())
	ctx, cancel := context.WithTimeout(ctx, longEnough)
	defer cancel()
	Expect(operator.WaitReady(ctx)).To(Succeed())
}

func repository(path string) string {
	absolute, err := filepath.Abs(filepath.Join("..", "..", path))
	Expect(err).NotTo(HaveOccurred())
	return absolute
}

func kubectl(args ...string) {
	GinkgoHelper()
	command := exec.Command(repository("bin/kubectl"), append([]string{"--kubeconfig", plane.Kubeconfig}, args...)...) //nolint:noctx // it ends by itself
	out, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "kubectl %v: %s", args, out)
}

// browser is a client that trusts the stand-in's authority. Each workload has one of its own.
func browser() *http.Client {
	GinkgoHelper()
	pool := x509.NewCertPool()
	Expect(pool.AppendCertsFromPEM(servers.CA)).To(BeTrue())
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}, Timeout: longEnough}
}

// number reads a variable of the environment.
func number(text string, otherwise int) int {
	GinkgoHelper()
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	Expect(err).NotTo(HaveOccurred(), "not a number: %q", text)
	return n
}
