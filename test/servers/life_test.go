package servers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

var serial atomic.Int64

// application is one for the server.
func (s *subject) application(change func(*v1alpha1.TrustedApplicationSpec)) *v1alpha1.TrustedApplication {
	name := fmt.Sprintf("app-%d", serial.Add(1))
	app := &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: s.server}, ApplicationURI: "com.example." + name, Scopes: []v1alpha1.Scope{"read"},
		},
	}
	change(&app.Spec)
	return app
}

func service(spec *v1alpha1.TrustedApplicationSpec) { spec.Service = &v1alpha1.ServiceSpec{} }

func interactive(kind v1alpha1.ClientType) func(*v1alpha1.TrustedApplicationSpec) {
	return func(spec *v1alpha1.TrustedApplicationSpec) {
		spec.ClientType = kind
		spec.Interactive = &v1alpha1.InteractiveSpec{RedirectURIs: []v1alpha1.RedirectURI{"https://shop.example.com/callback"}}
	}
}

func hybrid(spec *v1alpha1.TrustedApplicationSpec) {
	service(spec)
	interactive(v1alpha1.ClientTypeConfidential)(spec)
}

// becomes waits for a condition Ready of the present generation.
func becomes(ctx context.Context, app *v1alpha1.TrustedApplication, status metav1.ConditionStatus, reason string) *metav1.Condition {
	GinkgoHelper()
	var ready *metav1.Condition
	Eventually(func(g Gomega) {
		g.Expect(parts.Admin.Get(ctx, kube.ObjectKeyFromObject(app), app)).To(Succeed())
		ready = meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(*ready).To(And(HaveField("Status", status), HaveField("Reason", reason), HaveField("ObservedGeneration", app.Generation)))
	}).Should(Succeed(), "%s", app.Name)
	return ready
}

// published is the Secret of an application.
func published(ctx context.Context, app *v1alpha1.TrustedApplication) *corev1.Secret {
	GinkgoHelper()
	var secret corev1.Secret
	Expect(parts.Admin.Get(ctx, kube.ObjectKey{Namespace: namespace, Name: app.Status.Binding.Name}, &secret)).To(Succeed())
	return &secret
}

// accepted is the HTTP status of a token request with a published Secret.
func (s *subject) accepted(ctx context.Context, secret *corev1.Secret) int {
	GinkgoHelper()
	web := s.web()
	defer web.CloseIdleConnections()
	status, err := bed.Token(ctx, web, string(secret.Data["token_endpoint"]), string(secret.Data["client_id"]), string(secret.Data["client_secret"]))
	Expect(err).NotTo(HaveOccurred())
	return status
}

func edit(ctx context.Context, app *v1alpha1.TrustedApplication, change func(*v1alpha1.TrustedApplication)) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(parts.Admin.Get(ctx, kube.ObjectKeyFromObject(app), app)).To(Succeed())
		change(app)
		g.Expect(parts.Admin.Update(ctx, app)).To(Succeed())
	}).Should(Succeed())
}

// deleted deletes an application and waits until it is gone.
func deleted(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	Expect(parts.Admin.Delete(ctx, app)).To(Succeed())
	Eventually(func() error { return parts.Admin.Get(ctx, kube.ObjectKeyFromObject(app), app) }).Should(Satisfy(apierrors.IsNotFound))
}

var _ = Describe("the life of an application", func() {
	for name, s := range subjects {
		Describe("at "+name, func() {
			It("is probed", func(ctx SpecContext) {
				var ids v1alpha1.IdentityServer
				Eventually(func(g Gomega) {
					g.Expect(parts.Admin.Get(ctx, kube.ObjectKey{Name: s.server}, &ids)).To(Succeed())
					g.Expect(meta.IsStatusConditionTrue(ids.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
				}).Should(Succeed())
				Expect(ids.Status.Endpoints.Token).To(HavePrefix("https://"))
				Expect(ids.Status.Capabilities.SecretOrigin).To(Equal(map[bool]v1alpha1.SecretOrigin{true: v1alpha1.SecretClientChosen, false: v1alpha1.SecretServerIssued}[s.chosenID]))
				Expect(ids.Status.Capabilities.Methods).To(ConsistOf(v1alpha1.MethodClientSecret, v1alpha1.MethodPrivateKeyJWT))
				Expect(ids.Status.Capabilities.Search).To(HaveValue(Equal(s.chosenID)))
				if s.chosenID {
					Expect(ids.Status.Capabilities.Strategies).To(ConsistOf(v1alpha1.RotationAnnounce, v1alpha1.RotationInPlace,
						v1alpha1.RotationAlternate, v1alpha1.RotationOverlap))
				} else {
					Expect(ids.Status.Capabilities.Strategies).To(ConsistOf(v1alpha1.RotationReplace))
				}
			})

			for kind, change := range map[string]func(*v1alpha1.TrustedApplicationSpec){
				"a service": service, "a web application": interactive(v1alpha1.ClientTypeConfidential),
				"a single-page application": interactive(v1alpha1.ClientTypePublic), "a hybrid application": hybrid,
			} {
				It("of "+kind, func(ctx SpecContext) {
					before := s.clients(ctx)
					app := s.application(change)
					Expect(parts.Admin.Create(ctx, app)).To(Succeed())
					becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
					Expect(app.Status.ClientID).NotTo(BeEmpty())
					if s.chosenID {
						Expect(app.Status.ClientID).To(Equal(app.Spec.ApplicationURI))
					}
					at, found := s.clients(ctx)[app.Status.ClientID]
					Expect(found).To(BeTrue())
					Expect(at.Scope).To(Equal("read"))
					if app.Spec.ClientType == v1alpha1.ClientTypePublic {
						Expect(at.Method).To(Equal("none"))
						Expect(app.Status.Binding).To(BeNil())
					} else {
						secret := published(ctx, app)
						Expect(string(secret.Data["client_id"])).To(Equal(app.Status.ClientID))
						if app.Spec.Service != nil {
							Expect(s.accepted(ctx, secret)).To(Equal(http.StatusOK))
						} else {
							Expect(s.accepted(ctx, secret)).NotTo(Equal(http.StatusOK), "only services get tokens for themselves")
						}
					}

					By("a change")
					edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = "Renamed" })
					becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
					Expect(s.clients(ctx)[app.Status.ClientID].Name).To(Equal("Renamed"))

					By("the end")
					deleted(ctx, app)
					Expect(s.clients(ctx)).To(HaveLen(len(before)))
				})
			}

			It("rotates its credential", func(ctx SpecContext) {
				before := len(s.clients(ctx))
				short := &metav1.Duration{Duration: 4 * time.Second}
				app := s.application(func(spec *v1alpha1.TrustedApplicationSpec) {
					service(spec)
					spec.Credentials = &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{GracePeriod: short, AnnouncePeriod: short}}
				})
				Expect(parts.Admin.Create(ctx, app)).To(Succeed())
				becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
				former := published(ctx, app)
				edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
					metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.RotateAnnotation, "1")
				})
				var now *corev1.Secret
				Eventually(func() string {
					now = published(ctx, app)
					if !s.chosenID && !bytes.Equal(now.Data["client_id"], former.Data["client_id"]) {
						Expect(s.accepted(ctx, former)).To(Equal(http.StatusOK), "both work for the gracePeriod")
					}
					return string(now.Data["client_secret"])
				}).ShouldNot(Equal(string(former.Data["client_secret"])))
				Expect(s.accepted(ctx, now)).To(Equal(http.StatusOK))
				Eventually(func() int { return s.accepted(ctx, former) }).ShouldNot(Equal(http.StatusOK), "the former one ends")
				Eventually(func(g Gomega) {
					g.Expect(parts.Admin.Get(ctx, kube.ObjectKeyFromObject(app), app)).To(Succeed())
					g.Expect(app.Status.Rotation).To(HaveValue(And(HaveField("HandledRotate", "1"), HaveField("Phase", v1alpha1.RotationIdle))))
				}).Should(Succeed())
				Expect(s.clients(ctx)).To(HaveLen(before + 1))
				deleted(ctx, app)
				Expect(s.clients(ctx)).To(HaveLen(before))
			})

			It("can be interrupted", func(ctx SpecContext) {
				app := s.application(service)
				Expect(parts.Admin.Create(ctx, app)).To(Succeed())
				becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
				secret := published(ctx, app)
				edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Enabled = new(false) })
				Eventually(func() int { return s.accepted(ctx, secret) }).ShouldNot(Equal(http.StatusOK))
				edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Enabled = new(true) })
				becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
				Expect(s.accepted(ctx, published(ctx, app))).To(Equal(http.StatusOK))
				deleted(ctx, app)
			})

			It("refuses what the server cannot do, before anything happens", func(ctx SpecContext) {
				before := len(s.clients(ctx))
				strategy := v1alpha1.RotationReplace
				if !s.chosenID {
					strategy = v1alpha1.RotationAlternate
				}
				app := s.application(func(spec *v1alpha1.TrustedApplicationSpec) {
					service(spec)
					spec.Credentials = &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{Strategy: strategy}}
				})
				Expect(parts.Admin.Create(ctx, app)).To(Succeed())
				Expect(becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonUnsupported).Message).To(ContainSubstring("spec.credentials.rotation.strategy"))
				Expect(s.clients(ctx)).To(HaveLen(before))
				deleted(ctx, app)
			})
		})
	}
})
