package shards

import (
	"fmt"
	"io"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

func TestShards(t *testing.T) {
	w := newWorld(t)
	acme, globex := w.server("acme", ""), w.server("globex", "east")
	resting := append(w.create(shop, "acme", "orders", "portal", "mailer"), w.create(annex, "acme", "closed-to-east")...)
	eastern := w.create(shop, "globex", "billing", "stock", "reports")
	lost := w.create(shop, "initech", "lost")[0]
	w.become(resting...)
	w.become(eastern...)

	w.divided(resting, eastern, lost)
	w.divisionOfMetrics(resting, eastern)
	for _, instance := range []*standin.Instance{acme, globex} {
		w.Expect(operators(w, instance)).To(Equal(1), "one operator has a session at %s, and holds one licence", instance.Name)
	}
	w.endsWhereItIs(eastern[2], globex)
	eastern = eastern[:2]

	w.comesToTheServerThatAppears(lost)
	w.gathers("globex", "initech")
	w.moves(eastern, globex, w.east, w.rest, "shard-")
	w.moves(eastern, globex, w.rest, w.east, "shard=east")
	w.movesInTheMiddleOfWork(globex)
	w.wouldBeSeen()
}

// divided proves that each object was written by one release, that of the server.
func (w *world) divided(resting, eastern []*v1alpha1.TrustedApplication, lost *v1alpha1.TrustedApplication) {
	w.t.Helper()
	w.Eventually(w.ready).WithArguments(lost).Should(HaveField("Reason", v1alpha1.ReasonServerNotFound))
	for _, app := range slices.Concat(resting, eastern, []*v1alpha1.TrustedApplication{lost}) { // nobody but its own shard tells it
		before, err := w.ready(app)
		w.Expect(err).NotTo(HaveOccurred())
		w.kubectl("annotate", "ta", app.Name, "-n", app.Namespace, v1alpha1.PausedAnnotation+"="+v1alpha1.PausedValue)
		w.Eventually(w.isPaused).WithArguments(app).Should(BeTrue())
		w.kubectl("annotate", "ta", app.Name, "-n", app.Namespace, v1alpha1.PausedAnnotation+"-")
		w.Eventually(w.isPaused).WithArguments(app).Should(BeFalse())
		w.Eventually(w.ready).WithArguments(app).Should(HaveField("Reason", before.Reason))
	}
	east, rest := w.writes(w.east.user()), w.writes(w.rest.user())
	for _, object := range append(objects(eastern...), "identityservers /globex", "leases "+bed.OperatorNamespace+"/"+w.east.name) {
		w.Expect(east).To(HaveKey(object))
	}
	for _, object := range append(objects(resting...), "identityservers /acme", "leases "+bed.OperatorNamespace+"/"+w.rest.name,
		"trustedapplications "+shop+"/lost") {
		w.Expect(rest).To(HaveKey(object))
	}
	w.Expect(both(east, rest)).To(BeEmpty())
}

// divisionOfMetrics proves that each release works on its own and tells of its own, so that sums are right.
func (w *world) divisionOfMetrics(resting, eastern []*v1alpha1.TrustedApplication) {
	w.t.Helper()
	for _, c := range []struct {
		of     *release
		server string
		want   int
	}{
		{w.rest, "acme", len(resting)}, {w.rest, "globex", 0}, {w.rest, "(unknown)", 1},
		{w.east, "acme", 0}, {w.east, "globex", len(eastern)}, {w.east, "(unknown)", 0},
	} {
		told := w.metric(c.of, "trustedapp_applications", map[string]string{"condition": "Ready", "server": c.server})
		w.Expect(told).To(BeEquivalentTo(c.want), "%s tells of the applications of %s", c.of.name, c.server)
		runs := w.metric(c.of, "trustedapp_reconciles_total", map[string]string{"server": c.server})
		w.Expect(runs > 0).To(Equal(c.want > 0), "%s works on the applications of %s", c.of.name, c.server)
	}
	for _, r := range []*release{w.east, w.rest} {
		w.Expect(w.metric(r, "trustedapp_leading", map[string]string{"lease": r.name})).To(BeEquivalentTo(1))
	}
}

// endsWhereItIs proves that a deletion is done by the release of the server.
func (w *world) endsWhereItIs(app *v1alpha1.TrustedApplication, instance *standin.Instance) {
	w.t.Helper()
	east, rest := w.since(w.east), w.since(w.rest)
	w.Expect(w.Admin.Delete(w.t.Context(), app)).To(Succeed())
	w.Eventually(w.isGone).WithArguments(app).Should(BeTrue())
	_, found, err := instance.Application(w.t.Context(), app.Spec.ApplicationURI)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(found).To(BeFalse())
	w.Expect(east()).To(ContainElements(objects(app)))
	w.Expect(rest()).NotTo(ContainElement(BeElementOf(objects(app))))
}

// comesToTheServerThatAppears proves that an application which the rest told that its server is missing goes to the shard of the server.
func (w *world) comesToTheServerThatAppears(lost *v1alpha1.TrustedApplication) {
	w.t.Helper()
	rest := w.since(w.rest)
	w.server("initech", "east")
	w.become(lost)
	w.Expect(w.writes(w.east.user())).To(HaveKey(objects(lost)[2]))
	w.Expect(rest()).NotTo(ContainElement(BeElementOf(append(objects(lost), "identityservers /initech"))))
}

// wouldBeSeen proves that the audit log shows an operator without its selector.
func (w *world) wouldBeSeen() {
	w.t.Helper()
	w.Expect(w.OpenNamespace(w.t.Context(), shop)).To(Succeed())
	everything, err := w.Manager(w.t.Context(), io.Discard)
	w.Expect(err).NotTo(HaveOccurred())
	defer func() { w.Expect(everything.Stop()).To(Succeed()) }()
	n := 0
	w.Eventually(func() []string { // who is faster leaves nothing to do for the other
		n++
		w.create(shop, "acme", fmt.Sprint("seen-", n))
		return both(w.writes(bed.OperatorUser), w.writes(w.rest.user()))
	}).Should(ContainElement(HavePrefix("trustedapplications " + shop + "/seen-")))
}
