package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

// appNamespace is that of config/samples.
const appNamespace = "demo"

// kind is one of the four kinds of applications, by its sample.
type kind struct {
	name   string // in the report
	sample string // file in config/samples
	app    string // the TrustedApplication in it
	host   string // of its redirect URIs
}

var kinds = []kind{
	{"service", "service.yaml", "orders", "orders.example.com"},
	{"web", "web.yaml", "shop", "shop.example.com"},
	{"spa", "spa.yaml", "board", "board.example.com"},
	{"hybrid", "hybrid.yaml", "portal", "portal.example.com"},
}

// application is the TrustedApplication of a kind as it is now.
func (k kind) application(ctx context.Context) *v1alpha1.TrustedApplication {
	GinkgoHelper()
	var app v1alpha1.TrustedApplication
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: appNamespace, Name: k.app}, &app)).To(Succeed())
	return &app
}

// applySamples applies the four kinds and waits until they are Ready.
func applySamples(ctx context.Context) {
	GinkgoHelper()
	for _, k := range kinds {
		_, err := kubectl(ctx, "apply", "-f", repository("config/samples/"+k.sample))
		Expect(err).NotTo(HaveOccurred())
	}
	for _, k := range kinds {
		becomesReady(ctx, k.application(ctx))
	}
}

// workload is what runs for an application, by what its status says was published.
func (k kind) workload(app *v1alpha1.TrustedApplication) workload {
	w := workload{name: k.app, hostName: k.host, configMap: app.Status.ConfigMapName, service: app.Spec.Service != nil}
	if app.Status.Binding != nil {
		w.secret = app.Status.Binding.Name
	}
	return w
}

func serviceApp(namespace, name string) *v1alpha1.TrustedApplication {
	return &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: serverName},
			ApplicationURI:    "com.example." + namespace + "/" + name,
			Service:           &v1alpha1.ServiceSpec{SystemUser: "svc.orders"},
			Scopes:            []v1alpha1.Scope{"read"},
		},
	}
}

func ready(app *v1alpha1.TrustedApplication) *metav1.Condition {
	return meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
}

func becomesReady(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		g.Expect(ready(app)).To(HaveValue(And(HaveField("Status", metav1.ConditionTrue), HaveField("ObservedGeneration", app.Generation))))
	}).Should(Succeed())
}

// deleteApp deletes an application and waits until it, its Secret and its registration are gone.
func deleteApp(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	Expect(client.IgnoreNotFound(admin.Delete(ctx, app))).To(Succeed())
	goneWithAll(ctx, app)
}

func goneWithAll(ctx context.Context, app *v1alpha1.TrustedApplication) {
	GinkgoHelper()
	Eventually(func() bool {
		err := admin.Get(ctx, client.ObjectKeyFromObject(app), app)
		return apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
	}).Should(BeTrue(), "%s is still there", app.Name)
	_, ok, err := instance.Application(ctx, app.Spec.ApplicationURI)
	Expect(err).NotTo(HaveOccurred())
	Expect(ok).To(BeFalse(), "the registration of %s is still there", app.Name)
	if app.Status.Binding == nil {
		return
	}
	Eventually(func() bool { // garbage collection
		err := admin.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: app.Status.Binding.Name}, &corev1.Secret{})
		return apierrors.IsNotFound(err)
	}).Should(BeTrue(), "the Secret of %s is still there", app.Name)
}

// state is everything that must survive an upgrade or an uninstall.
type state struct {
	// Secrets are the published ones, by name.
	Secrets map[string]published
	// Registrations are those of the instance, with their versions, by id.
	Registrations map[string]standin.Application
}

// published is what must not change about a published Secret.
type published struct{ uid, resourceVersion, clientID, clientSecret string }

func stateNow(ctx context.Context) state {
	GinkgoHelper()
	s := state{Secrets: map[string]published{}, Registrations: map[string]standin.Application{}}
	var list corev1.SecretList
	Expect(admin.List(ctx, &list, client.InNamespace(appNamespace), client.HasLabels{v1alpha1.ApplicationLabel})).To(Succeed())
	for _, secret := range list.Items {
		s.Secrets[secret.Name] = published{
			uid: string(secret.UID), resourceVersion: secret.ResourceVersion,
			clientID: string(secret.Data["client_id"]), clientSecret: string(secret.Data["client_secret"]),
		}
	}
	all, err := instance.Applications(ctx)
	Expect(err).NotTo(HaveOccurred())
	for _, a := range all {
		s.Registrations[a.ID] = a
	}
	return s
}

// newSecrets counts the published secrets that are others than they were, or are gone.
func newSecrets(before, after state) int {
	n := max(0, len(after.Secrets)-len(before.Secrets))
	for name, was := range before.Secrets {
		if is := after.Secrets[name]; is.clientID != was.clientID || is.clientSecret != was.clientSecret || is.uid != was.uid {
			n++
		}
	}
	return n
}

// unchanged asserts that nothing was written: not one published Secret, not one registration. A failure shows no secret.
func unchanged(before, after state) {
	GinkgoHelper()
	Expect(len(before.Secrets)).To(Equal(3), "published Secrets; the public application has none") //nolint:ginkgolinter // HaveLen would show them
	Expect(slices.Sorted(maps.Keys(after.Secrets))).To(Equal(slices.Sorted(maps.Keys(before.Secrets))))
	Expect(newSecrets(before, after)).To(BeZero(), "published Secrets hold other credentials")
	for name, was := range before.Secrets {
		Expect(after.Secrets[name].resourceVersion).To(Equal(was.resourceVersion), "the Secret %s was written", name)
	}
	Expect(slices.Sorted(maps.Keys(after.Registrations))).To(Equal(slices.Sorted(maps.Keys(before.Registrations))), "registrations came or went")
	for id, was := range before.Registrations {
		Expect(fmt.Sprint(after.Registrations[id].ObjectVersion)).To(Equal(fmt.Sprint(was.ObjectVersion)), "%s was written at the server", was.ApplicationURI)
	}
}

// registered lists what the operator registered: everything but its own trusted application.
func registered(ctx context.Context) []string {
	GinkgoHelper()
	all, err := instance.Applications(ctx)
	Expect(err).NotTo(HaveOccurred())
	var found []string
	for _, a := range all {
		if !strings.HasPrefix(a.ApplicationURI, operatorClientID) {
			found = append(found, a.ApplicationURI)
		}
	}
	return found
}
