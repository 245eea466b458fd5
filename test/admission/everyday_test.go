package admission

import (
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/fleet"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/output"
	"trustedapps.dev/operator/internal/roster"
)

// everyday is what the operator does, by its own code where that can be had alone.
var everyday = map[string]func(*cluster){
	"it keeps ledgers":              keepsLedgers,
	"it publishes":                  publishesAndDeletes,
	"it writes status, finalizers":  writesStatusAndFinalizers,
	"it restarts workloads":         restartsWorkloads,
	"it works for sets":             worksForSets,
	"it combines what sets publish": combines,
	"it lists registrations":        listsRegistrations,
}

var record = ledger.Record{
	Next:   &ledger.Credential{ID: "one", Credential: idserver.Credential{ClientID: "com.example.orders/sync", Secret: "s3cret"}},
	Target: "target", Staged: 1,
}

// theApplication is the application as it is.
func (c *cluster) theApplication() *v1alpha1.TrustedApplication {
	c.t.Helper()
	app := application()
	c.Expect(c.admin.Get(c.t.Context(), client.ObjectKeyFromObject(app), app)).To(Succeed())
	return app
}

func keepsLedgers(c *cluster) {
	ctx, app := c.t.Context(), c.theApplication()
	store := &ledger.Store{Writer: c.operator, Live: c.operator, Namespace: own}
	entry := store.Entry(ledger.App{Namespace: app.Namespace, Name: app.Name, UID: app.UID})
	load := func() bool {
		_, exists, err := entry.Load(ctx)
		c.Expect(err).NotTo(HaveOccurred())
		return exists
	}
	c.Expect(load()).To(BeFalse())
	c.Expect(entry.Save(ctx, record)).To(Succeed())
	c.Expect(entry.Save(ctx, record)).To(Succeed())

	kept := &corev1.Secret{ObjectMeta: in(own, ledger.SecretName(app.UID))}
	c.Expect(update(kept, label(nil))(ctx, c.admin)).To(Succeed())
	c.Expect(load()).To(BeTrue())
	c.Expect(entry.Save(ctx, record)).To(Succeed(), "it puts its label back")

	c.Expect(entry.Delete(ctx)).To(Succeed())
	c.Expect(load()).To(BeFalse())
}

func publishesAndDeletes(c *cluster) {
	ctx, app := c.t.Context(), c.theApplication()
	store := &output.Store{Writer: c.operator, Live: c.operator, Metadata: c.operator}
	run := func() *output.Objects { // each knows what it read
		return store.Objects(output.App{
			Namespace: app.Namespace, Name: app.Name, UID: app.UID, ServerName: "acme", SecretName: "credentials", ConfigMapName: "credentials",
		}, idserver.Info{Endpoints: idserver.Endpoints{Issuer: "https://acme.my.erp.net/id"}})
	}
	c.Expect(run().Publish(ctx, record)).To(Succeed())

	for _, o := range []client.Object{secret("credentials", "", nil), configMap("credentials", nil)} {
		c.Expect(update(o, label(nil))(ctx, c.admin)).To(Succeed())
	}
	c.Expect(run().Publish(ctx, record)).To(Succeed(), "it puts its labels back")

	made := secret("credentials", "", nil)
	c.Expect(c.admin.Get(ctx, client.ObjectKeyFromObject(made), made)).To(Succeed())
	c.Expect(made.Labels).To(HaveKeyWithValue(v1alpha1.ManagedByLabel, v1alpha1.ManagedByValue))
	c.Expect(c.admin.Delete(ctx, made)).To(Succeed())
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: demo, Name: made.Name, OwnerReferences: made.OwnerReferences}}
	c.Expect(c.admin.Create(ctx, other)).To(Succeed())
	c.Expect(run().Publish(ctx, record)).To(Succeed(), "it replaces what somebody gave another type")

	c.Expect(run().Unpublish(ctx, record, true)).To(Succeed())
	c.Expect(apierrors.IsNotFound(c.admin.Get(ctx, client.ObjectKeyFromObject(made), made))).To(BeTrue())
}

func writesStatusAndFinalizers(c *cluster) {
	ctx, ids := c.t.Context(), server()
	app := c.theApplication()
	c.Expect(c.operator.Get(ctx, client.ObjectKeyFromObject(ids), ids)).To(Succeed())
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady}
	meta.SetStatusCondition(&app.Status.Conditions, ready)
	c.Expect(c.operator.Status().Update(ctx, app)).To(Succeed())
	meta.SetStatusCondition(&ids.Status.Conditions, ready)
	c.Expect(c.operator.Status().Update(ctx, ids)).To(Succeed())

	for _, o := range []struct {
		client.Object
		finalizer string
	}{{app, v1alpha1.Finalizer}, {ids, v1alpha1.ServerFinalizer}} {
		for _, change := range []func(client.Object, string) bool{controllerutil.AddFinalizer, controllerutil.RemoveFinalizer} {
			before, ok := o.DeepCopyObject().(client.Object)
			c.Expect(ok && change(o.Object, o.finalizer)).To(BeTrue())
			c.Expect(c.operator.Patch(ctx, o.Object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))).To(Succeed())
		}
	}
}

func restartsWorkloads(c *cluster) {
	for _, credential := range []string{"one", "two"} {
		change := `{"spec":{"template":{"metadata":{"annotations":{
			"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z","` + v1alpha1.CredentialAnnotation + `":"` + credential + `"}}}}}`
		for _, workload := range []client.Object{deployment(), statefulSet(), daemonSet()} {
			c.Expect(patch(workload, change)(c.t.Context(), c.operator)).To(Succeed())
		}
	}
}

// listsRegistrations: a list is a ConfigMap with the label of its own, which goes again.
func listsRegistrations(c *cluster) {
	ctx := c.t.Context()
	page := &corev1.ConfigMap{ObjectMeta: in(own, "inventory-acme-1"), Data: map[string]string{roster.Key: "{}"}}
	page.Labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.InventoryLabel: "acme"}
	c.Expect(c.operator.Create(ctx, page)).To(Succeed())
	c.Expect(c.operator.Delete(ctx, page, client.Preconditions{UID: &page.UID})).To(Succeed())
}

func worksForSets(c *cluster) {
	ctx := c.t.Context()
	var set v1alpha1.TrustedApplicationSet
	c.Expect(c.admin.Get(ctx, client.ObjectKeyFromObject(theSet()), &set)).To(Succeed())
	app, err := fleet.Render(&set, &v1alpha1.IdentityServer{ObjectMeta: in("", "globex")})
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(c.operator.Create(ctx, app)).To(Succeed())

	next := app.DeepCopy()
	next.Labels["team"], next.Spec.DisplayName = "crm", "CRM"
	c.Expect(c.operator.Patch(ctx, next, client.MergeFromWithOptions(app, client.MergeFromWithOptimisticLock{}))).To(Succeed())
	c.Expect(c.operator.Delete(ctx, next, client.Preconditions{UID: &next.UID})).To(Succeed())

	set.Status.Instances = "0/1"
	c.Expect(c.operator.Status().Update(ctx, &set)).To(Succeed())
}

func combines(c *cluster) {
	ctx := c.t.Context()
	var set v1alpha1.TrustedApplicationSet
	c.Expect(c.admin.Get(ctx, client.ObjectKeyFromObject(theSet()), &set)).To(Succeed())
	app := c.theApplication()
	store := &output.Store{Writer: c.operator, Live: c.operator, Metadata: c.operator}
	published := store.Objects(output.App{Namespace: app.Namespace, Name: app.Name, UID: app.UID, ServerName: "acme", SecretName: "of-acme"},
		idserver.Info{Endpoints: idserver.Endpoints{Issuer: "https://acme.my.erp.net/id"}})
	c.Expect(published.Publish(ctx, record)).To(Succeed())

	combination := output.Combination{
		Set:     output.Set{Namespace: demo, Name: set.Name, UID: set.UID, SecretName: "all"},
		Sources: []output.Source{{Server: "acme", Secret: "of-acme", Owner: app.UID, Version: published.Versions()["Secret/of-acme"]}},
	}
	combine := func() output.Combined {
		made, err := store.Combine(ctx, combination)
		c.Expect(err).NotTo(HaveOccurred())
		return made
	}
	c.Expect(combine().Servers).To(Equal([]string{"acme"}))
	all := secret("all", "", nil)
	c.Expect(update(all, label(nil))(ctx, c.admin)).To(Succeed())
	c.Expect(combine().Wrote).To(BeTrue(), "it puts its label back")

	c.Expect(c.admin.Get(ctx, client.ObjectKeyFromObject(all), all)).To(Succeed())
	combination.Seen = []metav1.PartialObjectMetadata{{ObjectMeta: all.ObjectMeta}}
	combination.Set.SecretName = "others"
	c.Expect(combine().Name).To(Equal("others"), "it deletes the former one")
	c.Expect(c.admin.Get(ctx, client.ObjectKeyFromObject(all), all)).To(Satisfy(apierrors.IsNotFound))
}
