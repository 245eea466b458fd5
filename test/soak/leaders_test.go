package soak

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

const (
	// late is when the requests of the frozen leader arrive: after another one has taken over and is done, and before a client gives up.
	late = 27 * time.Second
	// applications is where registrations are.
	applications = "/api/domain/odata/Systems_Security_TrustedApplications"
)

// effect is what the leader is frozen in the middle of. Each has a server of its own, which is asked for one thing at a time.
type effect struct {
	method string
	// app is there before, if it is not made by act, which is what people do.
	app *v1alpha1.TrustedApplication
	act func() error
}

// effects are those, by server.
func (w *world) effects() map[string]effect {
	ctx := w.t.Context()
	rotated := service("rotated", "rotating", func(s *v1alpha1.TrustedApplicationSpec) {
		s.Credentials = &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{Strategy: v1alpha1.RotationInPlace}}
	})
	public := service("public", "publishing", func(s *v1alpha1.TrustedApplicationSpec) {
		s.Service, s.Interactive = nil, &v1alpha1.InteractiveSpec{RedirectURIs: []v1alpha1.RedirectURI{"https://app.example.com/callback"}}
		s.ClientType = v1alpha1.ClientTypeConfidential
	})
	return map[string]effect{
		"creating": {method: http.MethodPost, act: func() error { return w.Admin.Create(ctx, service("created", "creating")) }},
		"rotating": {method: http.MethodPatch, app: rotated, act: func() error {
			return w.edit("rotated", func(a *v1alpha1.TrustedApplication) {
				metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RotateAnnotation, "now")
			})
		}},
		"publishing": {method: http.MethodPatch, app: public, act: func() error {
			return w.edit("public", func(a *v1alpha1.TrustedApplication) { a.Spec.ClientType = v1alpha1.ClientTypePublic })
		}},
		"deleting": {method: http.MethodDelete, app: service("deleted", "deleting"), act: func() error {
			return w.Admin.Delete(ctx, service("deleted", "deleting"))
		}},
	}
}

// TestFrozenLeader freezes a leader in the middle of a creation, a rotation, a change to Public and a deletion, lets another one take over and
// finish them, and thaws the first after its requests have arrived.
func TestFrozenLeader(t *testing.T) {
	w := newWorld(t)
	first := w.ready(w.operator("--leader-elect"))
	effects := w.effects()
	var all []*standin.Instance
	instances, foreign := map[string]*standin.Instance{}, map[string]standin.Application{}
	for name, e := range effects {
		instance := w.instance(name)
		var err error
		foreign[name], err = instance.AddApplication(t.Context(), standin.Application{
			ApplicationURI: "com.example.foreign", Name: "foreign", IsEnabled: true, ClientType: "Public",
		})
		w.Expect(err).NotTo(HaveOccurred())
		instances[name], all = instance, append(all, instance)
		if e.app != nil {
			w.Expect(w.Admin.Create(t.Context(), e.app)).To(Succeed())
		}
	}
	w.Eventually(w.settled).Should(Succeed())
	w.Eventually(func() bool { return w.areReady(effects) }).Should(BeTrue())
	former := w.holder()

	for name, e := range effects {
		_, err := instances[name].AddFault(t.Context(), standin.Fault{Method: e.method, Path: applications + "*", LatencyMs: int(late.Milliseconds()), Count: 1})
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(e.act()).To(Succeed())
	}
	began := time.Now()
	w.Eventually(func() (n int) {
		for _, i := range all {
			n += hits(w, i)
		}
		return n
	}, 5*time.Second, 20*time.Millisecond).Should(Equal(len(effects)), "all requests are on their way")
	w.Expect(syscall.Kill(first.PID(), syscall.SIGSTOP)).To(Succeed())
	progress("the leader is frozen in the middle of %d effects; another one starts", len(effects))
	second := w.operator("--leader-elect")
	w.Eventually(w.settled).Should(Succeed())
	w.Expect(w.holder()).NotTo(Equal(former), "the second one leads")
	done := time.Since(began)
	w.Expect(done).To(BeNumerically("<", late), "the second leader was done before the requests of the first arrived, as is to be tried")
	progress("the second leader has done everything, %s after the first was frozen", done.Round(time.Second))
	w.Eventually(func() bool { return time.Since(began) > late+time.Second }).Should(BeTrue(), "the requests of the first one arrive by now")
	w.Expect(syscall.Kill(first.PID(), syscall.SIGCONT)).To(Succeed())
	w.Eventually(first.Ended).Should(BeTrue(), "who lost the lease ends")

	for name := range effects {
		w.Expect(w.sweep(name)).To(Succeed())
	}
	w.Eventually(func() []string { return w.violations(all...) }).Should(BeEmpty())
	w.Eventually(w.settled).Should(Succeed())
	w.Expect(second.Stop()).To(Succeed())
	w.publicIs(instances["publishing"])
	for name, instance := range instances {
		after, found, err := instance.Application(t.Context(), "com.example.foreign")
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(found).To(BeTrue())
		w.Expect(after.ObjectVersion).To(Equal(foreign[name].ObjectVersion), "what belongs to others is as it was")
	}
}

// areReady says whether all servers are Ready.
func (w *world) areReady(servers map[string]effect) bool {
	for name := range servers {
		if !strings.HasPrefix(w.serverState(name), "True") {
			return false
		}
	}
	return true
}

// publicIs checks that the application that became Public has no secret anywhere.
func (w *world) publicIs(instance *standin.Instance) {
	w.t.Helper()
	app, found, err := instance.Application(w.t.Context(), "com.example.publishing/public")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(found).To(BeTrue())
	w.Expect(app.ApplicationSecretHash).To(Or(BeNil(), HaveValue(BeEmpty())))
	var secrets corev1.SecretList
	w.Expect(w.Admin.List(w.t.Context(), &secrets, client.InNamespace(namespace))).To(Succeed())
	w.Expect(secrets.Items).To(HaveLen(2), "those of the application that was created, and of the one that was rotated")
}

// hits is the number of requests that the server keeps waiting.
func hits(w *world, instance *standin.Instance) (n int) {
	all, err := instance.Faults(w.t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	for _, f := range all {
		n += f.Hits
	}
	return n
}

// holder is who leads.
func (w *world) holder() string {
	w.t.Helper()
	var lease coordinationv1.Lease
	w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: bed.OperatorNamespace, Name: "trustedapp-operator"}, &lease)).To(Succeed())
	return *lease.Spec.HolderIdentity
}

func (w *world) sweep(server string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{v1alpha1.SweepAnnotation: time.Now().String()}}})
	w.Expect(err).NotTo(HaveOccurred())
	return w.Admin.Patch(w.t.Context(), &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: server}}, client.RawPatch("application/merge-patch+json", patch))
}
