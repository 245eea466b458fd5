package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

func wrongOrderSpecs() {
	It("ends an application that was deleted while it was not installed, once it is again", func(ctx SpecContext) {
		app := serviceApp(appNamespace, "late")
		Expect(admin.Create(ctx, app)).To(Succeed())
		becomesReady(ctx, app)
		progress("uninstalling, then deleting an application")
		uninstall(ctx)
		Expect(admin.Delete(ctx, app)).To(Succeed())
		waits(ctx, app)
		progress("installing again")
		install(ctx, present(), appNamespace)
		goneWithAll(ctx, app)
	})

	It("remembers anew what was lost with its namespace, and nobody notices", func(ctx SpecContext) {
		before, noticed, there := stateNow(ctx), tokensOf(ctx), registered(ctx)
		progress("deleting the operator's namespace with live applications")
		_, err := kubectl(ctx, "delete", "namespace", operatorNamespace, "--timeout=90s")
		Expect(err).NotTo(HaveOccurred())
		Expect(machine.settle(ctx)).To(Succeed())
		unchanged(before, stateNow(ctx))
		progress("installing again")
		prepareOperatorNamespace(ctx)
		install(ctx, present(), appNamespace)
		Eventually(ledgers).WithContext(ctx).Should(HaveLen(len(kinds)), "all is remembered again")
		for _, k := range kinds {
			becomesReady(ctx, k.application(ctx))
		}
		nobodyNoticed(ctx, noticed)
		Expect(newSecrets(before, stateNow(ctx))).To(BeZero())
		Expect(registered(ctx)).To(ConsistOf(there))
	})

	It("ends all registrations when the CustomResourceDefinitions are deleted with live applications", func(ctx SpecContext) {
		var apps []*v1alpha1.TrustedApplication
		for _, k := range kinds {
			apps = append(apps, k.application(ctx))
		}
		progress("deleting the CustomResourceDefinitions with live applications")
		_, err := kubectl(ctx, append([]string{"delete", "crd", "--timeout=90s"}, crds...)...)
		Expect(err).NotTo(HaveOccurred())
		for _, app := range apps {
			goneWithAll(ctx, app)
		}
		Expect(registered(ctx)).To(BeEmpty())
		Expect(ledgers(ctx)).To(BeEmpty())
		restoreDefinitions(ctx)
		applySamples(ctx)
	})

	It("keeps applications, and says so, when CustomResourceDefinitions are deleted while it is not installed", func(ctx SpecContext) {
		progress("uninstalling, then deleting the CustomResourceDefinitions")
		uninstall(ctx)
		_, err := kubectl(ctx, append([]string{"delete", "crd", "--wait=false"}, crds...)...)
		Expect(err).NotTo(HaveOccurred())
		waits(ctx, kinds[0].application(ctx))
		_, err = kubectl(ctx, "wait", "--for=condition=Terminating", "--timeout=30s", "crd", crds[0])
		Expect(err).NotTo(HaveOccurred())
		said, err := kubectl(ctx, "get", "crd", crds[0], "-o", `jsonpath={.status.conditions[?(@.type=="Terminating")].message}`)
		Expect(err).NotTo(HaveOccurred())
		_, _ = fmt.Fprintln(GinkgoWriter, said)
		Expect(said).To(ContainSubstring("CustomResource deletion is in progress"))
		Expect(registered(ctx)).To(HaveLen(len(kinds)), "nothing was lost")
		progress("installing again ends them")
		install(ctx, present(), appNamespace)
		_, err = kubectl(ctx, append([]string{"wait", "--for=delete", "--timeout=90s", "crd"}, crds...)...)
		Expect(err).NotTo(HaveOccurred())
		Eventually(registered).WithContext(ctx).Should(BeEmpty())
		restoreDefinitions(ctx)
		applySamples(ctx)
	})
}

// restoreDefinitions brings the CustomResourceDefinitions back as the documentation says: Helm alone cannot, because it looks up the
// kinds of the IdentityServers in its release before it installs anything.
func restoreDefinitions(ctx context.Context) {
	GinkgoHelper()
	progress("bringing the CustomResourceDefinitions back")
	_, err := helm(ctx, "upgrade", "--install", release, present().chart, "--reuse-values")
	Expect(err).To(MatchError(ContainSubstring("ensure CRDs are installed first")), "docs/operations.md says so")
	rendered, err := helm(ctx, "template", release, present().chart, "--show-only=templates/crds.yaml")
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(GinkgoT().TempDir(), "crds.yaml")
	Expect(os.WriteFile(file, []byte(rendered), 0o600)).To(Succeed())
	_, err = kubectl(ctx, "apply", "--server-side", "-f", file)
	Expect(err).NotTo(HaveOccurred())
	_, err = kubectl(ctx, append([]string{"wait", "--for=condition=Established", "--timeout=90s", "crd"}, crds...)...)
	Expect(err).NotTo(HaveOccurred())
	install(ctx, present(), appNamespace)
}

// waits asserts that a deleted application is still there, visibly for its finalizer, with its Secret and its registration.
func waits(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		g.Expect(app.DeletionTimestamp).NotTo(BeNil())
	}).Should(Succeed())
	Expect(app.Finalizers).To(ContainElement(v1alpha1.Finalizer))
	_, ok, err := instance.Application(ctx, app.Spec.ApplicationURI)
	Expect(err).NotTo(HaveOccurred())
	Expect(ok).To(BeTrue(), "the registration is still there")
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: app.Status.Binding.Name}, &corev1.Secret{})).To(Succeed())
}
