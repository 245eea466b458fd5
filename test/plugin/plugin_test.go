// Package plugin holds no code: its tests run kubectl-trustedapp against a real control plane, the operator as it ships, and the stand-in, and
// compare what people see with what they are meant to see.
package plugin

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/cli"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/byhand"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

const (
	namespace = "orders"
	byHand    = "a-secret-that-was-made-by-hand-0123456789"
)

// world is all that the plugin meets.
type world struct {
	*bed.Bed
	*WithT
	t        *testing.T
	instance *standin.Instance
	printed  bytes.Buffer // everything that was ever printed, but what was asked for with --show
	compared []string     // the files of testdata
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{WithT: NewWithT(t), t: t}
	w.SetDefaultEventuallyTimeout(60 * time.Second)
	w.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	var err error
	w.Bed, err = bed.Start(t.Context(), controlplane.Options{}, os.Stderr)
	t.Cleanup(func() { w.Expect(w.Stop()).To(Succeed()) })
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.Namespace(t.Context(), namespace)).To(Succeed())
	w.instance, err = byhand.Instance(t.Context(), w.Bed, "acme")
	w.Expect(err).NotTo(HaveOccurred())
	_, err = byhand.Seed(t.Context(), w.instance)
	w.Expect(err).NotTo(HaveOccurred())
	manager, err := w.Manager(t.Context(), &bytes.Buffer{})
	w.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { w.Expect(manager.Stop()).To(Succeed()) })
	w.Expect(manager.WaitReady(t.Context())).To(Succeed())
	return w
}

// run runs the plugin as somebody at a terminal does, and returns what is printed and the exit code.
func (w *world) run(stdin string, args ...string) (out, err string, code int) {
	w.t.Helper()
	return w.runUntil(w.t.Context(), stdin, args...)
}

// runUntil is run, which is interrupted when ctx ends.
func (w *world) runUntil(ctx context.Context, stdin string, args ...string) (out, err string, code int) {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"--kubeconfig", w.Plane.Kubeconfig, "-n", namespace}, args...)
	code = cli.Run(ctx, args, cli.Streams{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr})
	if !strings.Contains(strings.Join(args, " "), "--show") {
		w.printed.WriteString(stdout.String() + stderr.String())
	}
	return stdout.String(), stderr.String(), code
}

// golden runs the plugin, and compares what it prints with testdata/name.txt.
func (w *world) golden(name string, code int, stdin string, args ...string) {
	w.t.Helper()
	w.goldenOf(func(out string) string { return out }, name, code, stdin, args...)
}

// goldenOf is golden, for a part of the standard output.
func (w *world) goldenOf(part func(string) string, name string, code int, stdin string, args ...string) {
	w.t.Helper()
	out, err, got := w.run(stdin, args...)
	out = part(out)
	w.compared = append(w.compared, name+".txt")
	text := fmt.Sprintf("$ kubectl trustedapp %s\n%s", strings.Join(args, " "), plain(out))
	if err != "" {
		text += "--- stderr\n" + plain(err)
	}
	text += fmt.Sprintf("--- exit %d\n", got)
	w.Expect(got).To(Equal(code), text)
	file := filepath.Join("testdata", name+".txt")
	if *update {
		w.Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
		return
	}
	want, failed := os.ReadFile(file)
	w.Expect(failed).NotTo(HaveOccurred(), "go test ./test/plugin -update writes it")
	w.Expect(text).To(Equal(string(want)), name)
}

// What differs from run to run.
var differing = []struct {
	what *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`https://127\.0\.0\.1:[0-9]+`), "https://acme.example.com"},
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`\b(made|changed) [0-9]{4}-[0-9]{2}-[0-9]{2}\b`), "$1 DATE"},
	{regexp.MustCompile(`\b(jti|claim jti) +[^ \n]+`), "$1 ID"},
	{regexp.MustCompile(`(?m)^ +[0-9]+(m[0-9]*)?s  `), "AGE  "},
	{regexp.MustCompile(`\b[0-9]+(m[0-9]*)?s\b`), "AGE"},
	{regexp.MustCompile(`(?m)^(AGE  .*\n)+(AGE  .*\n)`), "$2"}, // which steps of a progress are seen depends on the moment
	{regexp.MustCompile(`\beyJ[\w-]+\.[\w-]+\.[\w-]+`), "TOKEN"},
}

func plain(text string) string {
	for _, d := range differing {
		text = d.what.ReplaceAllString(text, d.name)
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines { // the width of an age moves the columns
		if strings.Contains(text, "NAMESPACE") || strings.Contains(line, "AGE") {
			lines[i] = strings.TrimRight(regexp.MustCompile(` {3,}`).ReplaceAllString(line, "   "), " ")
		}
	}
	return strings.Join(lines, "\n")
}

// apply applies manifests.
func (w *world) apply(manifests string) {
	w.t.Helper()
	command := exec.CommandContext(w.t.Context(), bed.Path("bin/kubectl"), "--kubeconfig", w.Plane.Kubeconfig, "apply", "-f", "-")
	command.Stdin = strings.NewReader(manifests)
	out, err := command.CombinedOutput()
	w.Expect(err).NotTo(HaveOccurred(), string(out))
}

func manifest(name, rest string) string {
	return fmt.Sprintf("---\napiVersion: trustedapps.dev/v1alpha1\nkind: TrustedApplication\nmetadata: {name: %s, namespace: %s}\n"+
		"spec:\n  identityServerRef: {name: acme}\n  applicationUri: com.example.%s/app\n  scopes: [read]\n%s", name, namespace, name, rest)
}

const (
	asService = "  service: {systemUser: svc.orders}\n"
	asWeb     = "  clientType: Confidential\n  interactive: {redirectUris: [https://portal.example.com/callback]}\n"
	asSPA     = "  clientType: Public\n  interactive: {redirectUris: [https://board.example.com/callback]}\n"
)

// is waits until an application is in a state.
func (w *world) is(name, reason string) {
	w.t.Helper()
	var app v1alpha1.TrustedApplication
	w.Eventually(func() string {
		w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &app)).To(Succeed())
		if c := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady); c != nil && c.ObservedGeneration == app.Generation {
			return c.Reason
		}
		return ""
	}).Should(Equal(reason), name)
}

// secrets are all that must not be printed.
func (w *world) secrets(ctx context.Context) (all []string) {
	var list corev1.SecretList
	w.Expect(w.Admin.List(ctx, &list)).To(Succeed())
	for _, s := range list.Items {
		for key, value := range s.Data {
			if strings.Contains(key, "secret") && len(value) > 20 {
				all = append(all, string(value))
			}
		}
	}
	return all
}
