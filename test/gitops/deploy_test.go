package gitops

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// kustomization is what Flux says of a step.
type kustomization struct {
	Spec   struct{ Suspend bool }
	Status struct {
		LastAppliedRevision, LastAttemptedRevision string
		ObservedGeneration                         int64
		Conditions                                 []metav1.Condition
	}
}

func readKustomization(ctx context.Context, name string) (ready metav1.Condition, k kustomization, err error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: "Kustomization"})
	if err := admin.Get(ctx, client.ObjectKey{Namespace: "flux-system", Name: name}, u); err != nil {
		return ready, k, err
	}
	text, err := json.Marshal(u.Object)
	if err != nil {
		return ready, k, err
	}
	err = json.Unmarshal(text, &k)
	for _, c := range k.Status.Conditions {
		if c.Type == "Ready" {
			ready = c
		}
	}
	return ready, k, err
}

// green waits until a step says that a commit is deployed and healthy.
func green(ctx context.Context, name, commit string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		ready, k, err := readKustomization(ctx, name)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(k.Status.LastAppliedRevision).To(HaveSuffix(commit), "%s %s", ready.Reason, ready.Message)
		g.Expect(ready.Status).To(Equal(metav1.ConditionTrue), "%s %s", ready.Reason, ready.Message)
	}).Should(Succeed())
}

// red waits until Flux has told of a failed health check of a commit, and sees that the step is not green for it. The event is asked for,
// because the condition may last but a moment before Flux tries again.
func red(ctx context.Context, name, commit string) string {
	GinkgoHelper()
	var told string
	Eventually(func(g Gomega) {
		ready, k, err := readKustomization(ctx, name)
		g.Expect(err).NotTo(HaveOccurred())
		if strings.HasSuffix(k.Status.LastAppliedRevision, commit) && ready.Status == metav1.ConditionTrue {
			StopTrying("green for " + commit).Now()
		}
		var events corev1.EventList
		g.Expect(admin.List(ctx, &events, client.InNamespace("flux-system"))).To(Succeed())
		for i := range events.Items {
			e := &events.Items[i]
			about := e.InvolvedObject.Name == name && e.Reason == "HealthCheckFailed"
			if about && slices.ContainsFunc(slices.Collect(maps.Values(e.Annotations)), func(v string) bool { return strings.HasSuffix(v, commit) }) {
				told = e.Message
			}
		}
		g.Expect(told).NotTo(BeEmpty(), "%s %s", ready.Reason, ready.Message)
	}).Should(Succeed())
	return told
}

var _ = Describe("Flux", func() {
	It("deploys from Git, is green only when the credentials work, and prunes", func(ctx SpecContext) {
		began := time.Now()
		const server, namespace, uri = "flux", "flux-team", "com.example.orders/sync"
		instance := newInstance(ctx, server, "not the secret of the operator", map[string]any{"serviceNeedsInternalImpersonation": true})
		repository := newGitRepository()
		startFlux(ctx)
		apply(fluxManifests(repository.url))

		By("pushing a server whose operator login is wrong")
		commit := repository.push("A server and an application", map[string]string{
			"platform/identityserver.yaml": serverSample(server, instance),
			"apps/namespace.yaml":          strings.ReplaceAll(sample("namespace.yaml"), "demo", namespace),
			"apps/orders.yaml":             ordersAs(server, namespace, "svc.gone"),
		})
		Expect(red(ctx, "identity-servers", commit)).To(ContainSubstring("IdentityServer/" + server))
		show()
		waiting, k, err := readKustomization(ctx, "applications")
		Expect(err).NotTo(HaveOccurred())
		Expect(waiting.Reason).To(Equal("DependencyNotReady"))
		Expect(k.Status.LastAppliedRevision).To(BeEmpty())

		By("mending the login: the application comes, and its system user is not active")
		var login corev1.Secret
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: server + "-operator"}, &login)).To(Succeed())
		login.Data["client_secret"] = []byte(operatorSecret)
		Expect(admin.Update(ctx, &login)).To(Succeed())
		green(ctx, "identity-servers", commit)
		Expect(red(ctx, "applications", commit)).To(ContainSubstring("TrustedApplication/" + namespace + "/orders"))
		becomes(ctx, "TrustedApplication", namespace, "orders", stalled)
		show()
		noSecret(ctx, namespace)

		By("pushing a system user that is active, and whose credentials this version of the server refuses")
		commit = repository.push("Another system user", map[string]string{"apps/orders.yaml": ordersAs(server, namespace, "svc.portal")})
		red(ctx, "applications", commit)
		becomes(ctx, "TrustedApplication", namespace, "orders", moving)
		kubectl("wait", "ta/orders", "-n", namespace, "--for=jsonpath={.status.conditions[?(@.type=='Ready')].reason}=VerificationFailed", "--timeout=60s")
		_, registered, err := instance.Application(ctx, uri)
		Expect(err).NotTo(HaveOccurred())
		Expect(registered).To(BeTrue(), "it is registered, and still not green")
		noSecret(ctx, namespace)

		By("pushing one whose credentials work")
		commit = repository.push("A system user of its own", map[string]string{"apps/orders.yaml": ordersAs(server, namespace, "svc.orders")})
		green(ctx, "applications", commit)
		show()
		var secret corev1.Secret
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "orders-credentials"}, &secret)).To(Succeed())
		Expect(tokenStatus(ctx, &secret)).To(Equal(http.StatusOK))
		onlyStatusIsTheOperators(ctx, "TrustedApplication", namespace, "orders", "kustomize-controller")
		onlyStatusIsTheOperators(ctx, "IdentityServer", "", server, "kustomize-controller")

		By("removing the file of the application")
		commit = repository.push("No orders any more", map[string]string{"apps/orders.yaml": ""})
		green(ctx, "applications", commit)
		Eventually(func(g Gomega) {
			_, err := read(ctx, "TrustedApplication", namespace, "orders")
			g.Expect(err).To(Satisfy(apierrors.IsNotFound))
			_, registered, err := instance.Application(ctx, uri)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(registered).To(BeFalse(), "the registration ended with the file")
		}).Should(Succeed())
		noSecret(ctx, namespace)
		show()

		By("ending all of it at once, the server and its applications")
		apply(fluxManifests(repository.url) + documentedExpressions())
		commit = repository.push("Orders again", map[string]string{"apps/orders.yaml": ordersAs(server, namespace, "svc.orders")})
		green(ctx, "applications", commit)
		kubectl("delete", "kustomizations.kustomize.toolkit.fluxcd.io", "--all", "-n", "flux-system", "--timeout=60s")
		Eventually(func(g Gomega) {
			_, err := read(ctx, "IdentityServer", "", server)
			g.Expect(err).To(Satisfy(apierrors.IsNotFound))
			_, registered, err := instance.Application(ctx, uri)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(registered).To(BeFalse())
		}).Should(Succeed())
		results.Flux, results.FluxSeconds = true, time.Since(began).Round(time.Second).Seconds()
	})
})

// show prints what a person would look at.
func show() {
	GinkgoHelper()
	for _, what := range []string{"kustomizations.kustomize.toolkit.fluxcd.io", "ids", "ta"} {
		GinkgoWriter.Printf("$ kubectl get %s -A\n%s\n", what, kubectl("get", what, "-A"))
	}
}

// noSecret sees that nothing is published.
func noSecret(ctx context.Context, namespace string) {
	GinkgoHelper()
	Eventually(func() error {
		return admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "orders-credentials"}, &corev1.Secret{})
	}).Should(Satisfy(apierrors.IsNotFound))
}

// tokenStatus asks for a token as a workload does that mounted the Secret.
func tokenStatus(ctx context.Context, secret *corev1.Secret) int {
	GinkgoHelper()
	pool := x509.NewCertPool()
	Expect(pool.AppendCertsFromPEM(servers.CA)).To(BeTrue())
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}, Timeout: longEnough}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {string(secret.Data["client_id"])}, "client_secret": {string(secret.Data["client_secret"])},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, string(secret.Data["token_endpoint"]), strings.NewReader(form.Encode()))
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := web.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(response.Body.Close()).To(Succeed()) }()
	defer web.CloseIdleConnections()
	return response.StatusCode
}
