package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

type output struct{ stdout, stderr string }

// tryKubectl runs kubectl as a user does.
func tryKubectl(ctx context.Context, stdin string, args ...string) (output, error) {
	GinkgoHelper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		assets = filepath.Join("..", "..", "bin")
	}
	args = append([]string{"--kubeconfig", plane.Kubeconfig, "--cache-dir", filepath.Join(plane.Dir, "kubectl")}, args...)
	cmd := exec.CommandContext(ctx, filepath.Join(assets, "kubectl"), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	return output{stdout.String(), stderr.String()}, err
}

// kubectl runs a command that has to succeed.
func kubectl(ctx context.Context, stdin string, args ...string) output {
	GinkgoHelper()
	out, err := tryKubectl(ctx, stdin, args...)
	Expect(err).NotTo(HaveOccurred(), out.stderr)
	return out
}

func manifest(o object) string {
	GinkgoHelper()
	data, err := json.Marshal(o)
	Expect(err).NotTo(HaveOccurred())
	return string(data)
}

// table splits what kubectl prints: columns are apart by at least two spaces.
func table(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		rows = append(rows, regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), -1))
	}
	return rows
}

func applyWithStatus(ctx context.Context, o object, status map[string]any) {
	GinkgoHelper()
	kubectl(ctx, manifest(o), "apply", "-f", "-")
	DeferCleanup(func(ctx context.Context) { kubectl(ctx, manifest(o), "delete", "-f", "-") })
	stored := o.DeepCopy()
	Expect(api.Get(ctx, client.ObjectKeyFromObject(o), stored)).To(Succeed())
	status["conditions"] = []any{map[string]any{
		"type": "Ready", "status": "True", "reason": "Ready", "message": "Everything agrees.", "lastTransitionTime": "2026-01-01T00:00:00Z",
	}}
	Expect(unstructured.SetNestedField(stored.Object, status, "status")).To(Succeed())
	Expect(api.Status().Update(ctx, stored)).To(Succeed())
}

var _ = Describe("kubectl get", func() {
	It("shows what matters of an application", func(ctx context.Context) {
		o := service(set("metadata.name", "orders"))
		applyWithStatus(ctx, o, map[string]any{
			"flow": "ClientCredentials", "clientId": "com.example.orders/sync", "binding": map[string]any{"name": "orders-credentials"},
			"rotation": map[string]any{"lastTime": time.Now().Add(-49 * time.Hour).UTC().Format(time.RFC3339)},
		})
		rows := table(kubectl(ctx, "", "get", "ta", "-A").stdout)
		Expect(rows).To(HaveLen(2))
		Expect(rows[0]).To(Equal([]string{"NAMESPACE", "NAME", "FLOW", "CLIENT ID", "SERVER", "READY", "REASON", "SECRET", "SECRET AGE", "AGE"}))
		Expect(rows[1]).To(HaveExactElements("default", "orders", "ClientCredentials", "com.example.orders/sync", "acme", "True", "Ready",
			"orders-credentials", "2d1h", MatchRegexp(`^\d+s$`)))
		Expect(table(kubectl(ctx, "", "get", "ta", "-o", "wide").stdout)[1]).To(ContainElement("Everything agrees."))
		kubectl(ctx, "", "wait", "--for=condition=Ready", "ta/orders", "--timeout=10s")
	})

	It("shows what matters of a server", func(ctx context.Context) {
		applyWithStatus(ctx, erpNet(set("metadata.name", "acme")), map[string]any{
			"type": "ERP.net", "version": "26.2.1.66", "orphaned": int64(2), "endpoints": map[string]any{"issuer": "https://acme.my.erp.net/id"},
		})
		rows := table(kubectl(ctx, "", "get", "ids").stdout)
		Expect(rows).To(HaveLen(2))
		Expect(rows[0]).To(Equal([]string{"NAME", "TYPE", "ISSUER", "VERSION", "ORPHANS", "READY", "REASON", "AGE"}))
		Expect(rows[1]).To(HaveExactElements("acme", "ERP.net", "https://acme.my.erp.net/id", "26.2.1.66", "2", "True", "Ready", MatchRegexp(`^\d+s$`)))
	})

	It("lists both kinds under one name", func(ctx context.Context) {
		applyWithStatus(ctx, service(set("metadata.name", "orders")), map[string]any{})
		applyWithStatus(ctx, erpNet(set("metadata.name", "acme")), map[string]any{})
		names := strings.Fields(kubectl(ctx, "", "get", "trustedapps", "-o", "name").stdout)
		Expect(names).To(ConsistOf("trustedapplication.trustedapps.dev/orders", "identityserver.trustedapps.dev/acme"))
	})
})

var _ = Describe("A refused kubectl apply", func() {
	It("teaches the reader", func(ctx context.Context) {
		out, err := tryKubectl(ctx, manifest(public(set("spec.service", map[string]any{"systemUser": "svc.shop"}))), "apply", "-f", "-")
		Expect(err).To(HaveOccurred())
		Expect(out.stderr).To(ContainSubstring("a Public client has no secret and cannot use Client Credentials: remove spec.service, " +
			"or set spec.clientType to Confidential"))
	})

	DescribeTable("names a field that does not exist", func(ctx context.Context, path string) {
		out, err := tryKubectl(ctx, manifest(service(set(path, "true"))), "apply", "-f", "-")
		Expect(err).To(HaveOccurred())
		Expect(out.stderr).To(ContainSubstring(`unknown field "` + path + `"`))
	},
		Entry("for a secret (B9)", "spec.clientSecret"),
		Entry("for the secret of the credentials (B9)", "spec.credentials.clientSecret"),
		Entry("for basic authentication (G1)", "spec.basicAuthenticationAllowed"),
		Entry("for the URL of a server", "spec.identityServerRef.url"),
		Entry("for a namespace", "spec.credentials.secretNamespace"),
	)
})

var _ = Describe("An unknown field", func() {
	It("is never stored, even if its writer does not ask for validation", func(ctx context.Context) {
		const word = "kestrel-Harbor-41"
		o := service(set("metadata.name", "unknown"), set("spec.clientSecret", word))
		kubectl(ctx, manifest(o), "create", "--validate=false", "-f", "-")
		DeferCleanup(func(ctx context.Context) { kubectl(ctx, "", "delete", "ta", "unknown") })
		Expect(kubectl(ctx, "", "get", "ta", "unknown", "-o", "yaml").stdout).To(And(ContainSubstring("svc.orders"), Not(ContainSubstring(word))))
	})
})
