// Package e2e tries the operator on real parts: a kube-apiserver with etcd and a controller manager, and ERP.net instances over
// HTTPS. The operator runs in this process, with the ServiceAccount and the RBAC that ship.
package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
	"trustedapps.dev/operator/test/prometheus"
	"trustedapps.dev/operator/test/standin"
)

// longEnough is the longest that anything in these specs may take on a busy machine; most takes milliseconds.
const longEnough = 30 * time.Second

const operatorNamespace = "trustedapp-system"

var (
	plane    *controlplane.ControlPlane
	servers  *standin.Process
	admin    client.Client
	operator *rest.Config // the ServiceAccount's
	cluster  string
	counted  = &writeCounter{}
	logs     = &process.Buffer{}
	// metricsAddress is where the operator serves its metrics.
	metricsAddress string
	serial         atomic.Int64
)

func TestE2E(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(longEnough)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	RunSpecs(t, "e2e: the operator on real parts")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	By("starting the control plane and the stand-in")
	var err error
	plane, err = controlplane.Start(ctx, controlplane.Options{ControllerManager: true, CRDDirs: []string{repository("config/crd/bases")}})
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

	By("installing the operator's RBAC")
	kubectl("apply", "--validate=false", "-k", repository("config/default"))
	openCluster()
	operator, err = plane.ServiceAccountConfig(ctx, operatorNamespace, "trustedapp-operator")
	Expect(err).NotTo(HaveOccurred())
	operator.QPS = -1
	operator.Wrap(counted.wrap)
	var system corev1.Namespace
	Expect(admin.Get(ctx, types.NamespacedName{Name: "kube-system"}, &system)).To(Succeed())
	cluster = string(system.UID)

	metricsAddress, err = prometheus.FreeAddress()
	Expect(err).NotTo(HaveOccurred())
	startOperator()
}, NodeTimeout(3*time.Minute))

var _ = AfterSuite(func() {
	stopOperator()
})

func repository(path string) string {
	absolute, err := filepath.Abs(filepath.Join("..", "..", path))
	Expect(err).NotTo(HaveOccurred())
	return absolute
}

// kubectl runs kubectl as an administrator and returns what it printed.
func kubectl(args ...string) string {
	GinkgoHelper()
	out, err := try(args...)
	Expect(err).NotTo(HaveOccurred(), "kubectl %v: %s", args, out)
	return out
}

// try is a kubectl that may fail.
func try(args ...string) (string, error) {
	GinkgoHelper()
	command := exec.Command(repository("bin/kubectl"), append([]string{"--kubeconfig", plane.Kubeconfig}, args...)...) //nolint:noctx // it ends by itself
	out, err := command.CombinedOutput()
	return string(out), err
}
