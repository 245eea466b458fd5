package node_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/kubernetes"

	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/node"
)

// longEnough is the longest that anything in these specs may take on a busy machine.
const longEnough = 90 * time.Second

const workloadImage = "localhost/workload:test"

var (
	plane   *controlplane.ControlPlane
	running *node.Node
	clients *kubernetes.Clientset
)

func TestMain(m *testing.M) {
	if os.Getenv(asOther) != "" {
		os.Exit(node.Run(other{}))
	}
	os.Exit(node.Run(m))
}

func TestNode(t *testing.T) {
	skipWithoutNode(t)
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(longEnough)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	RunSpecs(t, "a real node")
}

// skipWithoutNode skips where no node can run, or fails where one has to.
func skipWithoutNode(t *testing.T) {
	t.Helper()
	reason := node.Available(t.Context())
	switch {
	case reason == nil:
	case node.Required():
		t.Fatalf("no node can run here, but %s=1: %s", node.RequiredVariable, reason)
	default:
		fmt.Println("NO NODE: no kubelet can run here:", reason)
		t.Skip("no kubelet can run here: ", reason)
	}
}

var _ = BeforeSuite(func(ctx SpecContext) {
	By("starting a control plane and a node")
	started := time.Now()
	var err error
	plane, err = controlplane.Start(ctx, controlplane.Options{NodeAddress: node.Address, Log: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(plane.Stop()).To(Succeed()) })
	planeReady := time.Since(started)
	clients = kubernetes.NewForConfigOrDie(plane.RESTConfig)
	running, err = node.Start(ctx, plane, node.Options{Log: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(running.Stop()).To(Succeed()) })
	fmt.Printf("control plane ready after %.1f s, node after %.1f s\n", planeReady.Seconds(), time.Since(started).Seconds())

	By("importing an image")
	dir := GinkgoT().TempDir()
	binary, archive := filepath.Join(dir, "workload"), filepath.Join(dir, "workload.tar")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./workload")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
	Expect(node.WriteImage(archive, node.Image{
		Name: workloadImage, Entrypoint: []string{"/workload"}, User: "65532:65532", Files: map[string]string{"/workload": binary},
	})).To(Succeed())
	Expect(running.ImportImage(ctx, archive)).To(Succeed())
}, NodeTimeout(5*time.Minute))
