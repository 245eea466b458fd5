package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

// world is what one spec works in: an instance of its own, the IdentityServer for it, and a namespace.
type world struct {
	instance  *standin.Instance
	server    *v1alpha1.IdentityServer
	namespace string
	secrets   []string // values that must never leak
}

func newWorld(ctx context.Context, change ...func(*standin.Spec)) *world {
	GinkgoHelper()
	n := serial.Add(1)
	w := &world{namespace: fmt.Sprintf("team-%d", n)}
	spec := bed.Spec(fmt.Sprintf("acme-%d", n))
	spec.Users = append(spec.Users,
		standin.User{Login: "svc.portal", Active: true, UserType: "InternalUser"},
		standin.User{Login: "svc.boss", Active: true, IsAdmin: true, UserType: "InternalUser"},
		standin.User{Login: "svc.gone", Active: false, UserType: "InternalUser"})
	for _, c := range change {
		c(&spec)
	}
	Expect(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}})).To(Succeed())
	var err error
	w.instance, err = parts.Instance(ctx, spec)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) { Expect(w.instance.Close(ctx)).To(Succeed()) })
	w.server = &v1alpha1.IdentityServer{}
	Expect(admin.Get(ctx, client.ObjectKey{Name: spec.Name}, w.server)).To(Succeed())
	DeferCleanup(w.end)
	return w
}

// again is the IdentityServer of this world, to create once more.
func (w *world) again() *v1alpha1.IdentityServer {
	return &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: w.server.Name}, Spec: w.server.Spec}
}

// end deletes what the spec made, so that no other spec is disturbed.
func (w *world) end(ctx SpecContext) {
	Expect(w.instance.SetDown(ctx, true)).To(Succeed()) // ends calls that hang
	unpaused := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":null}}`))
	Expect(client.IgnoreNotFound(admin.Patch(ctx, w.server, unpaused))).To(Succeed())
	var apps v1alpha1.TrustedApplicationList
	Expect(admin.List(ctx, &apps, client.InNamespace(w.namespace))).To(Succeed())
	for i := range apps.Items {
		app := &apps.Items[i]
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.DeletionPolicy, a.Annotations = v1alpha1.DeletionOrphan, nil
		})
		Expect(client.IgnoreNotFound(admin.Delete(ctx, app))).To(Succeed())
	}
	Eventually(func(g Gomega) {
		g.Expect(admin.List(ctx, &apps, client.InNamespace(w.namespace))).To(Succeed())
		g.Expect(apps.Items).To(BeEmpty())
	}).Should(Succeed())
	Expect(admin.Delete(ctx, w.server)).To(Succeed())
}

// serverReady waits for the IdentityServer.
func (w *world) serverReady(ctx context.Context) {
	GinkgoHelper()
	w.serverBecomes(ctx, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

func (w *world) serverBecomes(ctx context.Context, status metav1.ConditionStatus, reason string) *metav1.Condition {
	GinkgoHelper()
	var ready *metav1.Condition
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
		ready = meta.FindStatusCondition(w.server.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(*ready).To(And(HaveField("Status", status), HaveField("Reason", reason)))
	}).Should(Succeed())
	return ready
}

// app makes a TrustedApplication of this world.
func (w *world) app(name string, spec v1alpha1.TrustedApplicationSpec) *v1alpha1.TrustedApplication {
	spec.IdentityServerRef.Name = w.server.Name
	if spec.ApplicationURI == "" {
		spec.ApplicationURI = "com.example." + w.namespace + "/" + name
	}
	return &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, Spec: spec}
}

func serviceSpec() v1alpha1.TrustedApplicationSpec {
	return v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"}}
}

func interactiveSpec(kind v1alpha1.ClientType) v1alpha1.TrustedApplicationSpec {
	return v1alpha1.TrustedApplicationSpec{
		ClientType: kind, Scopes: []v1alpha1.Scope{"read"},
		Interactive: &v1alpha1.InteractiveSpec{
			RedirectURIs:           []v1alpha1.RedirectURI{"https://app.example.com/callback"},
			PostLogoutRedirectURIs: []v1alpha1.RedirectURI{"https://app.example.com/"},
		},
	}
}

func hybridSpec() v1alpha1.TrustedApplicationSpec {
	spec := interactiveSpec(v1alpha1.ClientTypeConfidential)
	spec.Service = &v1alpha1.ServiceSpec{SystemUser: "svc.portal"}
	return spec
}

// create applies an application and waits until it is Ready.
func (w *world) create(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	Expect(admin.Create(ctx, app)).To(Succeed())
	w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

// edit changes an application as it is now.
func edit(ctx context.Context, app *v1alpha1.TrustedApplication, change func(*v1alpha1.TrustedApplication)) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		change(app)
		g.Expect(admin.Update(ctx, app)).To(Succeed())
	}).Should(Succeed())
}

// becomes waits until the Ready condition of this generation is as said, and returns it.
func (w *world) becomes(ctx context.Context, app *v1alpha1.TrustedApplication, status metav1.ConditionStatus, reason string) *metav1.Condition {
	GinkgoHelper()
	var ready *metav1.Condition
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		ready = meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(*ready).To(And(HaveField("Status", status), HaveField("Reason", reason), HaveField("ObservedGeneration", app.Generation)))
	}).Should(Succeed(), func() string { return w.explain(ctx) })
	if secret := w.secret(ctx, app.Status.Binding); secret != nil {
		w.secrets = append(w.secrets, string(secret.Data["client_secret"]))
		canaries.Plant("a credential", string(secret.Data["client_secret"]))
	}
	return ready
}

// explain tells what the server was asked, for a failure.
func (w *world) explain(ctx context.Context) string {
	requests, err := w.instance.Requests(ctx)
	var b strings.Builder
	fmt.Fprintf(&b, "requests at the instance (%v):\n", err)
	for _, r := range requests[max(0, len(requests)-25):] {
		fmt.Fprintf(&b, "  %s %s %d\n", r.Method, r.Path, r.Status)
	}
	lines := strings.Split(logs.String(), "\n")
	return b.String() + "log:\n" + strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// secret reads the published Secret; nil where there is none.
func (w *world) secret(ctx context.Context, ref *v1alpha1.BindingReference) *corev1.Secret {
	GinkgoHelper()
	if ref == nil {
		return nil
	}
	var secret corev1.Secret
	err := admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: ref.Name}, &secret)
	if err != nil {
		Expect(client.IgnoreNotFound(err)).To(Succeed())
		return nil
	}
	return &secret
}

// configMap reads a ConfigMap.
func (w *world) configMap(ctx context.Context, name string) *corev1.ConfigMap {
	GinkgoHelper()
	var configMap corev1.ConfigMap
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, &configMap)).To(Succeed())
	return &configMap
}

// registration reads what the instance holds for an application; ok is false where it holds nothing.
func (w *world) registration(ctx context.Context, app *v1alpha1.TrustedApplication) (standin.Application, bool) {
	GinkgoHelper()
	found, ok, err := w.instance.Application(ctx, app.Spec.ApplicationURI)
	Expect(err).NotTo(HaveOccurred())
	return found, ok
}

// ledgerOf is the Secret that holds the ledger of an application.
func ledgerOf(app *v1alpha1.TrustedApplication) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: bed.OperatorNamespace, Name: "ta-" + string(app.UID)}}
}

// must is the first of two results, where the second is true.
func must[T any](value T, ok bool) T {
	GinkgoHelper()
	Expect(ok).To(BeTrue())
	return value
}

// answer is one of the token endpoint or the Domain API.
type answer struct {
	Status int
	Body   map[string]any
}

// token asks the token endpoint as a workload does that mounted the Secret.
func token(ctx context.Context, secret *corev1.Secret, more url.Values) answer {
	GinkgoHelper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {string(secret.Data["client_id"])}, "client_secret": {string(secret.Data["client_secret"])},
	}
	for k, v := range more {
		form[k] = v
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, string(secret.Data["token_endpoint"]), strings.NewReader(form.Encode()))
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(request)
}

// read reads business data with an access token.
func read(ctx context.Context, secret *corev1.Secret, access string) answer {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, string(secret.Data["api_url"])+"Crm_Customers?$top=2", http.NoBody)
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Authorization", "Bearer "+access)
	return do(request)
}

func do(request *http.Request) answer {
	GinkgoHelper()
	response, err := parts.Browser(longEnough).Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(response.Body.Close()).To(Succeed()) }()
	a := answer{Status: response.StatusCode}
	Expect(json.NewDecoder(response.Body).Decode(&a.Body)).To(Succeed())
	return a
}

// works asserts that the published Secret gets a token that an API of the instance accepts.
func works(ctx context.Context, secret *corev1.Secret) {
	GinkgoHelper()
	got := token(ctx, secret, nil)
	Expect(got.Status).To(Equal(http.StatusOK), "%v", got.Body["error"])
	data := read(ctx, secret, got.Body["access_token"].(string))
	Expect(data.Status).To(Equal(http.StatusOK), "%v", data.Body)
	Expect(data.Body["value"]).NotTo(BeEmpty())
}
