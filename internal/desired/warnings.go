package desired

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
)

// Every warning that follows from the object begins with one of these, so that those of the server can be told from them.
const (
	specPrefix       = "spec."
	annotationPrefix = "metadata.annotations: "
	usePrefix        = "status.usedBy: "
)

// Warnings are what an application may say, but better would not, sorted. Every one names the field and what to do. Those that depend on the
// server are left out while it is not known, when entry is the zero Entry. restartProblems are the workloads that could not be restarted.
func Warnings(app *v1alpha1.TrustedApplication, entry connections.Entry, restartProblems ...string) []string {
	spec, out := app.Spec, annotationWarnings(app)
	for _, problem := range restartProblems {
		out = append(out, specPrefix+"credentials.rolloutRestart: the "+problem+"; the credential is published, and this is tried again")
	}
	warn := func(applies bool, text string) {
		if applies {
			out = append(out, specPrefix+text)
		}
	}
	public := spec.ClientType == v1alpha1.ClientTypePublic
	if i := spec.Interactive; i != nil {
		community := slices.Contains(i.Users, v1alpha1.UsersCommunity)
		internal := len(i.Users) == 0 || slices.Contains(i.Users, v1alpha1.UsersInternal)
		warn(len(i.PostLogoutRedirectURIs) == 0, "interactive.postLogoutRedirectUris: none is set, so users stay on the server's page after sign-out: add one")
		warn(lookAlike(texts(i.RedirectURIs)),
			"interactive.redirectUris: some differ only by case or by a trailing slash; the server compares exactly: keep only the one that the "+
				"application sends")
		for field, list := range map[string][]v1alpha1.RedirectURI{"redirectUris": i.RedirectURIs, "postLogoutRedirectUris": i.PostLogoutRedirectURIs} {
			field, uris := "interactive."+field, texts(list)
			warn(slices.ContainsFunc(uris, localhost),
				field+": localhost may resolve to another address than the application listens on: use http://127.0.0.1 or http://[::1] (RFC 8252 "+
					"section 8.3)")
			warn(entry.Environment == v1alpha1.EnvironmentProduction && slices.ContainsFunc(uris, loopback),
				field+": a loopback address on a production server: register a separate application on a test server for development")
		}
		warn(community && !internal,
			"interactive.users: Community without Internal is discouraged by ERP.net: add Internal, or make sure that no internal user needs to sign in")
		warn(community && spec.Service == nil && slices.Contains(spec.Scopes, "update"),
			"scopes: community users get no access to the APIs, so update is of no use to them: remove it, or add spec.service")
	}
	warn(public && slices.Contains(spec.Scopes, "offline_access"),
		"scopes: a refresh token in a Public client can be stolen: remove offline_access and sign users in again")
	warn(spec.Service != nil && len(spec.Scopes) == 0, "scopes: empty, so tokens of the service open no API: add read, and update where it writes")
	warn(slices.ContainsFunc(texts(spec.Scopes), func(s string) bool { return s != strings.ToLower(s) }),
		"scopes: scopes are case-sensitive and commonly lower-case: check those with capital letters")
	warn(spec.ReferenceTokens == v1alpha1.ReferenceTokensAuthenticatedUsers,
		"referenceTokens: every signed-in user may issue long-lived API keys: prefer AdministratorsOnly or None")
	slices.Sort(out)
	return out
}

// annotationWarnings are about requests that do not have the effect that somebody may expect.
func annotationWarnings(app *v1alpha1.TrustedApplication) []string {
	var out []string
	if value, ok := app.Annotations[v1alpha1.PausedAnnotation]; ok && value != v1alpha1.PausedValue {
		out = append(out, annotationPrefix+v1alpha1.PausedAnnotation+" pauses with the value true only: set it to true, or remove it")
	}
	value, ok := app.Annotations[v1alpha1.AbandonAnnotation]
	switch {
	case !ok:
	case value != app.Spec.ApplicationURI:
		out = append(out, annotationPrefix+v1alpha1.AbandonAnnotation+" does not name the client id "+app.Spec.ApplicationURI+
			" of this application: nothing is abandoned; correct it, or remove it")
	case app.DeletionTimestamp.IsZero():
		out = append(out, annotationPrefix+v1alpha1.AbandonAnnotation+" lets the application go when it is deleted and its registration cannot be "+
			"ended: remove it unless that is meant")
	}
	return out
}

// MergeWarnings returns the warnings to show: those of the spec, and those of the server, which are told only when it is told a
// registration; until then the former ones stay.
func MergeWarnings(spec, server, former []string, told bool) []string {
	if !told {
		server = slices.DeleteFunc(slices.Clone(former), func(w string) bool {
			return strings.HasPrefix(w, specPrefix) || strings.HasPrefix(w, annotationPrefix) || strings.HasPrefix(w, usePrefix)
		})
	}
	all := slices.Concat(spec, server)
	slices.Sort(all)
	return slices.Compact(all)
}

func lookAlike(uris []string) bool {
	seen := map[string]bool{}
	for _, u := range uris {
		k := strings.TrimSuffix(strings.ToLower(u), "/")
		if seen[k] {
			return true
		}
		seen[k] = true
	}
	return false
}

func localhost(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Scheme == "http" && isLocalhost(u.Hostname())
}

func loopback(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	return isLocalhost(u.Hostname()) || err == nil && address.IsLoopback()
}

func isLocalhost(host string) bool {
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}
