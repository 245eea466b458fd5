// Package cluster is the end-to-end suite: the operator's own image, installed with Helm into a real control plane, with real Pods
// on a real node where the machine can run one, a real browser, and the stand-in for an ERP.net instance. hack/e2e.sh builds what it
// needs and runs it.
package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
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
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/node"
	"trustedapps.dev/operator/test/standin"
)

const (
	// longEnough is the longest that anything may take on a busy machine.
	longEnough = 2 * time.Minute
	often      = 100 * time.Millisecond

	caConfigMap   = "instance-ca"
	workloadImage = "workload:e2e"

	operatorClientID = "dev.trustedapps.operator/e2e"
	anna             = "anna"

	// withoutNodeVariable, set to 1, makes this machine one that cannot run a node.
	withoutNodeVariable = "WITHOUT_NODE"
)

var (
	machine  platform
	plane    *controlplane.ControlPlane
	admin    client.Client
	standIn  *standin.Process
	instance *standin.Instance

	operatorSecret = idserver.DrawSecret().Reveal()
	annasPassword  = idserver.DrawSecret().Reveal()

	// platformLog has the lines of the control plane and the node, which are too many for the output of a failure.
	platformLog *os.File

	serial  atomic.Int64
	started = time.Now()

	// restricted is the strictest level of Pod Security.
	restricted = map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
)

func TestMain(m *testing.M) {
	if os.Getenv(withoutNodeVariable) == "1" {
		os.Exit(m.Run())
	}
	os.Exit(node.Run(m))
}

func TestCluster(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(longEnough)
	SetDefaultEventuallyPollingInterval(often)
	EnforceDefaultTimeoutsWhenUsingContexts()
	RunSpecs(t, "end to end")
}

// progress tells a person what happens now.
func progress(format string, args ...any) {
	fmt.Printf("   %5.1f s  %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, args...))
}

// withoutNode is why no kubelet can run here; nil where one can.
func withoutNode(ctx context.Context) error {
	if os.Getenv(withoutNodeVariable) == "1" {
		return fmt.Errorf("%s=1 says so", withoutNodeVariable)
	}
	return node.Available(ctx)
}

var _ = BeforeSuite(func(ctx SpecContext) {
	reason := withoutNode(ctx)
	if reason != nil {
		result.WithoutKubelet = reason.Error()
		fmt.Printf("\n   NO KUBELET: %s.\n   The operator and the workloads run as processes of this machine, against a real control plane.\n\n", reason)
		Expect(node.Required()).To(BeFalse(), "no node can run here, but %s=1: %s", node.RequiredVariable, reason)
	}
	startPlane(ctx, reason == nil)
	startInstance(ctx)
	progress("making images available")
	for image, dir := range map[string]string{operatorImage + ":present": "present", operatorImage + ":previous": "previous", workloadImage: "workload"} {
		Expect(machine.provide(ctx, image, repository("build/e2e/"+dir))).To(Succeed())
	}
	prepareOperatorNamespace(ctx)
	prepareAppNamespace(ctx)
}, NodeTimeout(5*time.Minute))

func startPlane(ctx context.Context, kubelet bool) {
	progress("starting a control plane")
	var err error
	platformLog, err = os.Create(repository("build/e2e/platform.log"))
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(platformLog.Close()).To(Succeed()) })
	options := controlplane.Options{ControllerManager: true, Log: platformLog}
	if kubelet {
		options.NodeAddress = node.Address
	}
	plane, err = controlplane.Start(ctx, options)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(plane.Stop()).To(Succeed()) })
	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	admin, err = client.New(plane.RESTConfig, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	if kubelet {
		progress("starting a node: containerd, kubelet, kube-proxy")
		machine, err = startPods(ctx)
	} else {
		machine, err = startProcesses()
	}
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(machine.stop()).To(Succeed()) })
	result.Kubelet = machine.kubelet()
}

// startInstance starts an ERP.net instance as its administrator leaves it.
func startInstance(ctx context.Context) {
	progress("starting an ERP.net instance")
	var err error
	standIn, err = standin.StartOn(context.WithoutCancel(ctx), machine.host(), GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(standIn.Stop()).To(Succeed()) })
	mail, scope := "anna@example.com", "read update sec"
	instance, err = standIn.NewInstance(ctx, standin.Spec{
		Name: serverName, LicenceSlots: 50,
		Users: []standin.User{
			{Login: "svc.operator", UserType: "InternalUser", Active: true, IsAdmin: true},
			{Login: "svc.orders", UserType: "ApplicationUserNoLogin", Active: true},
			{Login: "svc.portal", UserType: "ApplicationUserNoLogin", Active: true},
			{Login: anna, Name: "Anna Ivanova", Email: &mail, UserType: "InternalUser", Active: true, Password: annasPassword},
		},
		Applications: []standin.Application{{
			ApplicationURI: operatorClientID, Name: "operator", IsEnabled: true, ClientType: "Confidential", Secret: operatorSecret,
			SystemUserAllowed: true, SystemUser: "svc.operator", Scope: &scope,
		}},
	})
	Expect(err).NotTo(HaveOccurred())
}

// prepareAppNamespace makes the namespace of the applications, and for each a certificate as a platform gives it.
func prepareAppNamespace(ctx context.Context) {
	Expect(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: appNamespace, Labels: restricted}})).To(Succeed())
	Expect(admin.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: appNamespace, Name: caConfigMap}, Data: map[string]string{"ca.crt": string(standIn.CA)},
	})).To(Succeed())
	for _, k := range kinds {
		cert, key, err := plane.ServingCertificate(k.host, net.IPv4(127, 0, 0, 1))
		Expect(err).NotTo(HaveOccurred())
		Expect(admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: appNamespace, Name: k.app + "-tls"}, Type: corev1.SecretTypeTLS,
			Data: map[string][]byte{"tls.crt": cert, "tls.key": key},
		})).To(Succeed())
	}
	if machine.kubelet() { // the ServiceAccount of a namespace comes a moment later, and Pods need it
		_, err := kubectl(ctx, "-n", appNamespace, "wait", "--for=create", "--timeout=60s", "serviceaccount/default")
		Expect(err).NotTo(HaveOccurred())
	}
}

// repository is a path in the repository.
func repository(path string) string {
	absolute, err := filepath.Abs(filepath.Join("..", "..", path))
	Expect(err).NotTo(HaveOccurred())
	return absolute
}
