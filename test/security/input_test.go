package security

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

var _ = Describe("oversized or abusive input: a spec", Serial, func() {
	It("as large as the schema lets it be is registered, and costs little", Label(threat), func(ctx SpecContext) {
		before := guarded.memory()
		spec := service("svc.team-b")
		spec.ClientType, spec.DisplayName = v1alpha1.ClientTypeConfidential, strings.Repeat("ü", 127)
		long := v1alpha1.RedirectURI("https://team-b.example.com/" + strings.Repeat("a", 473)) // 500 characters
		spec.Interactive = &v1alpha1.InteractiveSpec{RedirectURIs: []v1alpha1.RedirectURI{long}, PostLogoutRedirectURIs: []v1alpha1.RedirectURI{long}}
		spec.Credentials = &v1alpha1.CredentialsSpec{Template: &v1alpha1.OutputTemplate{Data: map[string]v1alpha1.TemplateText{}}}
		for i := range 16 {
			spec.Credentials.Template.Data[fmt.Sprintf("entry-%d", i)] = v1alpha1.TemplateText(strings.Repeat("{{ .ClientID }}", 4096/15))
		}
		app := application(victims, "large", spec)
		Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
		guarded.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		guarded.plant(ctx, app)
		Expect(guarded.published(ctx, app).Size()).To(BeNumerically("<", 1<<20))
		Expect(guarded.memory() - before).To(BeNumerically("<", 100))
		guarded.gone(ctx, app)
	})

	It("larger than that is refused by the API server, field by field", Label(threat), func(ctx SpecContext) {
		for what, change := range map[string]func(*v1alpha1.TrustedApplicationSpec){
			"displayName": func(s *v1alpha1.TrustedApplicationSpec) { s.DisplayName = strings.Repeat("a", 1<<20) },
			"scopes": func(s *v1alpha1.TrustedApplicationSpec) {
				for i := range 10_000 {
					s.Scopes = append(s.Scopes, v1alpha1.Scope(fmt.Sprintf("s%d", i)))
				}
			},
			"template": func(s *v1alpha1.TrustedApplicationSpec) {
				s.Credentials = &v1alpha1.CredentialsSpec{Template: &v1alpha1.OutputTemplate{Data: map[string]v1alpha1.TemplateText{"a": v1alpha1.TemplateText(strings.Repeat("a", 1<<20))}}}
			},
		} {
			spec := service("svc.team-a")
			change(&spec)
			Expect(guarded.bed.Admin.Create(ctx, application(attackers, "larger", spec))).To(MatchError(ContainSubstring(what)))
		}
	})

	It("with labels and annotations of its own never puts them in the place of the operator's", Label(threat), func(ctx SpecContext) {
		spec := service("svc.team-a")
		spec.Credentials = &v1alpha1.CredentialsSpec{Template: &v1alpha1.OutputTemplate{
			Labels: map[string]v1alpha1.LabelValue{"team": "a"}, Annotations: map[string]v1alpha1.AnnotationValue{"example.com/note": "line one\nline two"},
		}}
		app := application(attackers, "labelled", spec)
		Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
		guarded.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		guarded.plant(ctx, app)
		secret := guarded.published(ctx, app)
		Expect(secret.Labels).To(And(HaveKeyWithValue("team", "a"), HaveKeyWithValue(v1alpha1.ManagedByLabel, v1alpha1.ManagedByValue)))
		Expect(secret.Annotations).To(And(HaveKeyWithValue("example.com/note", "line one\nline two"), HaveKey(v1alpha1.RevisionAnnotation)))
		for _, forged := range []string{
			`{"labels":{"trustedapps.dev/x":"y"}}`, `{"labels":{"app.kubernetes.io/managed-by":"me"}}`, `{"labels":{"a":"b c"}}`,
			`{"annotations":{"trustedapps.dev/revision":"y"}}`, `{"annotations":{"a b":"c"}}`, `{"data":{"..data":"y"}}`, `{"data":{"client_id":"y"}}`,
		} {
			patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"credentials":{"template":`+forged+`}}}`))
			Expect(guarded.bed.Admin.Patch(ctx, app.DeepCopy(), patch)).To(MatchError(ContainSubstring("spec.credentials.template")), forged)
		}
		Expect(guarded.published(ctx, app).ResourceVersion).To(Equal(secret.ResourceVersion), "it was not touched")
		guarded.gone(ctx, app)
	})

	It("as a template neither runs away nor reads what is not the application's", Label(threat), func(ctx SpecContext) {
		app := application(attackers, "template", service("svc.team-a"))
		Expect(guarded.bed.Admin.Create(ctx, app)).To(Succeed())
		guarded.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		guarded.plant(ctx, app)
		published := guarded.published(ctx, app).Data
		before := guarded.memory()
		for _, text := range []string{
			`{{ printf "%1000000000d" 1 }}`, `{{ printf "%*d" 1000000000 1 }}`, `{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}`,
			`{{ range .Scopes }}{{ range $.Scopes }}{{ range $.Scopes }}x{{ end }}{{ end }}{{ end }}`, `{{ .Nothing }}`, `{{ env "HOME" }}`,
			`{{ readFile "/etc/passwd" }}`, `{{ call .ClientID }}`, `{{ lookup "v1" "Secret" "team-b" "orders" }}`, `{{ index .Secrets 0 }}`, `{{ .ClientSecret.Reveal }}`,
			`{{ $x := "aaaaaaaaaaaaaaaa" }}{{ range .Scopes }}{{ $x = print $x $x }}{{ end }}{{ repeat 1000000 $x }}`,
		} {
			began := time.Now()
			Eventually(func(g Gomega) {
				g.Expect(guarded.bed.Admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
				app.Spec.Credentials = &v1alpha1.CredentialsSpec{Template: &v1alpha1.OutputTemplate{Data: map[string]v1alpha1.TemplateText{"entry": v1alpha1.TemplateText(text)}}}
				g.Expect(guarded.bed.Admin.Update(ctx, app)).To(Succeed())
			}).Should(Succeed())
			guarded.becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonTemplateInvalid)
			Expect(time.Since(began)).To(BeNumerically("<", 10*time.Second), text)
			Expect(guarded.published(ctx, app).Data).To(Equal(published), "%s: what is published stays", text)
		}
		Expect(guarded.memory() - before).To(BeNumerically("<", 100))
		guarded.gone(ctx, app)
	})
})
