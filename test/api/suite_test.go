// Package api_test checks the schemas of both kinds against a real API server: every rule with objects that it accepts and
// objects that it refuses, and what a person reads then.
package api_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/test/controlplane"
)

var (
	plane *controlplane.ControlPlane
	api   client.Client
)

var crdDir = filepath.Join("..", "..", "config", "crd", "bases")

func TestAPI(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "API")
}

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	plane, err = controlplane.Start(ctx, controlplane.Options{CRDDirs: []string{crdDir}, Log: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(plane.Stop()).To(Succeed()) })
	api, err = client.New(plane.RESTConfig, client.Options{})
	Expect(err).NotTo(HaveOccurred())

	By("waiting until the API server has published the schemas, which it does a moment after the kinds are served")
	const document = "apis/trustedapps.dev/v1alpha1"
	Eventually(func(g Gomega) {
		for path, texts := range map[string][]string{"/openapi/v3": {document}, "/openapi/v3/" + document: {"TrustedApplication", "IdentityServer"}} {
			out, err := tryKubectl(ctx, "", "get", "--raw", path)
			g.Expect(err).NotTo(HaveOccurred())
			for _, text := range texts {
				g.Expect(out.stdout).To(ContainSubstring(text))
			}
		}
	}).WithTimeout(30 * time.Second).Should(Succeed())
})
