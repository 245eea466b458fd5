package servers

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

func withKey(spec *v1alpha1.TrustedApplicationSpec) {
	spec.Credentials = &v1alpha1.CredentialsSpec{Method: v1alpha1.MethodPrivateKeyJWT}
}

// proofOf is what a workload sends of its published Secret.
func proofOf(secret *corev1.Secret) url.Values {
	GinkgoHelper()
	form, err := bed.Proof(secret.Data)
	Expect(err).NotTo(HaveOccurred())
	return form
}

// granted is the HTTP status of a token request with a published Secret, whatever the method.
func (s *subject) granted(ctx context.Context, secret *corev1.Secret) int {
	GinkgoHelper()
	status, _ := s.answer(ctx, secret)
	return status
}

// answer is that of a token request with a published Secret: the HTTP status, and the text of a refusal.
func (s *subject) answer(ctx context.Context, secret *corev1.Secret) (status int, refusal string) {
	GinkgoHelper()
	web := s.web()
	defer web.CloseIdleConnections()
	form := proofOf(secret)
	form.Set("grant_type", "client_credentials")
	status, text, err := bed.Ask(ctx, web, string(secret.Data[v1alpha1.KeyTokenEndpoint]), form)
	Expect(err).NotTo(HaveOccurred())
	if status == http.StatusOK {
		text = ""
	}
	return status, text
}

// asDocumented asks for a token with the program of docs/clients/node, which reads a mounted Secret.
func (s *subject) asDocumented(ctx context.Context, secret *corev1.Secret) {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	for name, value := range secret.Data {
		Expect(os.WriteFile(filepath.Join(dir, name), value, 0o600)).To(Succeed())
	}
	ca := filepath.Join(GinkgoT().TempDir(), "ca.pem")
	Expect(os.WriteFile(ca, s.ca, 0o600)).To(Succeed())
	program := exec.CommandContext(ctx, "node", bed.Path("docs/clients/node/token-source.mjs"), dir)
	program.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+ca)
	out, err := program.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
	Expect(len(out)).To(BeNumerically(">", 20), "it prints a token")
}

var _ = Describe("an application with a key instead of a secret", func() {
	for name, s := range subjects {
		It("rotates without that a client fails, at "+name, func(ctx SpecContext) {
			before := len(s.clients(ctx))
			app := s.application(func(spec *v1alpha1.TrustedApplicationSpec) {
				service(spec)
				withKey(spec)
				spec.Credentials.Rotation = &v1alpha1.RotationSpec{GracePeriod: &metav1.Duration{Duration: 4 * time.Second}}
			})
			Expect(parts.Admin.Create(ctx, app)).To(Succeed())
			becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
			former := published(ctx, app)
			Expect(former.Data).NotTo(Or(HaveKey("client_secret"), HaveKey("client-secret")))
			Expect(s.granted(ctx, former)).To(Equal(http.StatusOK))
			s.asDocumented(ctx, former)
			at := s.clients(ctx)[app.Status.ClientID]
			Expect(at.Method).To(Equal("private_key_jwt"))
			Expect(string(at.JWKS)).To(ContainSubstring(string(former.Data[v1alpha1.KeyKeyID])))
			Expect(string(at.JWKS)).NotTo(ContainSubstring(`"d":`), "the private half stays in the cluster")

			busy := s.workload(ctx, app)
			edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
				metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RotateAnnotation, "1")
			})
			var now *corev1.Secret
			Eventually(func() string {
				now = published(ctx, app)
				return string(now.Data[v1alpha1.KeyKeyID])
			}).ShouldNot(Equal(string(former.Data[v1alpha1.KeyKeyID])))
			Expect(s.granted(ctx, former)).To(Equal(http.StatusOK), "both work for the gracePeriod")
			Expect(s.granted(ctx, now)).To(Equal(http.StatusOK))
			Eventually(func() int { return s.granted(ctx, former) }).ShouldNot(Equal(http.StatusOK), "the former key ends")
			Eventually(func(g Gomega) {
				g.Expect(parts.Admin.Get(ctx, kube.ObjectKeyFromObject(app), app)).To(Succeed())
				g.Expect(app.Status.Rotation).To(HaveValue(And(HaveField("HandledRotate", "1"), HaveField("Phase", v1alpha1.RotationIdle))))
			}).Should(Succeed())
			busy.wasNeverRefused()
			Expect(s.clients(ctx)).To(HaveLen(before + 1))

			if s.chosenID { // there the client id stays, and the method can change in place
				Expect(now.Data[v1alpha1.KeyClientID]).To(Equal(former.Data[v1alpha1.KeyClientID]))
			}
			By("an exposure")
			edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
				metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RevokeAnnotation, "1")
			})
			Eventually(func() int { return s.granted(ctx, now) }).ShouldNot(Equal(http.StatusOK), "the exposed key ends at once")
			Eventually(func(g Gomega) { g.Expect(s.granted(ctx, published(ctx, app))).To(Equal(http.StatusOK)) }).Should(Succeed())

			By("a secret again")
			edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Credentials.Method = "" })
			becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
			Expect(published(ctx, app).Data).To(HaveKey("client_secret"))
			Expect(published(ctx, app).Data).NotTo(HaveKey("private_key"))
			Expect(s.granted(ctx, published(ctx, app))).To(Equal(http.StatusOK))
			deleted(ctx, app)
			Expect(s.clients(ctx)).To(HaveLen(before))
		})
	}
})
