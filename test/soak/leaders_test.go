package soak

import (
	"encoding/json"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

// TestFrozenLeader freezes a leader in the middle of a creation, a rotation, a change to Public and a deletion, lets another one take over and
// finish them, and thaws the first.
func TestFrozenLeader(t *testing.T) {
	b := newBed(t)
	instance := b.instance("acme")
	foreign, err := instance.AddApplication(t.Context(), standin.Application{ApplicationURI: "com.example.acme/foreign", Name: "foreign", IsEnabled: true, ClientType: "Public"})
	b.Expect(err).NotTo(HaveOccurred())
	first := b.ready(b.operator("--leader-elect"))
	public := service("public", "acme", func(s *v1alpha1.TrustedApplicationSpec) {
		s.Service, s.Interactive = nil, &v1alpha1.InteractiveSpec{RedirectURIs: []v1alpha1.RedirectURI{"https://app.example.com/callback"}}
		s.ClientType = v1alpha1.ClientTypeConfidential
	})
	for _, app := range []*v1alpha1.TrustedApplication{service("rotated", "acme"), service("deleted", "acme"), public} {
		b.Expect(b.admin.Create(t.Context(), app)).To(Succeed())
	}
	b.Eventually(b.settled).Should(Succeed())
	former := b.holder()

	progress("four effects, whose requests the server keeps waiting")
	const under = "/api/domain/odata/Systems_Security_TrustedApplications"
	for method, count := range map[string]int{"POST": 1, "PATCH": 2, "DELETE": 1} {
		_, err := instance.AddFault(t.Context(), standin.Fault{Method: method, Path: under + "*", LatencyMs: 40_000, Count: count})
		b.Expect(err).NotTo(HaveOccurred())
	}
	b.Expect(b.admin.Create(t.Context(), service("created", "acme"))).To(Succeed())
	b.Expect(b.edit("rotated", func(a *v1alpha1.TrustedApplication) {
		metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RotateAnnotation, "now")
	})).To(Succeed())
	b.Expect(b.edit("public", func(a *v1alpha1.TrustedApplication) { a.Spec.ClientType = v1alpha1.ClientTypePublic })).To(Succeed())
	b.Expect(b.admin.Delete(t.Context(), service("deleted", "acme"))).To(Succeed())
	b.Eventually(func() int { return hits(b, instance) }).Should(Equal(4), "all requests are on their way")

	b.Expect(syscall.Kill(first.PID(), syscall.SIGSTOP)).To(Succeed())
	began := time.Now()
	progress("the leader is frozen; another one starts")
	second := b.operator("--leader-elect")
	b.Eventually(b.settled).Should(Succeed())
	b.Expect(b.holder()).NotTo(Equal(former), "the second one leads")
	progress("the second leader has done everything, %s after the first was frozen", time.Since(began).Round(time.Second))
	b.Eventually(func() bool { return time.Since(began) > 42*time.Second }).Should(BeTrue(), "the requests of the first one arrive by now")

	b.Expect(syscall.Kill(first.PID(), syscall.SIGCONT)).To(Succeed())
	b.Eventually(first.Ended).Should(BeTrue(), "who lost the lease ends")
	b.Expect(b.sweep("acme")).To(Succeed())
	b.Eventually(func() []string { return b.violations(instance) }).Should(BeEmpty())
	b.Expect(b.settled()).To(Succeed())
	b.Expect(second.Stop()).To(Succeed())
	b.publicIs(instance)
	after, found, err := instance.Application(t.Context(), foreign.ApplicationURI)
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(found).To(BeTrue())
	b.Expect(after.ObjectVersion).To(Equal(foreign.ObjectVersion), "what belongs to others is as it was")
}

// publicIs checks that the application that became Public has no secret anywhere.
func (b *bed) publicIs(instance *standin.Instance) {
	b.t.Helper()
	app, found, err := instance.Application(b.t.Context(), "com.example.acme/public")
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(found).To(BeTrue())
	b.Expect(app.ApplicationSecretHash).To(Or(BeNil(), HaveValue(BeEmpty())))
	var secrets corev1.SecretList
	b.Expect(b.admin.List(b.t.Context(), &secrets, client.InNamespace(namespace))).To(Succeed())
	b.Expect(secrets.Items).To(HaveLen(2), "those of the application that was created, and of the one that was rotated")
}

// hits is the number of requests that the server keeps waiting.
func hits(b *bed, instance *standin.Instance) (n int) {
	all, err := instance.Faults(b.t.Context())
	b.Expect(err).NotTo(HaveOccurred())
	for _, f := range all {
		n += f.Hits
	}
	return n
}

// holder is who leads.
func (b *bed) holder() string {
	b.t.Helper()
	var lease coordinationv1.Lease
	b.Expect(b.admin.Get(b.t.Context(), client.ObjectKey{Namespace: operatorNamespace, Name: "trustedapp-operator"}, &lease)).To(Succeed())
	return *lease.Spec.HolderIdentity
}

func (b *bed) sweep(server string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{v1alpha1.SweepAnnotation: time.Now().String()}}})
	b.Expect(err).NotTo(HaveOccurred())
	return b.admin.Patch(b.t.Context(), &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: server}}, client.RawPatch("application/merge-patch+json", patch))
}
