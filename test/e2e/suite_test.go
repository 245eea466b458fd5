// Package e2e tries the operator on real parts: a kube-apiserver with etcd and a controller manager, and ERP.net instances over
// HTTPS. The operator runs in this process, with the ServiceAccount and the RBAC that ship.
package e2e

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/test/audit"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
	"trustedapps.dev/operator/test/prometheus"
)

// longEnough is the longest that anything in these specs may take on a busy machine; most takes milliseconds.
const longEnough = 30 * time.Second

var (
	parts    *bed.Bed
	admin    client.Client // of parts
	operator *rest.Config  // the ServiceAccount's
	cluster  string
	counted  = &writeCounter{}
	logs     = &process.Buffer{}
	// auditLog is what the API server notes of requests.
	auditLog string
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
	auditLog = filepath.Join(GinkgoT().TempDir(), "audit.log")
	parts, err = bed.Start(ctx, controlplane.Options{ControllerManager: true, AuditLog: auditLog}, GinkgoWriter)
	DeferCleanup(func() { Expect(parts.Stop()).To(Succeed()) })
	Expect(err).NotTo(HaveOccurred())
	admin = parts.Admin
	Expect(parts.OpenCluster(ctx)).To(Succeed())
	operator, err = parts.Operator(ctx)
	Expect(err).NotTo(HaveOccurred())
	operator.QPS = -1
	operator.Wrap(counted.wrap)
	cluster, err = parts.Cluster(ctx)
	Expect(err).NotTo(HaveOccurred())

	metricsAddress, err = prometheus.FreeAddress()
	Expect(err).NotTo(HaveOccurred())
	startOperator()
}, NodeTimeout(3*time.Minute))

var _ = AfterSuite(func() {
	stopOperator()
	if auditLog == "" { // the suite did not begin
		return
	}
	// What the operator asked for in all specs is what its roles allow, but where a spec took a permission away.
	asked, err := audit.Of(auditLog, bed.OperatorUser)
	Expect(err).NotTo(HaveOccurred())
	Expect(len(asked)).To(BeNumerically(">", 1000))
	var refused []string
	for _, r := range asked {
		ending := strings.Contains(r.ResponseStatus.Message, "because it is being terminated") // a namespace, whoever asks
		if r.Refused() && !ending && !slices.Contains(restricted, r.ObjectRef.Namespace) {
			refused = append(refused, r.String())
		}
	}
	Expect(refused).To(BeEmpty())
})

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
	return parts.Kubectl(context.Background(), args...)
}
