// Package output publishes the credential of an application: a Secret and a ConfigMap in its namespace, which are a pure
// rendering of its spec, its server and its ledger.
package output

import (
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

// SecretType is the type of a published Secret, by the Service Binding specification.
const SecretType corev1.SecretType = "servicebinding.io/" + v1alpha1.BindingType

// App is what an application says about its published objects.
type App struct {
	// Namespace, Name and UID are those of the TrustedApplication.
	Namespace, Name string
	UID             types.UID
	// ServerName is the name of its IdentityServer.
	ServerName string
	// SecretName and ConfigMapName are the names of the objects to publish; empty where there is to be none.
	SecretName, ConfigMapName string
	// Want is what is registered.
	Want idserver.Registration
	// ClientID is the client id of the spec, and Adopts says that a Secret may offer the secret of a registration with it.
	ClientID string
	Adopts   bool
	// Template is what else the Secret holds.
	Template Template
}

// Template is what an application asks for beside the standard entries.
type Template struct {
	Labels, Annotations map[string]string
	// Data are templates by the name of their entry, Presets the names of those that are known.
	Data    map[string]string
	Presets []string
}

// Rendered is what is to be published; nil where there is to be none.
type Rendered struct {
	Secret    *corev1.Secret
	ConfigMap *corev1.ConfigMap
}

// Render renders the objects to publish. A public application has no Secret whatever else is said; nor has a credential without
// one. Entries for what the server does not have are left out. Nothing is rendered from a record without a credential. The error is a
// *template.Error: there is no Secret then.
func Render(app App, server idserver.Info, rec ledger.Record) (Rendered, error) {
	var r Rendered
	cred := rec.Newest()
	if cred == nil {
		return r, nil
	}
	var err error
	if app.SecretName != "" && !app.Want.Public && cred.Proof() != "" {
		r.Secret = &corev1.Secret{ObjectMeta: meta(app, app.SecretName, rec.Revision()), Type: SecretType, Data: secretData(app, server, *cred)}
		prove(r.Secret.Data, *cred)
		if !rec.RotatedAt.IsZero() {
			r.Secret.Annotations[v1alpha1.IssuedAtAnnotation] = rec.RotatedAt.UTC().Format(time.RFC3339)
		}
		if rec.Announced != nil {
			r.Secret.Data[v1alpha1.KeyClientSecretNext] = []byte(rec.Announced.Secret.Reveal())
		}
		if err = app.Template.apply(r.Secret, values(app, server, rec)); err != nil {
			r.Secret = nil
		}
	}
	if app.ConfigMapName != "" {
		r.ConfigMap = &corev1.ConfigMap{ObjectMeta: meta(app, app.ConfigMapName, rec.Revision()), Data: configMapData(app, server, cred.ClientID)}
	}
	return r, err
}

func meta(app App, name, revision string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: app.Namespace,
		Name:      name,
		Labels: map[string]string{
			v1alpha1.ManagedByLabel:      v1alpha1.ManagedByValue,
			v1alpha1.ApplicationLabel:    app.Name,
			v1alpha1.ApplicationUIDLabel: string(app.UID),
			v1alpha1.ServerLabel:         app.ServerName,
		},
		Annotations:     map[string]string{v1alpha1.RevisionAnnotation: revision},
		OwnerReferences: []metav1.OwnerReference{owner(app)},
	}
}

// owner makes an object ours, and lets it go with its TrustedApplication.
func owner(app App) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "TrustedApplication", Name: app.Name, UID: app.UID,
		Controller: &yes, BlockOwnerDeletion: &yes,
	}
}

func secretData(app App, server idserver.Info, cred ledger.Credential) map[string][]byte {
	data := map[string][]byte{
		v1alpha1.KeyClientID:        []byte(cred.ClientID),
		v1alpha1.KeyIssuer:          []byte(server.Endpoints.Issuer),
		v1alpha1.KeyScope:           []byte(scope(app)),
		v1alpha1.KeyBindingType:     []byte(v1alpha1.BindingType),
		v1alpha1.KeyBindingURI:      []byte(server.Endpoints.Issuer),
		v1alpha1.KeyBindingClientID: []byte(cred.ClientID),
	}
	for key, value := range map[string]string{
		v1alpha1.KeyTokenEndpoint:   server.Endpoints.Token,
		v1alpha1.KeyAPIURL:          server.Endpoints.API,
		v1alpha1.KeyBindingProvider: server.Provider,
		v1alpha1.KeyBindingHost:     host(server.Endpoints.Issuer),
	} {
		if value != "" {
			data[key] = []byte(value)
		}
	}
	return data
}

// prove adds what the client proves itself with: its secret, or its key.
func prove(data map[string][]byte, cred ledger.Credential) {
	if cred.Key == "" {
		secret := []byte(cred.Secret.Reveal())
		data[v1alpha1.KeyClientSecret], data[v1alpha1.KeyBindingClientSecret] = secret, secret
		return
	}
	form := keyForms(cred)
	data[v1alpha1.KeyPrivateKeyJWK] = []byte(cred.Key.Reveal())
	data[v1alpha1.KeyPrivateKey], data[v1alpha1.KeyKeyID] = []byte(form.pem), []byte(form.id)
}

// configMapData is told the client id and nothing else of the credential, so that it cannot publish anything secret.
func configMapData(app App, server idserver.Info, clientID string) map[string]string {
	data := map[string]string{
		v1alpha1.KeyClientID:     clientID,
		v1alpha1.KeyAuthority:    server.Endpoints.Issuer,
		v1alpha1.KeyIssuer:       server.Endpoints.Issuer,
		v1alpha1.KeyRedirectURIs: lines(app.Want.RedirectURIs),
		v1alpha1.KeyScope:        scope(app),
	}
	for key, value := range map[string]string{
		v1alpha1.KeyTokenEndpoint:          server.Endpoints.Token,
		v1alpha1.KeyAuthorizationEndpoint:  server.Endpoints.Authorization,
		v1alpha1.KeyEndSessionEndpoint:     server.Endpoints.EndSession,
		v1alpha1.KeyUserInfoEndpoint:       server.Endpoints.UserInfo,
		v1alpha1.KeyJWKSURI:                server.Endpoints.JWKS,
		v1alpha1.KeyAPIURL:                 server.Endpoints.API,
		v1alpha1.KeyPostLogoutRedirectURIs: lines(app.Want.PostLogoutRedirectURIs),
	} {
		if value != "" {
			data[key] = value
		}
	}
	return data
}

func scope(app App) string { return strings.Join(app.Want.Normalize().Scopes, " ") }

func lines(uris []string) string { return strings.Join(uris, "\n") }

func host(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
