package importing

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/imports"
	"trustedapps.dev/operator/internal/roster"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/byhand"
	"trustedapps.dev/operator/test/canary"
)

func TestImport(t *testing.T) {
	w := newWorld(t)
	w.seed()
	before := w.registered()
	w.Expect(w.instance.ResetCounts(t.Context())).To(Succeed())

	list := w.list()
	found := w.imported(list)
	w.Expect(w.registered()).To(Equal(before), "nothing changed at the server")
	w.Expect(found).To(Equal(report{Registrations: byhand.Count, Manifests: byhand.Count, Ready: byhand.Count}))
	w.Expect(found.write()).To(Succeed())

	w.nothingLeaks()
	w.changesByHandAreShown("com.example.service/")
	w.endsWithoutATrace("com.example.web/")
	w.adoptsWithItsSecret()
	w.adoptsWithANewSecret()
	w.listExpires()
}

// list asks for the list with the permissions of an administrator, and holds it against what is there.
func (w *world) list() roster.Document {
	w.t.Helper()
	administrator := w.administrator()
	list, err := imports.List(w.t.Context(), administrator, "acme")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(list.Registrations).To(HaveLen(len(w.registered())))
	w.Expect(list.Omitted).To(BeZero())
	w.Expect(list.Server).To(Equal(roster.Server{Name: "acme", SystemUsers: true, UserGroups: true, ReferenceTokens: true}))
	counts, err := w.instance.Counts(w.t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(counts.Requests["GET Systems_Security_Users"]).To(BeZero(), "their logins come with the registrations")
	w.Expect(counts.Writes).To(BeZero())
	var configMaps corev1.ConfigMapList
	w.Expect(apierrors.IsForbidden(administrator.List(w.t.Context(), &configMaps, client.InNamespace(team)))).To(BeTrue(), "it took no more permissions")
	return list
}

// imported writes the manifests, applies them, and waits until all are Ready.
func (w *world) imported(list roster.Document) report {
	w.t.Helper()
	var legacy, manifests, table bytes.Buffer
	summary, err := imports.Write(&legacy, list, imports.Options{Namespace: team, URIPrefix: "legacy."})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(summary).To(And(HaveField("Obstructed", byhand.Obstructed), HaveField("Manifests", 0)), legacy.String())
	whole, err := imports.Write(&table, list, imports.Options{})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(whole.Skipped).To(Equal(1), "the operator's own")

	summary, err = imports.Write(&manifests, list, imports.Options{Namespace: team, URIPrefix: "com.example."})
	w.Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(w.t.TempDir(), "manifests.yaml")
	w.Expect(os.WriteFile(file, append(manifests.Bytes(), legacy.Bytes()...), 0o600)).To(Succeed(), "comments can be applied, too")
	out, err := w.Kubectl(w.t.Context(), "apply", "-f", file)
	w.Expect(err).NotTo(HaveOccurred(), out)
	table.Reset()
	w.Expect(summary.Table(&table)).To(Succeed())
	w.t.Log(table.String())
	w.Expect(w.secrets.Search(canary.Place{Name: "the manifests", Content: manifests.Bytes()}, canary.Place{Name: "the summary", Content: table.Bytes()})).To(BeEmpty())

	w.Eventually(func() (int, error) { return w.ready(v1alpha1.ReasonObserved) }).Should(Equal(byhand.Count))
	looked := w.reads()
	w.sweep("all-of-them")
	w.Eventually(w.reads).Should(BeNumerically(">=", looked+2), "the list, and the registrations that it does not show")
	ready, err := w.ready(v1alpha1.ReasonObserved)
	w.Expect(err).NotTo(HaveOccurred())
	return report{Registrations: summary.Registrations, Manifests: summary.Manifests, Ready: ready, ServerWrites: w.writes()}
}

// nothingLeaks looks for the secrets, and for their hashes, everywhere but in Secrets.
func (w *world) nothingLeaks() {
	w.t.Helper()
	places, err := canary.Etcd(w.t.Context(), w.Plane)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(places).To(ContainElement(HaveField("Name", HaveSuffix("/inventory-acme-1"))), "the list is among them")
	w.Expect(w.secrets.Count()).To(BeNumerically(">", byhand.Count))
	w.Expect(w.secrets.Search(append(places, canary.Place{Name: "the operator's log", Content: []byte(w.log.String())})...)).To(BeEmpty())
}

// changesByHandAreShown changes a registration that is only watched.
func (w *world) changesByHandAreShown(prefix string) {
	w.t.Helper()
	uri := w.first(prefix)
	app, at := w.find(uri), w.registered()[uri]
	w.Expect(w.instance.EditApplication(w.t.Context(), at.ID, map[string]any{"scope": "read"})).To(Succeed())
	w.sweep("changed")
	w.becomes(app, metav1.ConditionFalse, v1alpha1.ReasonAdoptionPending)
	w.Expect(app.Status.Drift).To(Equal([]string{"scopes"}))
	w.Expect(w.instance.EditApplication(w.t.Context(), at.ID, map[string]any{"scope": "read update"})).To(Succeed())
	w.sweep("changed-back")
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"displayName":"`+at.Name+`","scopes":["update","read"]}}`))
	w.Expect(w.Admin.Patch(w.t.Context(), app, patch)).To(Succeed())
	w.becomes(app, metav1.ConditionTrue, v1alpha1.ReasonObserved)
	w.Expect(w.writes()).To(BeZero())
}

// endsWithoutATrace deletes an application whose registration is only watched.
func (w *world) endsWithoutATrace(prefix string) {
	w.t.Helper()
	uri := w.first(prefix)
	app, at := w.find(uri), w.registered()[uri]
	w.Expect(w.Admin.Delete(w.t.Context(), app)).To(Succeed())
	w.Eventually(func() bool {
		return apierrors.IsNotFound(w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(app), app))
	}).Should(BeTrue())
	w.Expect(w.registered()[uri]).To(Equal(at))
	w.Expect(w.writes()).To(BeZero())
}

// adoptsWithItsSecret lets the operator manage a registration whose secret the team supplies.
func (w *world) adoptsWithItsSecret() {
	w.t.Helper()
	uri := w.first("com.example.untidy/")
	app, at := w.find(uri), w.registered()[uri]
	secret := w.secretAt(uri)
	w.Expect(w.Admin.Create(w.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: "from-the-vault", Labels: map[string]string{v1alpha1.AdoptForLabel: app.Name}},
		StringData: map[string]string{"client_secret": secret},
	})).To(Succeed())
	w.enforce(app)
	w.Expect(w.writes()).To(Equal(1), "the mark of the owner")
	after := w.registered()[uri]
	w.Expect(after.ExternalID).NotTo(BeNil())
	at.ExternalID, at.ExternalSystem, at.ObjectVersion = after.ExternalID, after.ExternalSystem, after.ObjectVersion
	w.Expect(after).To(Equal(at), "and nothing else")
	w.Expect(w.published(app).Data).To(HaveKeyWithValue("client_secret", []byte(secret)))
}

// adoptsWithANewSecret lets it manage one whose secret nobody supplies.
func (w *world) adoptsWithANewSecret() {
	w.t.Helper()
	uri := w.first("com.example.basic/")
	app, others := w.find(uri), w.registered()
	w.enforce(app)
	after := w.registered()
	w.Expect(after[uri].BasicAuthenticationAllowed).To(BeFalse(), "as the warning said")
	w.Expect(w.published(app).Data["client_secret"]).NotTo(BeEquivalentTo(w.secretAt(uri)))
	delete(others, uri)
	delete(after, uri)
	w.Expect(after).To(Equal(others), "all others stay as they are")
}

// listExpires stops the operator, lets the hour pass, and starts it again.
func (w *world) listExpires() {
	w.t.Helper()
	page := &corev1.ConfigMap{}
	w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: bed.OperatorNamespace, Name: "inventory-acme-1"}, page)).To(Succeed())
	w.Expect(w.operator.Stop()).To(Succeed())
	page.Annotations[v1alpha1.ExpiresAnnotation] = time.Now().Add(-time.Second).UTC().Format(time.RFC3339)
	w.Expect(w.Admin.Update(w.t.Context(), page)).To(Succeed())
	written, looked := w.writes(), w.reads()
	w.startOperator()
	w.Eventually(func() bool {
		return apierrors.IsNotFound(w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(page), page))
	}).Should(BeTrue())
	w.Eventually(w.reads).Should(BeNumerically(">=", looked+2), "it looks at what it watches")
	w.Expect(w.writes()).To(Equal(written))
}

// first is the client id of the first registration that begins with a prefix.
func (w *world) first(prefix string) string {
	w.t.Helper()
	for _, uri := range slices.Sorted(maps.Keys(w.registered())) {
		if len(uri) > len(prefix) && uri[:len(prefix)] == prefix {
			return uri
		}
	}
	w.t.Fatalf("nothing begins with %s", prefix)
	return ""
}

// secretAt is the secret that was set by hand.
func (w *world) secretAt(uri string) string {
	w.t.Helper()
	var n int
	_, err := fmt.Sscanf(uri[len(uri)-3:], "%d", &n)
	w.Expect(err).NotTo(HaveOccurred())
	return byhand.Secret(n)
}

func (w *world) published(app *v1alpha1.TrustedApplication) *corev1.Secret {
	w.t.Helper()
	w.Expect(app.Status.Binding).NotTo(BeNil())
	secret := &corev1.Secret{}
	w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: team, Name: app.Status.Binding.Name}, secret)).To(Succeed())
	return secret
}
