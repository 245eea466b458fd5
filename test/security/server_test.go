package security

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	certutil "k8s.io/client-go/util/cert"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

// serve answers over TLS on loopback until the spec ends.
func serve(handler http.Handler) (url string, ca []byte) {
	GinkgoHelper()
	certificate, key, err := certutil.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	Expect(err).NotTo(HaveOccurred())
	pair := must(tls.X509KeyPair(certificate, key))
	listener := must(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	DeferCleanup(server.Close)
	return "https://" + listener.Addr().String(), certificate
}

// server makes an IdentityServer, and deletes it when the spec ends.
func (s *stage) server(ctx context.Context, name, url string, ca []byte) {
	GinkgoHelper()
	ids := &v1alpha1.IdentityServer{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.IdentityServerSpec{CABundle: ca, Access: bed.Everyone(), ERPNet: &v1alpha1.ERPNetServer{
			URL: v1alpha1.HTTPSURL(url), CredentialsRef: v1alpha1.LocalSecretReference{Name: "acme"},
		}},
	}
	Expect(s.bed.Admin.Create(ctx, ids)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		Expect(s.bed.Admin.Delete(ctx, ids)).To(Succeed())
		Eventually(func() error { return s.bed.Admin.Get(ctx, client.ObjectKeyFromObject(ids), ids) }).ShouldNot(Succeed())
	})
}

// notReady waits until a server is said to be not ready, and returns why.
func (s *stage) notReady(ctx context.Context, name string) metav1.Condition {
	GinkgoHelper()
	var ready *metav1.Condition
	Eventually(func(g Gomega) {
		var ids v1alpha1.IdentityServer
		g.Expect(s.bed.Admin.Get(ctx, client.ObjectKey{Name: name}, &ids)).To(Succeed())
		ready = meta.FindStatusCondition(ids.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(ready.Status).To(Equal(metav1.ConditionFalse))
	}).WithTimeout(2*longEnough).Should(Succeed(), name)
	return *ready
}

// memory is that of the operator, in MiB.
func (s *stage) memory() float64 {
	GinkgoHelper()
	return must(s.operator.Memory())
}

// quoted is what hostile servers want to see in logs, events or a status.
const quoted = "canary-of-a-hostile-server-0123456789\n{\"level\":\"info\",\"msg\":\"all is well\"}"

var _ = Describe("a hostile identity server", Serial, func() {
	It("is told from a server that works, costs little, and holds up nobody else", Label(threat), func(ctx SpecContext) {
		secrets.Plant("what a hostile server says", quoted)
		var followed atomic.Int64
		elsewhere, _ := serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
		big := strings.Repeat("a", 64<<10)
		servers := map[string]http.HandlerFunc{
			"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			"slow": func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					if _, err := io.WriteString(w, " "); err != nil {
						return
					}
					w.(http.Flusher).Flush()
					select {
					case <-r.Context().Done():
					case <-time.After(100 * time.Millisecond): // a byte now and then
					}
				}
			},
			"endless": func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					if _, err := io.WriteString(w, big); err != nil {
						return
					}
				}
			},
			"nested": func(w http.ResponseWriter, _ *http.Request) {
				for range 16 { // a million levels
					_, _ = io.WriteString(w, strings.Repeat(`{"a":[`, 64<<10))
				}
			},
			"headers": func(w http.ResponseWriter, _ *http.Request) {
				for i := range 64 {
					w.Header().Set(fmt.Sprintf("X-%d", i), big)
				}
				_, _ = io.WriteString(w, "{}")
			},
			"redirecting": func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
			},
			"talking": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Request-Id", "id\tof "+quoted[:20])
				http.Error(w, quoted, http.StatusBadRequest)
			},
		}
		before := guarded.memory()
		for name, handler := range servers {
			url, ca := serve(handler)
			guarded.server(ctx, name, url, ca)
		}
		// Meanwhile another team registers at a server that works.
		began := time.Now()
		app := application(victims, "undisturbed", service("svc.team-b"))
		Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
		guarded.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		Expect(time.Since(began)).To(BeNumerically("<", 10*time.Second), "hostile servers hold nobody up")
		guarded.plant(ctx, app)
		for name := range servers {
			why := guarded.notReady(ctx, name)
			Expect(why.Message).NotTo(Or(ContainSubstring("canary"), ContainSubstring("all is well")), name)
			Expect(len(why.Message)).To(BeNumerically("<", 1000), name)
		}
		Expect(followed.Load()).To(BeZero(), "no redirect is followed, so that no login goes to another host")
		Expect(guarded.memory()-before).To(BeNumerically("<", 100), "MiB that they cost")
		guarded.gone(ctx, app)
	}, NodeTimeout(6*time.Minute))
})

var _ = Describe("server-side request forgery: a server", Serial, func() {
	It("without the certificate that the administrators trust never sees the operator's login", Label(threat), func(ctx SpecContext) {
		var asked atomic.Int64
		url, _ := serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		guarded.server(ctx, "impostor", url, guarded.bed.Servers.CA)
		Expect(guarded.notReady(ctx, "impostor").Message).To(ContainSubstring("certificate"))
		Expect(asked.Load()).To(BeZero())
	})

	It("finds no login outside of the operator's namespace", Label(threat), func(ctx SpecContext) {
		Expect(guarded.bed.Admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: attackers, Name: "login"},
			Data:       map[string][]byte{"client_id": []byte("a"), "client_secret": []byte("b")},
		})).To(Succeed())
		ids := &v1alpha1.IdentityServer{
			ObjectMeta: metav1.ObjectMeta{Name: "misled"},
			Spec: v1alpha1.IdentityServerSpec{ERPNet: &v1alpha1.ERPNetServer{
				URL: "https://127.0.0.1:1", CredentialsRef: v1alpha1.LocalSecretReference{Name: "login"},
			}},
		}
		Expect(guarded.bed.Admin.Create(ctx, ids)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(guarded.bed.Admin.Delete(ctx, ids)).To(Succeed()) })
		Expect(guarded.notReady(ctx, "misled").Reason).To(Equal(v1alpha1.ReasonCredentialsMissing))
	})
})
