package imports

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/roster"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	erp   = roster.Server{Name: "acme", SystemUsers: true, UserGroups: true, ReferenceTokens: true}
	hydra = roster.Server{Name: "hydra"}
	then  = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
)

func service() roster.Entry {
	return roster.Entry{
		ClientID: "com.example.orders/sync", HasSecret: true,
		Registration: idserver.Registration{DisplayName: "Order sync", Enabled: true, Service: true, SystemUser: "svc.orders", Scopes: []string{"read", "update"}}.Normalize(),
	}
}

func web() roster.Entry {
	return roster.Entry{
		ClientID: "com.example.shop/web", HasSecret: true,
		Registration: idserver.Registration{
			DisplayName: "Shop", Enabled: true, InternalUsers: true, CommunityUsers: true, RedirectURIs: []string{"https://shop.example.com/cb"},
			PostLogoutRedirectURIs: []string{"https://shop.example.com/"}, Scopes: []string{"read"}, ReferenceTokens: "AdministratorsOnly",
		}.Normalize(),
	}
}

func spa() roster.Entry {
	e := web()
	e.ClientID, e.Public, e.HasSecret, e.CommunityUsers = "com.example.shop/spa", true, false, false
	e.RedirectURIs = []string{"http://127.0.0.1/cb", "com.example.shop:/cb"}
	return e
}

func hybrid() roster.Entry {
	e := web()
	e.ClientID, e.Service, e.SystemUser = "com.example.portal", true, "svc.portal"
	return e
}

// edited is an entry with a change.
func edited(e roster.Entry, change func(*roster.Entry)) roster.Entry {
	change(&e)
	return e
}

func TestEveryKindIsToldAsItIs(t *testing.T) {
	for name, e := range map[string]roster.Entry{
		"service": service(), "web": web(), "spa": spa(), "hybrid": hybrid(),
		"disabled":                  edited(service(), func(e *roster.Entry) { e.Enabled = false }),
		"impersonating":             edited(service(), func(e *roster.Entry) { e.InternalUsers = true }),
		"community":                 edited(web(), func(e *roster.Entry) { e.InternalUsers = false }),
		"without scopes":            edited(web(), func(e *roster.Entry) { e.Scopes = nil }),
		"of an administrator":       edited(service(), func(e *roster.Entry) { e.AdminUser = true }),
		"with Basic authentication": edited(service(), func(e *roster.Entry) { e.BasicAuthentication = true }),
	} {
		m := For(erp, e, "orders", "sync")
		g := NewWithT(t)
		g.Expect(m.Obstacle).To(BeEmpty(), name)
		g.Expect(m.Application.Spec).To(And(HaveField("AdoptionPolicy", v1alpha1.AdoptIfUnowned), HaveField("DriftPolicy", v1alpha1.DriftObserve),
			HaveField("DeletionPolicy", v1alpha1.DeletionOrphan)), name)
	}
	for name, e := range map[string]roster.Entry{
		"service": {ClientID: "s", HasSecret: true, Registration: idserver.Registration{DisplayName: "S", Enabled: true, Service: true}.Normalize()},
		"with a key": {ClientID: "k", Registration: idserver.Registration{
			DisplayName: "K", Enabled: true, PrivateKey: true, RedirectURIs: []string{"https://k.example.com/cb"}}.Normalize()},
	} {
		NewWithT(t).Expect(For(hydra, e, "orders", "sync").Obstacle).To(BeEmpty(), name)
	}
}

func TestObstacles(t *testing.T) {
	for text, e := range map[string]roster.Entry{
		"operator's own":            edited(service(), func(e *roster.Entry) { e.Operator = true }),
		"another cluster":           edited(service(), func(e *roster.Entry) { e.Owner = &roster.Owner{Elsewhere: true} }),
		"shop/orders, which lives":  edited(service(), func(e *roster.Entry) { e.Owner = &roster.Owner{Namespace: "shop", Name: "orders", Lives: true} }),
		"which is gone":             edited(service(), func(e *roster.Entry) { e.Owner = &roster.Owner{Namespace: "shop", Name: "orders"} }),
		"client type is None":       edited(service(), func(e *roster.Entry) { e.NoteOnly = true }),
		"Public and has a service":  edited(hybrid(), func(e *roster.Entry) { e.Public = true }),
		"neither redirect URIs":     edited(service(), func(e *roster.Entry) { e.Service, e.SystemUser = false, "" }),
		"printable ASCII":           edited(service(), func(e *roster.Entry) { e.ClientID = "with space" }),
		"has an @":                  edited(service(), func(e *roster.Entry) { e.ClientID = "anna@example.com" }),
		"login of its system user":  edited(service(), func(e *roster.Entry) { e.ClientID = "SVC.orders" }),
		"neither internal":          edited(web(), func(e *roster.Entry) { e.InternalUsers, e.CommunityUsers = false, false }),
		"has no system user":        edited(service(), func(e *roster.Entry) { e.SystemUser = "" }),
		`"http://shop/cb" is not h`: edited(web(), func(e *roster.Entry) { e.RedirectURIs = []string{"http://shop/cb"} }),
		"Public native":             edited(web(), func(e *roster.Entry) { e.RedirectURIs = []string{"http://127.0.0.1/cb"} }),
		"compared exactly":          edited(web(), func(e *roster.Entry) { e.RedirectURIs = []string{"https://*.example.com/"} }),
		"too many redirect URIs":    edited(web(), func(e *roster.Entry) { e.RedirectURIs = []string{"https://a/" + strings.Repeat("a", 500)} }),
		"DomainApi":                 edited(service(), func(e *roster.Entry) { e.Scopes = []string{"DomainApi"} }),
		"is not a scope":            edited(service(), func(e *roster.Entry) { e.Scopes = []string{`a"b`} }),
		"offline_access, which":     edited(service(), func(e *roster.Entry) { e.Scopes = []string{"offline_access"} }),
		"its name is empty":         edited(service(), func(e *roster.Entry) { e.DisplayName = " two\nlines" }),
		"not a policy":              edited(service(), func(e *roster.Entry) { e.ReferenceTokens = "Everybody" }),
		"would change users":        edited(service(), func(e *roster.Entry) { e.CommunityUsers = true }),
		"would change systemUser":   edited(web(), func(e *roster.Entry) { e.SystemUser = "svc.left" }),
		"would change grantTypes":   edited(web(), func(e *roster.Entry) { e.Beyond = []string{"grantTypes"} }),
		"would change postLogout":   edited(service(), func(e *roster.Entry) { e.PostLogoutRedirectURIs = []string{"https://a.example.com/"} }),
	} {
		NewWithT(t).Expect(For(erp, e, "orders", "sync").Obstacle).To(ContainSubstring(text))
	}
}

func TestWarnings(t *testing.T) {
	for text, e := range map[string]roster.Entry{
		"Basic authentication":     edited(service(), func(e *roster.Entry) { e.BasicAuthentication = true }),
		"the scope sec":            edited(service(), func(e *roster.Entry) { e.Scopes = []string{"sec"} }),
		"is an administrator":      edited(service(), func(e *roster.Entry) { e.AdminUser = true }),
		"is not https":             spa(),
		"it is disabled":           edited(service(), func(e *roster.Entry) { e.Enabled = false }),
		"it has no secret":         edited(service(), func(e *roster.Entry) { e.HasSecret = false }),
		"is Public and has a secr": edited(spa(), func(e *roster.Entry) { e.HasSecret = true }),
		"spec.scopes: empty":       edited(service(), func(e *roster.Entry) { e.Scopes = nil }),
	} {
		m := For(erp, e, "orders", "sync")
		g := NewWithT(t)
		g.Expect(m.Obstacle).To(BeEmpty(), text)
		g.Expect(m.Warnings).To(ContainElement(ContainSubstring(text)))
	}
	NewWithT(t).Expect(For(erp, service(), "orders", "sync").Warnings).To(BeEmpty())
}

func TestNamesAreValidUniqueAndStable(t *testing.T) {
	g := NewWithT(t)
	var entries []roster.Entry
	for _, id := range []string{
		"com.example.orders/sync", "com.example/a", "com-example-a", "///", "Ünïcode", strings.Repeat("long.", 50) + "1", strings.Repeat("long.", 50) + "2", "A",
	} {
		entries = append(entries, roster.Entry{ClientID: id})
	}
	names := Names(entries)
	seen := map[string]bool{}
	for id, name := range names {
		g.Expect(validation.IsDNS1123Label(name)).To(BeEmpty(), "%s of %s", name, id)
		g.Expect(seen[name]).To(BeFalse(), name)
		seen[name] = true
	}
	g.Expect(names["com.example.orders/sync"]).To(Equal("com-example-orders-sync"))
	g.Expect(names["com.example/a"]).To(HavePrefix("com-example-a-"), "both of two that would be the same have a hash")
	g.Expect(names["com-example-a"]).To(HavePrefix("com-example-a-"))
	entries[0], entries[3] = entries[3], entries[0]
	g.Expect(Names(entries)).To(Equal(names))
}

// mixed is a list with one of each outcome.
func mixed() roster.Document {
	made := then.AddDate(-3, 0, 0)
	return roster.Document{
		Server: erp, Time: then, Omitted: 2,
		Registrations: []roster.Entry{
			edited(service(), func(e *roster.Entry) {
				e.ClientID, e.Owner = "com.example.mine", &roster.Owner{Namespace: "shop", Name: "mine", Lives: true}
			}),
			edited(service(), func(e *roster.Entry) { e.Created, e.Changed, e.BasicAuthentication = &made, &then, true }),
			hybrid(), spa(), web(),
			edited(web(), func(e *roster.Entry) {
				e.ClientID, e.RedirectURIs = "com.example.shop/old", []string{"http://shop.example.com/cb"}
			}),
			edited(service(), func(e *roster.Entry) { e.ClientID, e.Operator = "dev.trustedapps.operator", true }),
			edited(service(), func(e *roster.Entry) { e.ClientID = "other/sync" }),
		},
	}
}

func TestGoldens(t *testing.T) {
	g := NewWithT(t)
	var manifests, table bytes.Buffer
	s, err := Write(&manifests, mixed(), Options{Namespace: "orders", URIPrefix: "com.example"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s).To(And(HaveField("Registrations", 6), HaveField("Manifests", 4), HaveField("Obstructed", 1), HaveField("Skipped", 1), HaveField("Omitted", 2)))
	g.Expect(s.Table(&table)).To(Succeed())
	for name, got := range map[string]string{"manifests.yaml": manifests.String(), "summary.txt": table.String()} {
		file := filepath.Join("testdata", name)
		if *update {
			g.Expect(os.MkdirAll("testdata", 0o755)).To(Succeed())
			g.Expect(os.WriteFile(file, []byte(got), 0o644)).To(Succeed())
		}
		want, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(Equal(string(want)), "go test ./internal/imports -update writes %s", file)
	}
	all, err := Write(&manifests, mixed(), Options{Owned: true})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all).To(And(HaveField("Registrations", 8), HaveField("Manifests", 5), HaveField("Obstructed", 3), HaveField("Skipped", 0)))
}

// Whatever a server holds, a stream of manifests holds no document that nobody looked at.
func TestNothingOfTheServerBecomesAManifest(t *testing.T) {
	const evil = "x\n---\nkind: Secret\r---\nkind: Secret\u2028---\u2029kind: Secret\u0085kind: Secret"
	g := NewWithT(t)
	var out, table bytes.Buffer
	list := roster.Document{Server: erp, Registrations: []roster.Entry{
		edited(service(), func(e *roster.Entry) { e.ClientID = evil }), edited(service(), func(e *roster.Entry) { e.DisplayName = evil }),
		edited(service(), func(e *roster.Entry) { e.SystemUser = evil }), edited(web(), func(e *roster.Entry) { e.RedirectURIs = []string{evil} }),
		edited(web(), func(e *roster.Entry) { e.Scopes = []string{evil} }), edited(web(), func(e *roster.Entry) { e.Beyond = []string{evil} }),
		edited(web(), func(e *roster.Entry) { e.ReferenceTokens = evil }),
	}}
	s, err := Write(&out, list, Options{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Obstructed).To(Equal(len(list.Registrations)))
	for _, document := range strings.Split(out.String(), "\n---\n") {
		var anything map[string]any
		g.Expect(yaml.Unmarshal([]byte(document), &anything)).To(Succeed())
		g.Expect(anything).To(BeEmpty())
	}
	g.Expect(s.Table(&table)).To(Succeed())
	g.Expect(table.String()).NotTo(ContainSubstring("\n---"))
}

func cluster(t *testing.T, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	NewWithT(t).Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	NewWithT(t).Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.IdentityServer{}).Build()
}

func TestAListIsAskedForAndRead(t *testing.T) {
	g := NewWithT(t)
	ids := &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}
	pages, _, err := roster.Paged(roster.Document{Server: erp, Time: then}, []roster.Entry{service(), web()}, 1_000, 4)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(pages).To(HaveLen(2))
	c := cluster(t, ids)
	request, err := Request(t.Context(), c, "acme")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.Get(t.Context(), client.ObjectKey{Name: "acme"}, ids)).To(Succeed())
	g.Expect(ids.Annotations).To(HaveKeyWithValue(v1alpha1.InventoryAnnotation, request))
	answer := &v1alpha1.PublishedInventory{HandledRequest: request, Namespace: "trustedapp-system"}
	for i, name := range []string{"one", "two"} {
		page := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "trustedapp-system", Name: name}, Data: map[string]string{roster.Key: string(pages[i])}}
		g.Expect(c.Create(t.Context(), page)).To(Succeed())
		answer.ConfigMaps = append(answer.ConfigMaps, name)
	}
	ids.Status.Inventory = answer
	g.Expect(c.Status().Update(t.Context(), ids)).To(Succeed())
	list, err := Await(t.Context(), c, "acme", request)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list.Registrations).To(HaveLen(2))
}

func TestAnAnswerThatDoesNotComeSaysWhy(t *testing.T) {
	g := NewWithT(t)
	ids := &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}
	c := cluster(t, ids)
	ids.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "False", Reason: "Unauthorized", Message: "the login is refused", LastTransitionTime: metav1.NewTime(then)}}
	g.Expect(c.Status().Update(t.Context(), ids)).To(Succeed())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := List(ctx, c, "acme")
	g.Expect(err).To(MatchError(And(ContainSubstring("did not answer in time"), ContainSubstring("Unauthorized"), ContainSubstring("the login is refused"))))

	g.Expect(c.Get(t.Context(), client.ObjectKey{Name: "acme"}, ids)).To(Succeed())
	ids.Status.Inventory = &v1alpha1.PublishedInventory{HandledRequest: "r", Problem: "this server shows nobody the registrations of others"}
	g.Expect(c.Status().Update(t.Context(), ids)).To(Succeed())
	_, err = Await(t.Context(), c, "acme", "r")
	g.Expect(err).To(MatchError(ContainSubstring("shows nobody")))

	_, err = Request(t.Context(), c, "other")
	g.Expect(err).To(HaveOccurred())
}
