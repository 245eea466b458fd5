package gitops

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"

	flux "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// read reads an object as a tool does, without its type.
func read(ctx context.Context, kind, namespace, name string) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	return u, admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, u)
}

// phaseOf is what kstatus and Argo CD's script make of an object on the API server; both editions of kstatus have to agree.
func phaseOf(ctx context.Context, kind, namespace, name string) (phase, error) {
	u, err := read(ctx, kind, namespace, name)
	if err != nil {
		return phase{}, err
	}
	common, err := kstatus.Compute(u)
	if err != nil {
		return phase{}, err
	}
	own, err := flux.Compute(u)
	if err != nil {
		return phase{}, err
	}
	if own.Status.String() != common.Status.String() {
		return phase{}, fmt.Errorf("Flux says %s, kstatus %s", own.Status, common.Status)
	}
	health, _, err := runHealthScript(healthScripts(GinkgoTB())[kind], u.Object)
	return phase{common.Status.String(), health}, err
}

func becomes(ctx context.Context, kind, namespace, name string, want phase) {
	GinkgoHelper()
	Eventually(phaseOf).WithArguments(ctx, kind, namespace, name).Should(Equal(want), "%s %s", kind, name)
}

// apply applies a manifest as kubectl users do.
func apply(manifest string, flags ...string) {
	GinkgoHelper()
	out, err := tryKubectl(manifest, append([]string{"apply", "-f", "-"}, flags...)...)
	Expect(err).NotTo(HaveOccurred(), "%s\n%s", out, manifest)
}

// openNamespace makes the namespace of a team, as config/samples does.
func openNamespace(name string) {
	GinkgoHelper()
	apply(strings.ReplaceAll(sample("namespace.yaml"), "demo", name))
}

// ordersAs is the sample of a service, for a server, a namespace and a system user.
func ordersAs(server, namespace, user string) string {
	GinkgoHelper()
	return strings.NewReplacer("name: acme", "name: "+server, "namespace: demo", "namespace: "+namespace, "svc.orders", user).Replace(sample("service.yaml"))
}

var _ = Describe("the life of an application", Ordered, func() {
	const server, namespace = "life", "life"
	var instance *standin.Instance

	BeforeAll(func(ctx SpecContext) {
		instance = newInstance(ctx, server, operatorSecret, nil)
		openNamespace(namespace)
	})

	It("is read rightly at each turn, and kubectl wait agrees", func(ctx SpecContext) {
		wait := func(timeout string) error {
			out, err := tryKubectl("", "wait", "ta/orders", "-n", namespace, "--for=condition=Ready", "--timeout="+timeout)
			GinkgoWriter.Print(out)
			return err
		}

		By("creating it while no operator runs")
		stopOperator()
		apply(serverSample(server, instance))
		apply(ordersAs(server, namespace, "svc.gone"))
		Consistently(phaseOf, "1s").WithArguments(ctx, "TrustedApplication", namespace, "orders").Should(Equal(moving))
		Expect(phaseOf(ctx, "IdentityServer", "", server)).To(Equal(moving))
		Expect(wait("1s")).NotTo(Succeed())

		By("failing: the system user is not active")
		startOperator(ctx)
		becomes(ctx, "IdentityServer", "", server, good)
		becomes(ctx, "TrustedApplication", namespace, "orders", stalled)
		Expect(wait("1s")).NotTo(Succeed())

		By("repairing it")
		apply(ordersAs(server, namespace, "svc.orders"))
		Expect(wait("60s")).To(Succeed())
		becomes(ctx, "TrustedApplication", namespace, "orders", good)

		By("an edit that stalls")
		apply(ordersAs(server, namespace, "svc.gone"))
		becomes(ctx, "TrustedApplication", namespace, "orders", stalled)
		apply(ordersAs(server, namespace, "svc.orders"))
		Expect(wait("60s")).To(Succeed())
		becomes(ctx, "TrustedApplication", namespace, "orders", good)

		By("disabling it")
		kubectl("patch", "ta", "orders", "-n", namespace, "--type=merge", "-p", `{"spec":{"enabled":false}}`)
		becomes(ctx, "TrustedApplication", namespace, "orders", suspended)
		kubectl("patch", "ta", "orders", "-n", namespace, "--type=merge", "-p", `{"spec":{"enabled":true}}`)
		becomes(ctx, "TrustedApplication", namespace, "orders", good)

		By("an edit during an outage of the server")
		Expect(instance.SetDown(ctx, true)).To(Succeed())
		kubectl("patch", "ta", "orders", "-n", namespace, "--type=merge", "-p", `{"spec":{"displayName":"Renamed"}}`)
		becomes(ctx, "IdentityServer", "", server, moving)
		becomes(ctx, "TrustedApplication", namespace, "orders", moving)
		Expect(wait("1s")).NotTo(Succeed())

		By("deleting it during the outage")
		kubectl("delete", "ta", "orders", "-n", namespace, "--wait=false")
		becomes(ctx, "TrustedApplication", namespace, "orders", leaving)
		kubectl("delete", "ids", server, "--wait=false")
		becomes(ctx, "IdentityServer", "", server, leaving)
		Expect(instance.SetDown(ctx, false)).To(Succeed())
		kubectl("wait", "ta/orders", "-n", namespace, "--for=delete", "--timeout=60s")
		kubectl("wait", "ids/"+server, "--for=delete", "--timeout=60s")
		_, registered, err := instance.Application(ctx, "com.example.orders/sync")
		Expect(err).NotTo(HaveOccurred())
		Expect(registered).To(BeFalse())
		results.Live = true
	})
})

var _ = Describe("the samples", Ordered, func() {
	It("are applied, become Ready, and kubectl diff sees no change then", func(ctx SpecContext) {
		instance := newInstance(ctx, "acme", operatorSecret, nil)
		entries, err := os.ReadDir(repository("config/samples"))
		Expect(err).NotTo(HaveOccurred())
		manifests := map[string]string{}
		for _, e := range entries {
			manifests[e.Name()] = sample(e.Name())
		}
		manifests["identityserver.yaml"] = serverSample("acme", instance)
		for _, file := range []string{"kustomization.yaml", "hydra.yaml", "dynamic-registration.yaml", "fleet.yaml"} { // it only lists others; these are for other servers
			delete(manifests, file)
		}
		Expect(manifests).To(HaveLen(6))
		listed := sample("kustomization.yaml")
		apply(manifests["namespace.yaml"])
		for file, manifest := range manifests {
			apply(manifest)
			if file != "identityserver.yaml" { // the platform team's
				Expect(listed).To(ContainSubstring("- " + file + "\n"))
			}
		}
		kubectl("wait", "ids/acme", "--for=condition=Ready", "--timeout=60s")
		kubectl("wait", "ta", "--all", "-n", "demo", "--for=condition=Ready", "--timeout=60s")
		Expect(strings.Fields(kubectl("get", "ta", "-n", "demo", "-o", "name"))).To(HaveLen(4))
		for file, manifest := range manifests {
			out, err := tryKubectl(manifest, "diff", "-f", "-")
			Expect(err).NotTo(HaveOccurred(), "%s: %s", file, out)
			Expect(out).To(BeEmpty(), file)
			out, err = tryKubectl(manifest, "diff", "--server-side", "--field-manager=another", "-f", "-")
			Expect(err).NotTo(HaveOccurred(), "server-side, %s: %s", file, out)
			results.Samples++
		}

		By("looking for what the operator wrote into a spec")
		for _, name := range []string{"orders", "shop", "board", "portal"} {
			onlyStatusIsTheOperators(ctx, "TrustedApplication", "demo", name, "kubectl-client-side-apply")
		}
		onlyStatusIsTheOperators(ctx, "IdentityServer", "", "acme", "kubectl-client-side-apply")

		By("applying one application by two owners")
		twoOwners(ctx)
		kubectl("delete", "ta", "--all", "-n", "demo")
		kubectl("delete", "ids", "acme")
	})
})

// twoOwners lets two field managers own entries of one list.
func twoOwners(ctx context.Context) {
	GinkgoHelper()
	const head = "apiVersion: trustedapps.dev/v1alpha1\nkind: TrustedApplication\nmetadata: {name: shared, namespace: demo}\nspec:\n"
	with := func(uri string) string { return head + "  interactive:\n    redirectUris: [" + uri + "]\n" }
	// An object of its own: kubectl makes who applies server-side the owner of all that was applied client-side before.
	apply(strings.NewReplacer("name: shop", "name: shared", "example.shop/web", "example.shared/web").Replace(sample("web.yaml")), "--server-side")
	apply(with("https://one.example.com/cb"), "--server-side", "--field-manager=one")
	apply(with("https://two.example.com/cb"), "--server-side", "--field-manager=two")
	uris := func() []string {
		u, err := read(ctx, "TrustedApplication", "demo", "shared")
		Expect(err).NotTo(HaveOccurred())
		found, _, err := unstructured.NestedStringSlice(u.Object, "spec", "interactive", "redirectUris")
		Expect(err).NotTo(HaveOccurred())
		return found
	}
	Expect(uris()).To(ConsistOf("https://one.example.com/cb", "https://two.example.com/cb", "https://shop.example.com/signin-oidc"))
	apply(with("https://one.example.com/other"), "--server-side", "--field-manager=one")
	Expect(uris()).To(ConsistOf("https://one.example.com/other", "https://two.example.com/cb", "https://shop.example.com/signin-oidc"),
		"each replaces its own entry and no other")
	kubectl("wait", "ta/shared", "-n", "demo", "--for=condition=Ready", "--timeout=60s")
}

// onlyStatusIsTheOperators checks who owns the spec of an object: those named, and never the operator.
func onlyStatusIsTheOperators(ctx context.Context, kind, namespace, name string, owners ...string) {
	GinkgoHelper()
	u, err := read(ctx, kind, namespace, name)
	Expect(err).NotTo(HaveOccurred())
	var specs, operators []string
	for _, entry := range u.GetManagedFields() {
		fields := entry.FieldsV1.GetRawString()
		if strings.Contains(fields, `"f:spec"`) {
			specs = append(specs, entry.Manager)
		}
		if entry.Manager == "trustedapp-operator" {
			operators = append(operators, entry.Subresource)
			Expect(fields).NotTo(Or(ContainSubstring(`"f:labels"`), ContainSubstring(`"f:annotations"`)))
		}
	}
	slices.Sort(specs)
	Expect(slices.Compact(specs)).To(ConsistOf(owners), "%s %s: who owns the spec", kind, name)
	Expect(operators).To(ConsistOf("", "status"), "%s %s: the operator owns its finalizer and the status", kind, name)
}
