package e2e

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Serial: the writes of other applications would be counted, too.
var _ = Describe("a template", Serial, func() {
	template := func(t v1alpha1.OutputTemplate) *v1alpha1.CredentialsSpec {
		return &v1alpha1.CredentialsSpec{Template: &t}
	}

	It("adds entries in the form that a tool reads, and changes with one write", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		app.Spec.Credentials = template(v1alpha1.OutputTemplate{
			Labels: map[string]v1alpha1.LabelValue{"team": "orders"}, Annotations: map[string]v1alpha1.AnnotationValue{"reloader.stakater.com/match": "true"},
			Data:    map[string]v1alpha1.TemplateText{"dsn": "{{ .ClientID }}:{{ .ClientSecret }}@{{ .TokenEndpoint }}"},
			Presets: []v1alpha1.TemplatePreset{".env", "appsettings.json"},
		})
		w.create(ctx, app)
		secret := w.secret(ctx, app.Status.Binding)
		works(ctx, secret)
		Expect(string(secret.Data["dsn"])).To(Equal(string(secret.Data["client_id"]) + ":" + string(secret.Data["client_secret"]) + "@" + string(secret.Data["token_endpoint"])))
		Expect(string(secret.Data[".env"])).To(ContainSubstring(`CLIENT_SECRET="` + string(secret.Data["client_secret"]) + `"`))
		Expect(string(secret.Data["appsettings.json"])).To(ContainSubstring(string(secret.Data["client_secret"])))
		Expect(secret.Labels).To(HaveKeyWithValue("team", "orders"))
		Expect(secret.Annotations).To(HaveKeyWithValue("reloader.stakater.com/match", "true"))

		start := counted.count()
		Expect(w.instance.ResetCounts(ctx)).To(Succeed())
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Credentials.Template.Data = map[string]v1alpha1.TemplateText{"url": "{{ .APIURL }}"}
		})
		w.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		after := w.secret(ctx, app.Status.Binding)
		Expect(after.Data).To(And(Not(HaveKey("dsn")), HaveKeyWithValue("url", after.Data["api_url"]), HaveKeyWithValue("client_secret", secret.Data["client_secret"])))
		Expect(counted.since(start)).To(HaveExactElements(HaveSuffix("/secrets/orders"), HaveSuffix("/orders/status")))
		counts, err := w.instance.Counts(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(counts.Requests).To(BeEmpty(), "the server is not asked")
	})

	It("that cannot be rendered is told, and leaves what is published and nothing rotates", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", rotating(v1alpha1.RotationInPlace, 3600e9, 3600e9))
		w.create(ctx, app)
		before := w.secret(ctx, app.Status.Binding)
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Credentials.Template = &v1alpha1.OutputTemplate{Data: map[string]v1alpha1.TemplateText{"bad": "{{ .ClientSecrets }}"}}
			a.Annotations = map[string]string{v1alpha1.RotateAnnotation: "now"}
		})
		ready := w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonTemplateInvalid)
		Expect(ready.Message).To(ContainSubstring(`spec.credentials.template: the entry "bad": 1:3: <.ClientSecrets> cannot be evaluated`))
		Expect(w.secret(ctx, app.Status.Binding).Data).To(Equal(before.Data))
		works(ctx, before)

		By("the kill switch works all the same")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) { a.Spec.Enabled = new(false) })
		Eventually(func() bool { return w.accepts(ctx, before) }).Should(BeFalse())
		By("and once it is corrected all goes on")
		edit(ctx, app, func(a *v1alpha1.TrustedApplication) {
			a.Spec.Enabled, a.Spec.Credentials.Template.Data = new(true), map[string]v1alpha1.TemplateText{"good": "{{ .ClientID }}"}
		})
		w.inPhase(ctx, app, v1alpha1.RotationIdle, "now")
		after := w.secret(ctx, app.Status.Binding)
		Expect(after.Data["client_secret"]).NotTo(Equal(before.Data["client_secret"]))
		works(ctx, after)
	})

	It("that is wrong from the beginning registers nothing", func(ctx SpecContext) {
		w := newWorld(ctx)
		app := w.app("orders", serviceSpec())
		app.Spec.Credentials = template(v1alpha1.OutputTemplate{Data: map[string]v1alpha1.TemplateText{"bad": "{{ range 100000000000 }}{{ end }}"}})
		Expect(admin.Create(ctx, app)).To(Succeed())
		Expect(w.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonTemplateInvalid).Message).To(ContainSubstring("range goes over .Scopes"))
		_, there := w.registration(ctx, app)
		Expect(there).To(BeFalse())
	})
})
