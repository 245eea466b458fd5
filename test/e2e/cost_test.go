package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

// Serial: other applications would be counted, too.
var _ = Describe("the cost of an application", Serial, func() {
	// warm pays what is shared: the operator's token, the probe, the look-up of the system users.
	warm := func(ctx context.Context, w *world) {
		GinkgoHelper()
		w.serverReady(ctx)
		first := w.app("warm", hybridSpec())
		w.create(ctx, first)
		second := w.app("warm-too", serviceSpec())
		w.create(ctx, second)
	}
	calls := func(c standin.Counts) int { return c.DomainAPI + c.Token }

	DescribeTable("is the writes and calls that were promised",
		func(ctx SpecContext, spec v1alpha1.TrustedApplicationSpec, writes, reads, most int) {
			w := newWorld(ctx)
			warm(ctx, w)
			Expect(w.instance.ResetCounts(ctx)).To(Succeed())
			start := counted.count()
			readsBefore, eventsBefore := counted.counts()
			app := w.app("measured", spec)
			w.create(ctx, app)
			settled(ctx, w)
			Expect(counted.since(start)).To(HaveLen(writes), "writes to Kubernetes")
			counts, err := w.instance.Counts(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(calls(counts)).To(BeNumerically("<=", most), "calls of the server: %v", counts.Requests)
			Expect(counts.Writes).To(Equal(1))
			read, events := counted.asides(w.namespace, readsBefore, eventsBefore)
			Expect(len(read)).To(BeNumerically("<=", reads), "reads of Kubernetes: %v", read)
			Expect(events).To(HaveLen(1))
			AddReportEntry("cost of one application", map[string]any{"kubeWrites": counted.since(start), "serverCalls": counts.Requests})
		},
		Entry("a service: finalizer, ledger, Secret, status; creation, proof", serviceSpec(), 4, 2, 2),
		Entry("a web application: one more for the ConfigMap", interactiveSpec(v1alpha1.ClientTypeConfidential), 5, 3, 2),
		Entry("a hybrid application", hybridSpec(), 5, 3, 2),
		Entry("a single-page application has no Secret and no proof", interactiveSpec(v1alpha1.ClientTypePublic), 4, 2, 1),
	)

	It("is nothing when nothing changed: after a restart, and when its server is probed again", func(ctx SpecContext) {
		w := newWorld(ctx)
		warm(ctx, w)
		settled(ctx, w)
		Expect(w.instance.ResetCounts(ctx)).To(Succeed())
		start := counted.count()
		By("restarting the operator")
		stopOperator()
		startOperator()
		probed(ctx, w)
		settled(ctx, w)
		Expect(counted.since(start)).To(BeEmpty(), "writes to Kubernetes")
		counts, err := w.instance.Counts(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(counts.Writes).To(BeZero(), "writes at the server: %v", counts.Requests)
		Expect(counts.Requests).NotTo(HaveKey("POST Systems_Security_TrustedApplications"))

		By("changing something that no registration depends on")
		w.serverReady(ctx) // reads it as it is now
		w.server.Spec.Environment = v1alpha1.EnvironmentTest
		Expect(admin.Update(ctx, w.server)).To(Succeed())
		w.serverBecomes(ctx, metav1.ConditionTrue, v1alpha1.ReasonReady)
		settled(ctx, w)
		for _, write := range counted.since(start) {
			Expect(write).To(ContainSubstring("/identityservers/"), "only the status of the IdentityServer notes its new generation")
		}
	})
})

// Serial: the operator is restarted.
var _ = Describe("a restart while a server is away", Serial, func() {
	It("leaves the applications that were Ready alone", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		w.create(ctx, app)
		Expect(w.instance.SetDown(ctx, true)).To(Succeed())
		stopOperator()
		start := counted.count()
		startOperator()
		w.serverBecomes(ctx, metav1.ConditionFalse, v1alpha1.ReasonServerUnavailable)
		waiting := w.app("newcomer", serviceSpec())
		Expect(admin.Create(ctx, waiting)).To(Succeed())
		w.becomes(ctx, waiting, metav1.ConditionFalse, v1alpha1.ReasonServerNotReady)
		for _, write := range counted.since(start) {
			Expect(write).NotTo(ContainSubstring("/trustedapplications/orders"))
		}
		Expect(w.instance.SetDown(ctx, false)).To(Succeed())
		w.becomes(ctx, waiting, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})
})

// probed waits until a restarted operator has probed the server.
func probed(ctx context.Context, w *world) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		counts, err := w.instance.Counts(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(counts.DomainAPI).To(BeNumerically(">", 0))
	}).Should(Succeed())
}

// settled waits until the operator has written nothing and called nothing for a while.
func settled(ctx context.Context, w *world) {
	GinkgoHelper()
	last, same := -1, 0
	Eventually(func(g Gomega) {
		counts, err := w.instance.Counts(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		now := counted.count() + counts.DomainAPI + counts.Token
		if now != last {
			last, same = now, 0
		}
		same++
		g.Expect(same).To(BeNumerically(">", 20))
	}).Should(Succeed())
}
