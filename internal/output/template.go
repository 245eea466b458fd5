package output

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/template"
)

// apply adds what the template says to a Secret. What is there already stays: neither a label nor an entry of the operator can be replaced.
func (t Template) apply(secret *corev1.Secret, v template.Values) error {
	entries, err := template.Render(t.Presets, t.Data, v)
	if err != nil {
		return err
	}
	for key, value := range entries {
		if _, taken := secret.Data[key]; taken {
			return &template.Error{Key: key, Problem: "it is the name of a standard entry: choose another"}
		}
		secret.Data[key] = value
	}
	if keys := t.metadata(); keys != "" {
		secret.Annotations[v1alpha1.TemplateAnnotation] = keys
	}
	secret.Labels = overlay(t.Labels, secret.Labels)
	secret.Annotations = overlay(t.Annotations, secret.Annotations)
	return nil
}

// The places of the keys that metadata names.
const (
	labelPlace      = "labels/"
	annotationPlace = "annotations/"
)

// metadata names the labels and annotations of the template.
func (t Template) metadata() string {
	var keys []string
	for key := range t.Labels {
		keys = append(keys, labelPlace+key)
	}
	for key := range t.Annotations {
		keys = append(keys, annotationPlace+key)
	}
	slices.Sort(keys)
	return strings.Join(keys, ",")
}

// withoutTemplate are the labels or annotations of an object without those that a template brought.
func withoutTemplate(of map[string]string, place, templated string) map[string]string {
	rest := maps.Clone(of)
	for key := range strings.SplitSeq(templated, ",") {
		if name, ok := strings.CutPrefix(key, place); ok {
			delete(rest, name)
		}
	}
	delete(rest, v1alpha1.TemplateAnnotation)
	return rest
}

// values are what a template sees.
func values(app App, server idserver.Info, rec ledger.Record) template.Values {
	e, want, cred := server.Endpoints, app.Want.Normalize(), rec.Newest()
	v := template.Values{
		ClientID: cred.ClientID, ClientSecret: cred.Secret.Reveal(),
		Issuer: e.Issuer, TokenEndpoint: e.Token, AuthorizationEndpoint: e.Authorization, EndSessionEndpoint: e.EndSession,
		UserInfoEndpoint: e.UserInfo, JWKSURI: e.JWKS, APIURL: e.API,
		Scope: scope(app), Scopes: want.Scopes, RedirectURIs: want.RedirectURIs, PostLogoutRedirectURIs: want.PostLogoutRedirectURIs,
		Name: app.Name, Namespace: app.Namespace, Server: app.ServerName, SystemUser: want.SystemUser,
		Interactive: want.Interactive(), Service: want.Service,
	}
	form := keyForms(*cred)
	v.PrivateKey, v.PrivateKeyJWK, v.KeyID = form.pem, cred.Key.Reveal(), form.id
	if rec.Announced != nil {
		v.NextClientSecret = rec.Announced.Secret.Reveal()
	}
	return v
}

// templateProblem is why the Secret cannot be rendered; "" where it can. It is found out before there is a credential, too.
func (o *Objects) templateProblem(rec ledger.Record) string {
	if o.app.SecretName == "" {
		return ""
	}
	if rec.Newest() == nil {
		sample := ledger.Credential{ID: "sample"}
		sample.ClientID, sample.Secret = o.app.ClientID, "sample"
		if o.app.Want.PrivateKey {
			sample.Secret, sample.Key = "", "sample"
		}
		rec = ledger.Record{Next: &sample}
	}
	if _, err := Render(o.app, o.server, rec); err != nil {
		return err.Error()
	}
	return ""
}
