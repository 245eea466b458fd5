package shards

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

// moves proves that a server takes its applications with it by its label: with the secrets and registrations that there are, and
// without another write of the former release.
func (w *world) moves(apps []*v1alpha1.TrustedApplication, instance *standin.Instance, from, to *release, label string) {
	w.t.Helper()
	here := map[string]string{"server": instance.Name}
	before := w.kept(apps, instance)
	former, next := w.since(from), w.since(to)
	w.kubectl("label", "ids", instance.Name, "--overwrite", label)
	w.Eventually(func() bool {
		return w.metric(to, "trustedapp_reconciles_total", here) >= float64(len(apps)) && w.metric(to, "trustedapp_server_ready", here) == 1
	}).Should(BeTrue(), "the next release probed the server, and looked at each application")
	w.Eventually(func() float64 { return w.metric(from, "trustedapp_server_probe_timestamp_seconds", here) }).Should(BeZero(), "the former one forgot it")
	w.Expect(w.metric(from, "trustedapp_server_ready", here) + w.metric(from, "trustedapp_applications", here)).To(BeZero())
	w.become(apps...)
	w.Expect(w.kept(apps, instance)).To(Equal(before), "nothing was made anew, and nothing was written")
	w.Expect(former()).NotTo(ContainElement(BeElementOf(objects(apps...))))

	for _, app := range apps {
		w.kubectl("annotate", "ta", app.Name, "-n", app.Namespace, "--overwrite", v1alpha1.RotateAnnotation+"="+to.name)
		w.Eventually(func() bool {
			_, err := w.ready(app)
			r := app.Status.Rotation
			return err == nil && r != nil && r.HandledRotate == to.name && r.Phase == v1alpha1.RotationIdle
		}).Should(BeTrue())
	}
	w.Expect(next()).To(ContainElements(objects(apps...)))
	w.Expect(w.kept(apps, instance).Secret).NotTo(Equal(before.Secret), "what is asked for is done")
	w.Expect(former()).NotTo(ContainElement(BeElementOf(append(objects(apps...), "identityservers /"+instance.Name))))
}

// movesInTheMiddleOfWork proves that nothing is lost, changed or made twice by a release that is frozen while it registers applications, and goes
// on with them after their server moved and the next release has done it all.
func (w *world) movesInTheMiddleOfWork(instance *standin.Instance) {
	w.t.Helper()
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprint("moving-", i))
	}
	before := registered(w, instance)
	_, err := instance.AddFault(w.t.Context(), standin.Fault{Method: http.MethodPost, Path: "/api/domain/odata", LatencyMs: 2000, Count: 1})
	w.Expect(err).NotTo(HaveOccurred())
	apps := w.create(shop, instance.Name, names[:6]...)
	w.Eventually(func() int {
		all, err := instance.Faults(w.t.Context())
		w.Expect(err).NotTo(HaveOccurred())
		return all[0].Hits
	}).Should(Equal(1), "a registration is under way")
	w.Expect(syscall.Kill(w.east.PID(), syscall.SIGSTOP)).To(Succeed())
	w.kubectl("label", "ids", instance.Name, "--overwrite", "shard=west")
	apps = append(apps, w.create(shop, instance.Name, names[6:]...)...)
	w.become(apps...)
	done := w.kept(apps, instance)

	east := w.since(w.east)
	w.Expect(syscall.Kill(w.east.PID(), syscall.SIGCONT)).To(Succeed())
	w.Eventually(func() bool { // after ten seconds without its Lease it ends by itself
		probed, err := w.read(w.east, "trustedapp_server_probe_timestamp_seconds", map[string]string{"server": instance.Name})
		working, again := w.read(w.east, "controller_runtime_active_workers", nil)
		waiting, last := w.read(w.east, "workqueue_depth", nil)
		return w.east.Ended() || errors.Join(err, again, last) == nil && probed+working+waiting == 0
	}).Should(BeTrue(), "it saw that the server moved, and nothing is under way")
	w.t.Logf("the former release went on, in vain, with %v", both(set(east()), set(objects(apps...))))
	w.Expect(w.kept(apps, instance)).To(Equal(done))
	w.Expect(registered(w, instance)).To(Equal(before+len(apps)), "each has one registration")
	browser := w.Browser(30 * time.Second)
	for _, app := range apps {
		var secret corev1.Secret
		w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(app), &secret)).To(Succeed())
		w.Expect(bed.Token(w.t.Context(), browser, string(secret.Data["token_endpoint"]), string(secret.Data["client_id"]),
			string(secret.Data["client_secret"]))).To(Equal(http.StatusOK), app.Name)
	}
}
