package rotation

import (
	"context"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

const (
	namespace = "orders"
	// longEnough is the longest that a step may take on a busy machine.
	longEnough = 90 * time.Second
)

var (
	parts    *bed.Bed
	instance *standin.Instance
	operator *bed.Manager
)

func TestRotation(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(longEnough)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	RunSpecs(t, "rotation: what the strategies promise")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	parts, err = bed.Start(ctx, controlplane.Options{}, GinkgoWriter)
	DeferCleanup(func() { Expect(parts.Stop()).To(Succeed()) })
	Expect(err).NotTo(HaveOccurred())
	Expect(parts.Namespace(ctx, namespace)).To(Succeed())
	instance, err = parts.Instance(ctx, bed.Spec("acme"))
	Expect(err).NotTo(HaveOccurred())
	startOperator(ctx)
	DeferCleanup(func() { Expect(operator.Stop()).To(Succeed()) })
}, NodeTimeout(5*time.Minute))

func startOperator(ctx context.Context) {
	GinkgoHelper()
	var err error
	operator, err = parts.Manager(ctx, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithTimeout(ctx, longEnough)
	defer cancel()
	Expect(operator.WaitReady(ctx)).To(Succeed())
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
