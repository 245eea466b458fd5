// Package imports writes manifests for registrations that somebody made by hand, from the list that the operator publishes of them.
package imports

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/roster"
)

// Manifest is what was made of one registration.
type Manifest struct {
	Application *v1alpha1.TrustedApplication
	// Warnings are about what better would not be, each with what to do.
	Warnings []string
	// Obstacle is why the operator could not watch and adopt the registration with this manifest; "" where it can.
	Obstacle string
}

// For writes the manifest of a registration under a name. Applied, it changes nothing at the server: the registration is only watched until
// spec.driftPolicy says otherwise, and stays when the TrustedApplication goes.
func For(server roster.Server, e roster.Entry, namespace, name string) Manifest {
	app := &v1alpha1.TrustedApplication{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "TrustedApplication"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: server.Name},
			ApplicationURI:    e.ClientID, DisplayName: e.DisplayName, Enabled: &e.Enabled, Scopes: typed[v1alpha1.Scope](e.Scopes),
			AdoptionPolicy: v1alpha1.AdoptIfUnowned, DriftPolicy: v1alpha1.DriftObserve, DeletionPolicy: v1alpha1.DeletionOrphan,
		},
	}
	if server.ReferenceTokens {
		app.Spec.ReferenceTokens = v1alpha1.ReferenceTokenPolicy(e.ReferenceTokens)
	}
	if len(e.RedirectURIs) > 0 {
		app.Spec.Interactive = interactive(server, e)
		app.Spec.ClientType = v1alpha1.ClientTypeConfidential
	}
	if e.Public {
		app.Spec.ClientType = v1alpha1.ClientTypePublic
	}
	if e.Service {
		app.Spec.Service = &v1alpha1.ServiceSpec{SystemUser: e.SystemUser}
		if server.UserGroups && e.InternalUsers && app.Spec.Interactive == nil {
			app.Spec.Service.InternalUserImpersonation = v1alpha1.ImpersonationAllowed
		}
	}
	if e.PrivateKey {
		app.Spec.Credentials = &v1alpha1.CredentialsSpec{Method: v1alpha1.MethodPrivateKeyJWT}
	}
	m := Manifest{Application: app, Obstacle: obstacle(server, e, app)}
	m.Warnings = slices.Concat(warnings(e), desired.Warnings(app, connections.Entry{}))
	return m
}

func interactive(server roster.Server, e roster.Entry) *v1alpha1.InteractiveSpec {
	i := &v1alpha1.InteractiveSpec{
		RedirectURIs:           typed[v1alpha1.RedirectURI](e.RedirectURIs),
		PostLogoutRedirectURIs: typed[v1alpha1.RedirectURI](e.PostLogoutRedirectURIs),
	}
	if server.UserGroups {
		if e.InternalUsers {
			i.Users = append(i.Users, v1alpha1.UsersInternal)
		}
		if e.CommunityUsers {
			i.Users = append(i.Users, v1alpha1.UsersCommunity)
		}
	}
	return i
}

func typed[T ~string](list []string) []T {
	var out []T
	for _, s := range list {
		out = append(out, T(s))
	}
	return out
}

// differing names the fields in which the registration differs from what the operator makes of the manifest.
func differing(server roster.Server, e roster.Entry, app *v1alpha1.TrustedApplication) []string {
	c := idserver.Capabilities{SystemUsers: server.SystemUsers, UserGroups: server.UserGroups, ReferenceTokens: server.ReferenceTokens}
	want := c.Reduce(desired.Registration(app))
	want.AdminUser = e.AdminUser // what a grant allows, the manifest does not say
	have := e.Registration
	have.Unwanted = e.Beyond
	return want.Diff(have)
}

// warnings are about the registration itself; those about the manifest follow from that.
func warnings(e roster.Entry) []string {
	var out []string
	warn := func(applies bool, text string) {
		if applies {
			out = append(out, text)
		}
	}
	warn(e.BasicAuthentication, "Basic authentication is allowed, by which the password of a user opens the API: it is turned off on adoption")
	warn(slices.Contains(e.Scopes, "sec"), "the scope sec is reserved for ERP.net itself, and takes a grant that names it: remove it if the "+
		"application does not need it")
	warn(e.Service && e.AdminUser, "the system user is an administrator of the server, which takes a grant with administrators: Allowed: give the "+
		"application a user of its own")
	plain := slices.ContainsFunc(slices.Concat(e.RedirectURIs, e.PostLogoutRedirectURIs), func(u string) bool { return strings.HasPrefix(u, "http:") })
	warn(plain, "a redirect URI is not https")
	warn(!e.Enabled, "it is disabled, so nobody uses it: delete it at the server if nobody misses it")
	warn(!e.Public && !e.PrivateKey && !e.HasSecret, "it has no secret, so nobody can use it; one is set on adoption")
	warn(e.Public && e.HasSecret, "it is Public and has a secret all the same, which is removed on adoption")
	return out
}
