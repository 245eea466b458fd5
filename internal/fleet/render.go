package fleet

import (
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/template"
)

// Render makes the application of a set at a server.
func Render(set *v1alpha1.TrustedApplicationSet, at *v1alpha1.IdentityServer) (*v1alpha1.TrustedApplication, error) {
	r := renderer{server: template.Server{Name: at.Name, Labels: at.Labels, Annotations: at.Annotations}}
	t := set.Spec.Template
	app := &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: set.Namespace, Name: Name(set.Name, at.Name), Labels: map[string]string{}, Annotations: map[string]string{},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, v1alpha1.GroupVersion.WithKind("TrustedApplicationSet"))},
		},
		Spec: r.spec(t.Spec),
	}
	app.Spec.IdentityServerRef.Name = at.Name
	if m := t.Metadata; m != nil {
		r.texts("metadata.labels", m.Labels, app.Labels)
		r.texts("metadata.annotations", m.Annotations, app.Annotations)
		app.Annotations[v1alpha1.TemplateAnnotation] = templated(*m)
	}
	app.Labels[v1alpha1.SetLabel] = set.Name
	app.Labels[v1alpha1.ManagedByLabel] = v1alpha1.ManagedByValue
	return app, r.err
}

// renderer renders fields, and keeps the first error.
type renderer struct {
	server template.Server
	err    error
}

func (r *renderer) text(field string, text v1alpha1.TemplatedText) string {
	out, err := template.Field(field, string(text), r.server)
	if err != nil && r.err == nil {
		r.err = err
	}
	return out
}

func (r *renderer) texts(field string, from map[string]v1alpha1.TemplatedText, to map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		to[key] = r.text(field+"["+key+"]", from[key])
	}
}

func (r *renderer) uris(field string, from []v1alpha1.TemplatedText) []v1alpha1.RedirectURI {
	var to []v1alpha1.RedirectURI
	for _, text := range from {
		to = append(to, v1alpha1.RedirectURI(r.text(field, text)))
	}
	return to
}

func (r *renderer) spec(t v1alpha1.ApplicationTemplateSpec) v1alpha1.TrustedApplicationSpec {
	spec := v1alpha1.TrustedApplicationSpec{
		ApplicationURI: r.text("spec.applicationUri", t.ApplicationURI), DisplayName: r.text("spec.displayName", t.DisplayName),
		Enabled: t.Enabled, ClientType: t.ClientType, Scopes: t.Scopes, ReferenceTokens: t.ReferenceTokens,
		ConfigMapName:  r.text("spec.configMapName", t.ConfigMapName),
		DeletionPolicy: t.DeletionPolicy, DriftPolicy: t.DriftPolicy, AdoptionPolicy: t.AdoptionPolicy,
	}
	if i := t.Interactive; i != nil {
		spec.Interactive = &v1alpha1.InteractiveSpec{
			RedirectURIs:           r.uris("spec.interactive.redirectUris", i.RedirectURIs),
			PostLogoutRedirectURIs: r.uris("spec.interactive.postLogoutRedirectUris", i.PostLogoutRedirectURIs),
			Users:                  i.Users,
		}
	}
	if s := t.Service; s != nil {
		spec.Service = &v1alpha1.ServiceSpec{
			SystemUser: r.text("spec.service.systemUser", s.SystemUser), InternalUserImpersonation: s.InternalUserImpersonation,
		}
	}
	if c := t.Credentials; c != nil {
		spec.Credentials = &v1alpha1.CredentialsSpec{
			SecretName: r.text("spec.credentials.secretName", c.SecretName), Method: c.Method, Rotation: c.Rotation, Template: c.Template,
			RolloutRestart: c.RolloutRestart,
		}
	}
	return *spec.DeepCopy() // nothing is shared with the set
}

// labelPlace and annotationPlace are how the names of labels and annotations begin in TemplateAnnotation.
const labelPlace, annotationPlace = "labels/", "annotations/"

// templated names the labels and annotations of a template, so that they go when they go there.
func templated(m v1alpha1.ApplicationTemplateMetadata) string {
	var keys []string
	for key := range m.Labels {
		keys = append(keys, labelPlace+key)
	}
	for key := range m.Annotations {
		keys = append(keys, annotationPlace+key)
	}
	slices.Sort(keys)
	return strings.Join(keys, ",")
}

// matches says whether have is as want says. What others added to its metadata does not count.
func matches(have, want *v1alpha1.TrustedApplication) bool {
	return equality.Semantic.DeepEqual(have.Spec, want.Spec) &&
		contains(have.Labels, want.Labels) && contains(have.Annotations, want.Annotations) &&
		have.Annotations[v1alpha1.TemplateAnnotation] == want.Annotations[v1alpha1.TemplateAnnotation]
}

func contains(have, want map[string]string) bool {
	for key, value := range want {
		if got, ok := have[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// changed is the application as it is to be written: what others added to its metadata stays, what a former template added goes.
func (i *instance) changed(now time.Time) *v1alpha1.TrustedApplication {
	next := i.have.DeepCopy()
	former := i.have.Annotations[v1alpha1.TemplateAnnotation]
	next.Labels = overlay(next.Labels, labelPlace, former, i.want.Labels)
	next.Annotations = overlay(next.Annotations, annotationPlace, former, i.want.Annotations)
	if _, ok := i.want.Annotations[v1alpha1.TemplateAnnotation]; !ok {
		delete(next.Annotations, v1alpha1.TemplateAnnotation)
	}
	next.Annotations[v1alpha1.RolledOutAnnotation] = now.UTC().Format(time.RFC3339Nano)
	next.Spec = i.want.Spec
	return next
}

func overlay(below map[string]string, place, former string, above map[string]string) map[string]string {
	all := make(map[string]string, len(below)+len(above)+1)
	maps.Copy(all, below)
	for key := range strings.SplitSeq(former, ",") {
		if name, ok := strings.CutPrefix(key, place); ok {
			delete(all, name)
		}
	}
	maps.Copy(all, above)
	return all
}
