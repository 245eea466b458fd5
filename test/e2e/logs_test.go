package e2e

import (
	"context"
	"encoding/json"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// logLine is a line of the operator's log.
type logLine map[string]any

// text is the value of a key; empty where it is missing or no text.
func (l logLine) text(key string) string {
	s, _ := l[key].(string)
	return s
}

// linesSince are the lines that were logged after the first n bytes.
func linesSince(n int) []logLine {
	GinkgoHelper()
	var lines []logLine
	for line := range strings.SplitSeq(strings.TrimSpace(logs.String()[n:]), "\n") {
		if line == "" {
			continue
		}
		var l logLine
		Expect(json.Unmarshal([]byte(line), &l)).To(Succeed(), "a line is no JSON object: %s", line)
		lines = append(lines, l)
	}
	return lines
}

// about keeps the lines of an application, or of a server where name is empty.
func about(lines []logLine, w *world, name string) (found []logLine) {
	for _, l := range lines {
		if l.text("server") == w.server.Name && l.text("app") == name {
			found = append(found, l)
		}
	}
	return found
}

// Serial: lines of others would be in between.
var _ = Describe("the log", Serial, func() {
	It("says who, where and which step, once per change, and nothing at rest", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		start := len(logs.String())
		orders := w.app("orders", serviceSpec())
		w.create(ctx, orders)
		By("failing twice in the same way")
		Expect(admin.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "taken"}})).To(Succeed())
		taken := w.app("taken", serviceSpec())
		Expect(admin.Create(ctx, taken)).To(Succeed())
		w.becomes(ctx, taken, metav1.ConditionFalse, v1alpha1.ReasonSecretConflict)
		By("deleting")
		Expect(admin.Delete(ctx, orders.DeepCopy())).To(Succeed())
		Eventually(func() bool { return gone(ctx, orders) }).Should(BeTrue())
		settled(ctx, w)

		lines := linesSince(start)
		told := map[string][]string{}
		for _, l := range lines {
			Expect(l).To(And(HaveKey("level"), HaveKey("ts"), HaveKey("msg")))
			if l.text("app") == "" {
				continue
			}
			Expect(l).To(And(HaveKeyWithValue("namespace", w.namespace), HaveKeyWithValue("server", w.server.Name), HaveKey("reconcileID"),
				HaveKeyWithValue("controller", "trustedapplication")))
			Expect(l).NotTo(HaveKey("TrustedApplication"), "one key for one thing")
			if l.text("level") == "info" {
				told[l.text("app")] = append(told[l.text("app")], l.text("step")+" "+l.text("reason"))
			}
			Expect(l.text("level")).NotTo(Equal("error"), "%v", l)
		}
		Expect(told).To(Equal(map[string][]string{
			"orders": {"Create Registered", "DeleteRegistration Deregistered"},
			"taken":  {" SecretConflict"}, // it was seen before the first step
		}))
		Expect(steps(about(lines, w, "orders"))).To(ContainElements("AddFinalizer", "Stage", "Create", "Verify", "Publish", "DeleteLedger"))

		By("working on everything again, without a change")
		w.serverReady(ctx) // reads it as it is now
		start = len(logs.String())
		w.server.Spec.Environment = v1alpha1.EnvironmentTest
		Expect(admin.Update(ctx, w.server)).To(Succeed())
		Eventually(func() []logLine { return about(linesSince(start), w, "taken") }).ShouldNot(BeEmpty(), "it was worked on")
		settled(ctx, w)
		for _, l := range linesSince(start) {
			Expect(l.text("level")).To(Equal("debug"), "%v", l)
		}
	})

	It("and events tell of a failure that repeats itself once", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		refuseTokens(ctx, w)
		start := len(logs.String())
		app := w.app("refused", serviceSpec())
		Expect(admin.Create(ctx, app)).To(Succeed())
		By("waiting for the third attempt")
		Eventually(func() int {
			attempts := 0
			for _, l := range about(linesSince(start), w, "refused") {
				if l.text("step") == "Verify" && l.text("level") == "debug" && l.text("reason") == v1alpha1.ReasonVerificationFailed {
					attempts++
				}
			}
			return attempts
		}).Should(BeNumerically(">=", 3))
		counts := map[string]int{}
		for _, e := range events(ctx, w.namespace) {
			counts[e.Reason]++
			Expect(e.Series).To(BeNil(), "%s was told more than once", e.Reason)
		}
		Expect(counts).To(Equal(map[string]int{"Registered": 1, v1alpha1.ReasonVerificationFailed: 1}))
		told := map[string]int{}
		for _, l := range about(linesSince(start), w, "refused") {
			if l.text("level") != "debug" {
				told[l.text("step")+" "+l.text("reason")]++
			}
		}
		Expect(told).To(Equal(map[string]int{"Create Registered": 1, "Verify VerificationFailed": 1}))
	})

	It("has the error of Kubernetes with the step that it stopped", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.serverReady(ctx)
		start := len(logs.String())
		counted.cut("/namespaces/" + w.namespace + "/secrets")
		DeferCleanup(func() { counted.cut("") })
		app := w.app("stopped", serviceSpec())
		Expect(admin.Create(ctx, app)).To(Succeed())
		Eventually(func() []logLine {
			var errors []logLine
			for _, l := range about(linesSince(start), w, "stopped") {
				if l.text("level") == "error" {
					errors = append(errors, l)
				}
			}
			return errors
		}).Should(ContainElement(And(HaveKeyWithValue("error", ContainSubstring(errCut.Error())), HaveKeyWithValue("step", "Publish"),
			HaveKeyWithValue("namespace", w.namespace))))
		counted.cut("")
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})
})

func steps(lines []logLine) []string {
	var all []string
	for _, l := range lines {
		if l.text("level") == "debug" && l.text("step") != "" {
			all = append(all, l.text("step"))
		}
	}
	return all
}

func gone(ctx context.Context, app *v1alpha1.TrustedApplication) bool {
	var now v1alpha1.TrustedApplication
	err := admin.Get(ctx, client.ObjectKeyFromObject(app), &now)
	return err != nil && client.IgnoreNotFound(err) == nil
}
