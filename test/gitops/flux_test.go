package gitops

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/test/process"
)

// fluxCRDs is the directory of a controller's CustomResourceDefinitions, in its module.
func fluxCRDs(controller string) string {
	GinkgoHelper()
	command := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/fluxcd/"+controller) //nolint:noctx // it ends by itself
	command.Dir = repository("hack/flux-" + controller)
	out, err := command.Output()
	Expect(err).NotTo(HaveOccurred())
	return filepath.Join(strings.TrimSpace(string(out)), "config", "crd", "bases")
}

// startFlux runs source-controller and kustomize-controller on loopback.
func startFlux(ctx context.Context) {
	GinkgoHelper()
	artifacts := freeAddress()
	run := func(name string, args ...string) {
		scratch := filepath.Join(plane.Dir, name)
		Expect(os.MkdirAll(filepath.Join(scratch, "artifacts"), 0o700)).To(Succeed())
		health := freeAddress()
		controller := process.New(repository("bin/"+name), append(args, "--health-addr="+health, "--metrics-addr=0", "--log-encoding=console"),
			process.Answers(http.DefaultClient, "http://"+health+"/readyz"), GinkgoWriter).
			WithEnv("KUBECONFIG="+plane.Kubeconfig, "TMPDIR="+scratch, "RUNTIME_NAMESPACE=flux-system")
		DeferCleanup(func() { Expect(controller.Stop()).To(Succeed()) })
		start(ctx, controller)
	}
	run("source-controller", "--storage-path="+filepath.Join(plane.Dir, "source-controller", "artifacts"),
		"--storage-addr="+artifacts, "--storage-adv-addr="+artifacts)
	run("kustomize-controller", "--requeue-dependency=1s")
}

// fluxManifests are what a platform team applies: where Git is, and two steps. The wait is short, so that a failure is seen soon.
func fluxManifests(url string) string {
	text, err := os.ReadFile(repository("docs/gitops/flux.yaml"))
	Expect(err).NotTo(HaveOccurred())
	return strings.NewReplacer("https://git.example.com/team.git", url, "interval: 10m", "interval: 1s", "interval: 1m", "interval: 1s",
		"retryInterval: 30s", "retryInterval: 1s", "timeout: 3m", "timeout: 8s").Replace(string(text))
}

// documentedExpressions are the healthCheckExprs of docs/gitops.md; they belong at the end of the last step of fluxManifests.
func documentedExpressions() string {
	GinkgoHelper()
	page, err := os.ReadFile(repository("docs/gitops.md"))
	Expect(err).NotTo(HaveOccurred())
	_, after, found := strings.Cut(string(page), "```yaml fragment\n  healthCheckExprs:\n")
	Expect(found).To(BeTrue())
	expressions, _, found := strings.Cut(after, "```")
	Expect(found).To(BeTrue())
	return "  healthCheckExprs:\n" + expressions
}
