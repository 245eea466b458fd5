package plugin

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/byhand"
	"trustedapps.dev/operator/test/standin"
)

// TestCommands goes through the commands in the order in which somebody might come to them.
func TestCommands(t *testing.T) {
	w := newWorld(t)
	w.golden("status-none", 0, "", "status")
	w.apply(manifest("order-sync", asService+"  credentials: {rotation: {strategy: InPlace}}\n") + manifest("portal", asWeb) + manifest("board", asSPA))
	for _, name := range []string{"order-sync", "portal", "board"} {
		w.is(name, v1alpha1.ReasonReady)
	}
	before := w.secrets(t.Context())
	w.apply(workloads)
	w.looks()
	w.proves()
	w.replaces()
	w.differs()
	w.finds()
	w.adopts()
	w.imports()
	w.chooses()
	w.isRefused()
	w.leaksNothing(before)
	files, err := filepath.Glob("testdata/*.txt")
	w.Expect(err).NotTo(HaveOccurred())
	for i, file := range files {
		files[i] = filepath.Base(file)
	}
	w.Expect(w.compared).To(ConsistOf(files), "nothing in testdata is left over")
}

// workloads use the Secret of order-sync, each in another way.
const workloads = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: orders}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: c, image: registry.example/none, envFrom: [{secretRef: {name: order-sync}}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: orders}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: registry.example/none, volumeMounts: [{name: credentials, mountPath: /credentials}]}]
      volumes: [{name: credentials, secret: {secretName: order-sync}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: orders}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: c, image: registry.example/none, envFrom: [{secretRef: {name: order-sync}}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: shell, namespace: orders}
spec:
  containers: [{name: c, image: registry.example/none, volumeMounts: [{name: credentials, mountPath: /credentials, subPath: client_secret}]}]
  volumes: [{name: credentials, secret: {secretName: order-sync}}]
`

// looks: status and server check.
func (w *world) looks() {
	w.t.Helper()
	w.golden("status-all-well", 0, "", "status")
	w.apply(manifest("broken", "  service: {systemUser: svc.nobody}\n"))
	w.is("broken", v1alpha1.ReasonInvalid)
	w.golden("status", 2, "", "status")
	w.golden("status-wide", 2, "", "status", "-A", "-o", "wide")
	w.golden("status-service", 0, "", "status", "order-sync")
	w.golden("status-web", 0, "", "status", "portal")
	w.golden("status-spa", 0, "", "status", "board")
	w.golden("status-broken", 2, "", "status", "broken")
	w.golden("status-json", 0, "", "status", "board", "-o", "json")
	w.golden("status-yaml", 0, "", "status", "order-sync", "-o", "yaml")
	w.golden("status-unknown", 1, "", "status", "nobody")
	w.golden("status-both", 1, "", "status", "board", "-A")
	w.golden("status-format", 1, "", "status", "-o", "xml")
	w.golden("server", 0, "", "server", "check", "acme")
	w.golden("server-json", 0, "", "server", "check", "acme", "-o", "json")
	w.golden("server-unknown", 1, "", "server", "check", "nobody")
	out, _, code := w.run("", "__complete", "status", "")
	w.Expect(code).To(BeZero())
	w.Expect(out).To(ContainSubstring("board\nbroken\norder-sync\nportal\n"))
	out, _, _ = w.run("", "__complete", "server", "check", "")
	w.Expect(out).To(ContainSubstring("acme\n"))
}

// proves: verify and token.
func (w *world) proves() {
	w.t.Helper()
	w.golden("verify-service", 0, "", "verify", "order-sync")
	w.golden("verify-web", 0, "", "verify", "portal")
	w.golden("verify-spa", 1, "", "verify", "board")
	w.golden("verify-broken", 1, "", "verify", "broken")
	w.golden("token-unasked", 1, "", "token", "order-sync")
	w.golden("token-web", 1, "", "token", "portal", "--show")
	w.golden("token", 0, "", "token", "order-sync", "--show")
	out, _, code := w.run("", "token", "order-sync", "--show")
	w.Expect(code).To(BeZero())
	w.Expect(strings.Count(out, "\n")).To(Equal(1), "nothing but the token")
	w.Expect(strings.Count(out, ".")).To(Equal(2))
	w.golden("token-scope", 1, "", "token", "order-sync", "--show", "--scope", "sec")

	registered, _, err := w.instance.Application(w.t.Context(), "com.example.order-sync/app")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.instance.EditApplication(w.t.Context(), registered.ID, map[string]any{"secret": byHand})).To(Succeed())
	w.golden("verify-refused", 2, "", "verify", "order-sync")
	w.golden("verify-refused-json", 2, "", "verify", "order-sync", "-o", "json")
}

// replaces: rotate and revoke.
func (w *world) replaces() {
	w.t.Helper()
	former := w.published("order-sync")
	w.golden("rotate", 0, "", "rotate", "order-sync", "--wait")
	rotated := w.published("order-sync")
	w.Expect(rotated).NotTo(Equal(former))
	_, _, code := w.run("", "verify", "order-sync")
	w.Expect(code).To(BeZero())
	w.golden("rotate-json", 0, "", "rotate", "order-sync", "--wait", "-o", "json")
	w.Expect(w.published("order-sync")).NotTo(Equal(rotated))
	rotated = w.published("order-sync")

	w.golden("revoke-no", 1, "n\n", "revoke", "order-sync")
	w.Expect(w.published("order-sync")).To(Equal(rotated), "nothing was done")
	w.golden("revoke", 0, "y\n", "revoke", "order-sync", "--wait")
	w.Expect(w.published("order-sync")).NotTo(Equal(rotated))
	w.golden("revoke-yaml", 0, "", "revoke", "order-sync", "--yes", "--wait", "-o", "yaml")
	w.golden("revoke-unknown", 1, "", "revoke", "nobody")
	w.golden("rotate-nobody", 1, "", "rotate")
	w.golden("rotate-spa", 1, "", "rotate", "board")
	w.kubectl("annotate", "ta", "portal", "-n", namespace, v1alpha1.PausedAnnotation+"="+v1alpha1.PausedValue)
	w.is("portal", v1alpha1.ReasonPaused)
	w.golden("rotate-paused", 0, "", "rotate", "portal", "--wait")
	w.kubectl("annotate", "ta", "portal", "-n", namespace, v1alpha1.PausedAnnotation+"-")
}

// kubectl runs kubectl as the administrator.
func (w *world) kubectl(args ...string) string {
	w.t.Helper()
	out, err := w.Kubectl(w.t.Context(), args...)
	w.Expect(err).NotTo(HaveOccurred())
	return out
}

// published is the client_secret that workloads mount.
func (w *world) published(name string) string {
	w.t.Helper()
	var secret corev1.Secret
	w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &secret)).To(Succeed())
	return string(secret.Data[v1alpha1.KeyClientSecret])
}

// differs: diff.
func (w *world) differs() {
	w.t.Helper()
	w.golden("diff-none", 0, "", "diff", "order-sync")
	w.golden("diff-unknown", 1, "", "diff", "nobody")
	w.kubectl("patch", "ta", "order-sync", "-n", namespace, "--type=merge", "-p", `{"spec":{"driftPolicy":"Warn"}}`)
	w.is("order-sync", v1alpha1.ReasonReady)
	registered, _, err := w.instance.Application(w.t.Context(), "com.example.order-sync/app")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.instance.EditApplication(w.t.Context(), registered.ID, map[string]any{"scope": "read update", "name": "By hand"})).To(Succeed())
	w.kubectl("annotate", "ids", "acme", v1alpha1.SweepAnnotation+"=1")
	w.Eventually(func() int {
		_, _, code := w.run("", "diff", "order-sync")
		return code
	}).Should(Equal(2))
	w.golden("diff", 2, "", "diff", "order-sync")
	w.golden("diff-json", 2, "", "diff", "order-sync", "-o", "json")
}

// finds: orphans.
func (w *world) finds() {
	w.t.Helper()
	w.golden("orphans-none", 0, "", "orphans")
	w.golden("orphans-nowhere", 1, "", "orphans", "--delete")
	w.golden("orphans-nothing-to-delete", 0, "", "orphans", "--server", "acme", "--delete", "--yes")
	w.apply(manifest("left", asService+"  deletionPolicy: Orphan\n"))
	w.is("left", v1alpha1.ReasonReady)
	w.kubectl("delete", "ta", "left", "-n", namespace)
	w.kubectl("annotate", "ids", "acme", "--overwrite", v1alpha1.SweepAnnotation+"=2")
	w.Eventually(func() int {
		_, _, code := w.run("", "orphans")
		return code
	}).Should(Equal(2))
	w.golden("orphans", 2, "", "orphans", "--server", "acme")
	w.golden("orphans-json", 2, "", "orphans", "-o", "json")
	w.golden("orphans-delete-no", 1, "", "orphans", "--server", "acme", "--delete")
	_, found, err := w.instance.Application(w.t.Context(), "com.example.left/app")
	w.Expect(found, err).To(BeTrue(), "nothing was done")
	w.givesBack()
	w.golden("orphans-delete", 0, "", "orphans", "--server", "acme", "--delete", "--yes")
	_, found, err = w.instance.Application(w.t.Context(), "com.example.left/app")
	w.Expect(found, err).To(BeFalse())
	w.Expect(w.kubectl("get", "ids", "acme", "-o", "jsonpath={.spec.orphanPolicy}")).To(Equal(string(v1alpha1.OrphanReport)), "as it was")
}

// givesBack: whoever does not see the end gives the server its policy back, or is told that it must be. Nobody asked for a server that deletes
// orphans for good.
func (w *world) givesBack() {
	w.t.Helper()
	w.kubectl("annotate", "ids", "acme", v1alpha1.PausedAnnotation+"="+v1alpha1.PausedValue) // the orphans stay, and the command waits
	w.kubectl("create", "clusterrole", "janitor", "--verb=patch", "--resource=identityservers.trustedapps.dev")
	w.kubectl("create", "clusterrolebinding", "janitor", "--clusterrole=janitor", "--user=janitor")
	policy := func() string { return w.kubectl("get", "ids", "acme", "-o", "jsonpath={.spec.orphanPolicy}") }
	during := func(happens func()) string {
		ctx, interrupt := context.WithCancel(w.t.Context())
		defer interrupt()
		said := make(chan string, 1)
		go func() {
			_, told, code := w.runUntil(ctx, "", "orphans", "--server", "acme", "--delete", "--yes", "--as", "janitor")
			said <- fmt.Sprintf("%d: %s", code, told)
		}()
		w.Eventually(policy).Should(Equal(string(v1alpha1.OrphanDelete)))
		if happens == nil {
			happens = interrupt
		}
		happens()
		var last string
		w.Eventually(said).Should(Receive(&last))
		return last
	}
	w.Expect(during(nil)).To(And(HavePrefix("1: error: "), Not(ContainSubstring("STILL"))))
	w.Expect(policy()).To(Equal(string(v1alpha1.OrphanReport)))

	lost := during(func() { w.kubectl("delete", "clusterrole", "janitor") })
	w.Expect(lost).To(And(HavePrefix("1: error: "), ContainSubstring("STILL HAS orphanPolicy Delete; set it to Report")))
	w.kubectl("patch", "ids", "acme", "--type=merge", "-p", `{"spec":{"orphanPolicy":"Report"}}`)
	w.kubectl("annotate", "ids", "acme", v1alpha1.PausedAnnotation+"-")
}

// adopts: adopt.
func (w *world) adopts() {
	w.t.Helper()
	scope := "read"
	_, err := w.instance.AddApplication(w.t.Context(), standin.Application{
		ApplicationURI: "com.example.old/app", Name: "Old", IsEnabled: true, ClientType: "Confidential", Secret: byHand, Scope: &scope,
		SystemUserAllowed: true, SystemUser: "svc.orders",
	})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.Admin.Create(w.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "old-by-hand"}, Data: map[string][]byte{v1alpha1.KeyClientSecret: []byte(byHand)},
	})).To(Succeed())
	w.apply(manifest("old", asService))
	w.is("old", v1alpha1.ReasonOwnershipConflict)
	w.golden("adopt-no", 1, "", "adopt", "old")
	w.golden("adopt-spa", 1, "", "adopt", "board", "--secret", "old-by-hand")
	w.golden("adopt", 0, "", "adopt", "old", "--secret", "old-by-hand", "--wait")
	w.Expect(w.published("old")).To(Equal(byHand), "whoever has the secret goes on")

	w.apply(fmt.Sprintf("apiVersion: trustedapps.dev/v1alpha1\nkind: TrustedApplicationSet\nmetadata: {name: all, namespace: %s}\nspec:\n"+
		"  servers: {names: [acme]}\n  template: {spec: {applicationUri: com.example.all/app, service: {systemUser: svc.orders}, scopes: [read]}}\n", namespace))
	made := &v1alpha1.TrustedApplication{}
	w.Eventually(func() error {
		return w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: "all-acme"}, made)
	}).Should(Succeed())
	w.golden("adopt-set", 1, "", "adopt", "all-acme", "--yes")
	w.kubectl("delete", "tas", "all", "-n", namespace)
	w.kubectl("delete", "ta", "all-acme", "-n", namespace) // nobody collects garbage here
}

// imports: import. What it writes is accepted by the API server.
func (w *world) imports() {
	w.t.Helper()
	scope := "read"
	_, err := w.instance.AddApplication(w.t.Context(), standin.Application{
		ApplicationURI: "com.example.byhand/app", Name: "By hand", IsEnabled: true, ClientType: "Confidential", Secret: byHand, Scope: &scope,
		SystemUserAllowed: true, SystemUser: "svc.orders",
	})
	w.Expect(err).NotTo(HaveOccurred())
	w.golden("import", 0, "", "import", "--server", "acme", "--uri-prefix", "com.example.byhand")
	w.golden("import-nowhere", 1, "", "import")
	w.golden("import-prefix", 0, "", "import", "--server", "acme", "--uri-prefix", "net.example.")
	w.golden("import-unknown", 1, "", "import", "--server", "nobody")
	w.goldenOf(firstOfEachKind, "import-all", 0, "", "import", "--server", "acme")
	out, _, _ := w.run("", "import", "--server", "acme")
	w.Expect(strings.Count(out, "\nkind: TrustedApplication\n")).To(Equal(byhand.Count+1), "and that of this test")
	w.dryRun(out)
	w.cannotBeListed()

	out, _, _ = w.run("", "import", "--server", "acme", "--uri-prefix", "com.example.byhand")
	w.apply(out)
	const imported = "com-example-byhand-app"
	w.is(imported, v1alpha1.ReasonObserved)
	w.golden("status-observed", 0, "", "status", imported)
	w.golden("adopt-imported", 0, "", "adopt", imported, "--secret", "old-by-hand", "--wait")
	w.is(imported, v1alpha1.ReasonReady)
	w.Expect(w.published(imported)).To(Equal(byHand), "whoever has the secret goes on")
}

// firstOfEachKind leaves of manifests the first for each com.example.KIND/NUMBER, and counts the others.
func firstOfEachKind(manifests string) string {
	var text strings.Builder
	last, left := "", 0
	for _, one := range strings.SplitAfter(manifests, "\n---\n") {
		kind, _, _ := strings.Cut(one, "/")
		if kind == last {
			left++
			continue
		}
		if left > 0 {
			fmt.Fprintf(&text, "(%d more like this)\n---\n", left)
		}
		last, left = kind, 0
		text.WriteString(one)
	}
	return text.String()
}

// cannotBeListed: a server that does not answer, and one that breaks off.
func (w *world) cannotBeListed() {
	w.t.Helper()
	away := w.Server(w.instance)
	away.Name, away.Spec.ERPNet.URL = "away", "https://127.0.0.1:1"
	w.Expect(w.Admin.Create(w.t.Context(), away)).To(Succeed())
	w.Eventually(func() string {
		out, _, _ := w.run("", "server", "check", "away")
		return out
	}).Should(ContainSubstring("conditions"), "the operator has looked at it")
	w.golden("server-away", 2, "", "server", "check", "away")
	w.golden("import-away", 3, "", "import", "--server", "away", "--timeout", "2s")
	w.kubectl("delete", "ids", "away")
	fault, err := w.instance.AddFault(w.t.Context(), standin.Fault{
		Method: "GET", Path: "/api/domain/odata/Systems_Security_TrustedApplications*", Status: 503, Skip: 1, // the first is the look at the operator's rights
	})
	w.Expect(err).NotTo(HaveOccurred())
	w.golden("import-breaks-off", 1, "", "import", "--server", "acme", "--timeout", "60s")
	w.Expect(w.instance.RemoveFault(w.t.Context(), fault)).To(Succeed())
	w.Eventually(func() int {
		_, _, code := w.run("", "server", "check", "acme")
		return code
	}).Should(BeZero())
}

// dryRun asks the API server whether it would take manifests.
func (w *world) dryRun(manifests string) {
	w.t.Helper()
	command := exec.CommandContext(w.t.Context(), bed.Path("bin/kubectl"), "--kubeconfig", w.Plane.Kubeconfig, "apply", "--dry-run=server", "-f", "-")
	command.Stdin = strings.NewReader(manifests)
	said, err := command.CombinedOutput()
	w.Expect(err).NotTo(HaveOccurred(), string(said))
}

// chooses: choose. What it writes is accepted by the API server.
func (w *world) chooses() {
	w.t.Helper()
	kinds := map[string][]string{
		"service": {"--users", "no", "--system-user", "svc.orders"},
		"web":     {"--users", "yes", "--keeps-secret", "yes", "--alone", "no", "--redirect-uri", "https://a.example.com/cb"},
		"spa":     {"--users", "yes", "--keeps-secret", "no", "--alone", "no", "--redirect-uri", "https://a.example.com/cb"},
		"hybrid": {"--users", "yes", "--keeps-secret", "yes", "--alone", "yes", "--redirect-uri", "https://a.example.com/cb",
			"--system-user", "svc.orders"},
	}
	for kind, flags := range kinds {
		args := append([]string{"choose", "--name", "chosen", "--server", "acme", "--uri", "com.example.chosen/app"}, flags...)
		w.golden("choose-"+kind, 0, "", args...)
		out, _, _ := w.run("", args...)
		w.dryRun(out)
	}
	w.golden("choose-asked", 0, "perhaps\nyes\nno\nno\nBad Name\nchosen\nacme\ncom.example.chosen/app\nhttps://a.example.com/cb\n", "choose")
	w.golden("choose-two", 1, "", "choose", "--users", "yes", "--keeps-secret", "no", "--alone", "yes")
	w.golden("choose-wrong", 1, "", "choose", "--users", "sometimes")
	w.golden("choose-no-answer", 1, "", "choose")
}

// isRefused: who lacks a right is told which, and who gives it.
func (w *world) isRefused() {
	w.t.Helper()
	w.kubectl("create", "rolebinding", "viewer", "--clusterrole=trustedapp-operator-view", "--user=viewer", "-n", namespace)
	w.golden("status-viewer", 0, "", "status", "order-sync", "--as", "viewer")
	w.golden("refused-status", 1, "", "status", "--as", "nobody")
	w.golden("refused-all", 1, "", "status", "-A", "--as", "viewer")
	w.golden("refused-verify", 1, "", "verify", "order-sync", "--as", "viewer")
	w.golden("refused-rotate", 1, "", "rotate", "order-sync", "--as", "viewer")
	w.golden("refused-server", 0, "", "server", "check", "acme", "--as", "viewer")
	w.golden("refused-import", 1, "", "import", "--server", "acme", "--as", "viewer")
	w.golden("unknown-command", 1, "", "frobnicate")
	_, said, code := w.run("", "status", "--context", "elsewhere")
	w.Expect(code).To(Equal(1))
	w.Expect(said).To(ContainSubstring(`context "elsewhere" does not exist`))
}

// leaksNothing: no secret was printed, neither one of before nor one of now.
func (w *world) leaksNothing(before []string) {
	w.t.Helper()
	all := slices.Concat(before, w.secrets(w.t.Context()))
	w.Expect(len(all)).To(BeNumerically(">", 5))
	for n := range byhand.Count + byhand.Obstructed {
		all = append(all, byhand.Secret(n))
	}
	for _, secret := range all {
		w.Expect(w.printed.String()).NotTo(ContainSubstring(secret))
	}
}
