package output

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

const canary = "s3cr3t"

var (
	server = idserver.Info{Type: "ERP.net", Provider: "erp.net", Endpoints: idserver.Endpoints{
		Issuer: "https://erp.example:8443/id", Token: "https://erp.example/t", Authorization: "https://erp.example/a",
		EndSession: "https://erp.example/e", UserInfo: "https://erp.example/u", JWKS: "https://erp.example/j", API: "https://erp.example/odata/",
	}}
	hybrid = App{
		Namespace: "shop", Name: "orders", UID: "u1", ServerName: "erp", SecretName: "orders-secret", ConfigMapName: "orders-web",
		Want: idserver.Registration{
			Enabled: true, Service: true, Scopes: []string{"update", "read"},
			RedirectURIs: []string{"https://a.example/cb", "https://b.example/cb"}, PostLogoutRedirectURIs: []string{"https://a.example/"},
		},
	}
	issuedAt   = time.Date(2026, 11, 25, 10, 0, 0, 0, time.FixedZone("Sofia", 7200))
	credential = ledger.Credential{ID: "c1", Credential: idserver.Credential{
		Handle: "h", ClientID: "com.example.orders", Secret: canary, Control: canary + "-control",
	}}
)

func publicApp() App {
	app := hybrid
	app.SecretName, app.Want.Service, app.Want.Public = "", false, true
	return app
}

// rendered is what can be rendered.
func rendered(app App, server idserver.Info, rec ledger.Record) Rendered {
	r, err := Render(app, server, rec)
	if err != nil {
		panic(err)
	}
	return r
}

func TestATemplateAddsAndReplacesNothing(t *testing.T) {
	g := NewWithT(t)
	app := hybrid
	app.Template = Template{
		Labels: map[string]string{"team": "orders", v1alpha1.ApplicationLabel: "forged"}, Annotations: map[string]string{"note": "x", v1alpha1.RevisionAnnotation: "forged"},
		Data: map[string]string{"url": "{{ .ClientID }}@{{ .Issuer }}"}, Presets: []string{".env"},
	}
	plain, r := rendered(hybrid, server, record(credential)), rendered(app, server, record(credential))
	g.Expect(string(r.Secret.Data["url"])).To(Equal(string(plain.Secret.Data["client_id"]) + "@" + server.Endpoints.Issuer))
	g.Expect(string(r.Secret.Data[".env"])).To(ContainSubstring(`CLIENT_SECRET="` + canary + `"`))
	for key, value := range plain.Secret.Data {
		g.Expect(r.Secret.Data).To(HaveKeyWithValue(key, value))
	}
	g.Expect(r.Secret.Labels).To(And(HaveKeyWithValue("team", "orders"), HaveKeyWithValue(v1alpha1.ApplicationLabel, plain.Secret.Labels[v1alpha1.ApplicationLabel])))
	g.Expect(r.Secret.Annotations).To(And(HaveKeyWithValue("note", "x"), HaveKeyWithValue(v1alpha1.RevisionAnnotation, plain.Secret.Annotations[v1alpha1.RevisionAnnotation])))
	g.Expect(r.ConfigMap).To(Equal(plain.ConfigMap))

	for key, text := range map[string]string{"client_secret": "mine", "bad": "{{ .Nothing }}"} {
		app.Template.Data = map[string]string{key: text}
		_, err := Render(app, server, record(credential))
		g.Expect(err).To(MatchError(ContainSubstring(key)))
		g.Expect(err.Error()).NotTo(ContainSubstring(canary))
	}
}

func TestATemplateThatFailsLeavesWhatIsPublished(t *testing.T) {
	f := newFixture(t)
	f.publish(hybrid)
	before := f.secret()
	broken := hybrid
	broken.Template.Data = map[string]string{"bad": "{{ .Nothing }}"}
	f.Expect(f.observe(broken).TemplateProblem).To(ContainSubstring(`the entry "bad"`))
	f.Expect(f.observe(hybrid).TemplateProblem).To(BeEmpty())
	f.publish(broken)
	f.Expect(f.secret()).To(Equal(before))
	f.rec = ledger.Record{}
	f.Expect(f.observe(broken).TemplateProblem).NotTo(BeEmpty(), "also before there is a credential")
}

// record is a ledger of one credential.
func record(c ledger.Credential) ledger.Record {
	return ledger.Record{Next: &c, Target: "rev", RotatedAt: issuedAt}
}

func TestTheNextSecretIsBesideThePresentOneAsLongAsItIsAnnounced(t *testing.T) {
	g := NewWithT(t)
	rec := record(credential)
	g.Expect(rendered(hybrid, server, rec).Secret.Data).NotTo(HaveKey(v1alpha1.KeyClientSecretNext))
	next := ledger.Credential{ID: "c2"}
	next.Secret = "announced"
	announced := rec
	announced.Announced = &next
	r := rendered(hybrid, server, announced)
	g.Expect(r.Secret.Data).To(HaveKeyWithValue(v1alpha1.KeyClientSecretNext, []byte("announced")))
	g.Expect(r.Secret.Data[v1alpha1.KeyClientSecret]).To(Equal(rendered(hybrid, server, rec).Secret.Data[v1alpha1.KeyClientSecret]))
	g.Expect(r.Secret.Annotations[v1alpha1.RevisionAnnotation]).To(Equal(rec.Revision()), "it is no other credential that is in use")
	g.Expect(r.ConfigMap).To(Equal(rendered(hybrid, server, rec).ConfigMap))
	g.Expect(rendered(publicApp(), server, announced).Secret).To(BeNil())
	g.Expect(rendered(hybrid, server, ledger.Record{})).To(BeZero())
}

func TestRenderHybrid(t *testing.T) {
	g := NewWithT(t)
	r := rendered(hybrid, server, record(credential))

	g.Expect(string(r.Secret.Type)).To(Equal("servicebinding.io/oauth2"))
	data := map[string]string{}
	for k, v := range r.Secret.Data {
		data[k] = string(v)
	}
	g.Expect(data).To(Equal(map[string]string{
		"client_id": "com.example.orders", "client_secret": canary, "issuer": "https://erp.example:8443/id",
		"token_endpoint": "https://erp.example/t", "scope": "read update", "api_url": "https://erp.example/odata/",
		"type": "oauth2", "provider": "erp.net", "uri": "https://erp.example:8443/id", "host": "erp.example",
		"client-id": "com.example.orders", "client-secret": canary,
	}))
	g.Expect(r.ConfigMap.Data).To(Equal(map[string]string{
		"client_id": "com.example.orders", "authority": "https://erp.example:8443/id", "issuer": "https://erp.example:8443/id",
		"token_endpoint": "https://erp.example/t", "authorization_endpoint": "https://erp.example/a",
		"end_session_endpoint": "https://erp.example/e", "userinfo_endpoint": "https://erp.example/u", "jwks_uri": "https://erp.example/j",
		"api_url": "https://erp.example/odata/", "redirect_uris": "https://a.example/cb\nhttps://b.example/cb",
		"post_logout_redirect_uris": "https://a.example/", "scope": "read update",
	}))
	for name, object := range map[string]metav1.Object{"orders-secret": r.Secret, "orders-web": r.ConfigMap} {
		g.Expect(object.GetName()).To(Equal(name))
		g.Expect(object.GetNamespace()).To(Equal("shop"))
		g.Expect(object.GetLabels()).To(Equal(map[string]string{
			v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.ApplicationLabel: "orders",
			v1alpha1.ApplicationUIDLabel: "u1", v1alpha1.ServerLabel: "erp",
		}))
		want := map[string]string{v1alpha1.RevisionAnnotation: "c1.rev.0"}
		if name == "orders-secret" {
			want[v1alpha1.IssuedAtAnnotation] = "2026-11-25T08:00:00Z"
		}
		g.Expect(object.GetAnnotations()).To(Equal(want))
		owner := metav1.GetControllerOf(object)
		g.Expect(owner).NotTo(BeNil())
		g.Expect(owner.UID).To(BeEquivalentTo("u1"))
		g.Expect(*owner.BlockOwnerDeletion).To(BeTrue())
	}
}

func TestAPublicApplicationHasNoSecretWhateverIsSaid(t *testing.T) {
	g := NewWithT(t)
	app := publicApp()
	app.SecretName = "orders"
	r := rendered(app, server, record(credential))
	g.Expect(r.Secret).To(BeNil())
	g.Expect(fmt.Sprintf("%+v", *r.ConfigMap)).NotTo(ContainSubstring(canary))
}

func TestRenderOnlyWhatThereIs(t *testing.T) {
	g := NewWithT(t)
	service := hybrid
	service.ConfigMapName = ""
	r := rendered(service, idserver.Info{Endpoints: idserver.Endpoints{Issuer: "https://erp.example"}}, record(credential))
	g.Expect(r.ConfigMap).To(BeNil())
	g.Expect(r.Secret.Data).NotTo(Or(HaveKey(v1alpha1.KeyAPIURL), HaveKey(v1alpha1.KeyBindingProvider), HaveKey(v1alpha1.KeyTokenEndpoint)))

	g.Expect(rendered(hybrid, server, ledger.Record{Next: &credential}).Secret.Annotations).NotTo(HaveKey(v1alpha1.IssuedAtAnnotation))

	bare := credential
	bare.Secret = ""
	g.Expect(rendered(hybrid, server, record(bare)).Secret).To(BeNil())
}
