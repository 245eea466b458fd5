// Package access decides whether the grants of an IdentityServer cover what an application asks for. It is pure.
package access

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"trustedapps.dev/operator/api/v1alpha1"
)

// namespacePlaceholder stands for the namespace of the application in a pattern.
const namespacePlaceholder = "{namespace}"

// Application is what an application asks for.
type Application struct {
	Namespace      string
	ApplicationURI string
	Flow           v1alpha1.Flow
	ClientType     v1alpha1.ClientType
	Scopes         []string
	// SystemUser is empty for an application that acts as no user.
	SystemUser string
	// RedirectURIs are those of both kinds.
	RedirectURIs    []string
	ReferenceTokens string
}

// Of is what an application asks for.
func Of(app *v1alpha1.TrustedApplication, flow v1alpha1.Flow) Application {
	spec := app.Spec
	a := Application{
		Namespace: app.Namespace, ApplicationURI: spec.ApplicationURI, Flow: flow, ClientType: spec.ClientType, ReferenceTokens: string(spec.ReferenceTokens),
	}
	if a.ClientType == "" {
		a.ClientType = v1alpha1.ClientTypeConfidential
	}
	if a.ReferenceTokens == "" {
		a.ReferenceTokens = string(v1alpha1.ReferenceTokensNone)
	}
	for _, s := range spec.Scopes {
		a.Scopes = append(a.Scopes, string(s))
	}
	if spec.Service != nil {
		a.SystemUser = spec.Service.SystemUser
	}
	if i := spec.Interactive; i != nil {
		for _, u := range slices.Concat(i.RedirectURIs, i.PostLogoutRedirectURIs) {
			a.RedirectURIs = append(a.RedirectURIs, string(u))
		}
	}
	return a
}

// Missing says what of an application no grant of the server covers, and what to do; "" where one covers all of it. Grants do not add up: one
// has to cover the whole application. Without any grant everything is covered. The grant that is told about is the one that covers most.
// older counts the applications of the namespaces of a grant at this server that were made before this one.
func Missing(server string, grants []v1alpha1.AccessGrant, app Application, older func(v1alpha1.AccessGrant) int) string {
	if len(grants) == 0 {
		return ""
	}
	closest, least := "", 0
	for _, g := range grants {
		if !Concerns(g, app.Namespace) {
			continue
		}
		missing := missing(g, app, older)
		if len(missing) == 0 {
			return ""
		}
		if closest == "" || len(missing) < least {
			closest = fmt.Sprintf("the grant %s of the IdentityServer %s does not cover %s", g.Name, server, strings.Join(missing, ", nor "))
			least = len(missing)
		}
	}
	if closest == "" {
		return fmt.Sprintf("no grant in spec.access of the IdentityServer %s is for the namespace %s: ask its administrators for one", server, app.Namespace)
	}
	return closest + ": change that in the spec, or ask the server's administrators to extend the grant"
}

// Concerns says whether a grant is for the applications of a namespace.
func Concerns(g v1alpha1.AccessGrant, namespace string) bool {
	return matches(texts(g.Namespaces), namespace, namespace)
}

// missing names what a grant does not cover.
func missing(g v1alpha1.AccessGrant, app Application, older func(v1alpha1.AccessGrant) int) (names []string) {
	one := func(field string, allowed []string, value string) {
		if len(allowed) > 0 && !matches(allowed, value, app.Namespace) {
			names = append(names, field+" "+value)
		}
	}
	one("spec.applicationUri", texts(g.ApplicationURIs), app.ApplicationURI)
	one("the flow", texts(g.Flows), string(app.Flow))
	one("spec.clientType", texts(g.ClientTypes), string(app.ClientType))
	for _, s := range app.Scopes {
		one("the scope", texts(g.Scopes), s)
	}
	if app.SystemUser != "" {
		one("spec.service.systemUser", texts(g.SystemUsers), app.SystemUser)
	}
	for _, u := range app.RedirectURIs {
		one("the redirect host", texts(g.RedirectHosts), hostOf(u))
	}
	one("spec.referenceTokens", texts(g.ReferenceTokens), app.ReferenceTokens)
	if limit := g.MaxApplications; limit != nil && older(g) >= int(*limit) {
		names = append(names, fmt.Sprintf("more than %d applications", *limit))
	}
	return names
}

// matches says whether a value is one of the patterns: as it is, or with what comes before a * at the end, or, for hosts, after one at the
// beginning. The placeholder stands for the namespace.
func matches(patterns []string, value, namespace string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		p = strings.ReplaceAll(p, namespacePlaceholder, namespace)
		prefix, open := strings.CutSuffix(p, "*")
		suffix, wild := strings.CutPrefix(p, "*.")
		switch {
		case wild:
			return strings.HasSuffix(value, "."+suffix)
		case open:
			return strings.HasPrefix(value, prefix)
		}
		return value == p
	})
}

// hostOf is the host of a redirect URI, or its scheme and a colon where it has none, as those of native applications.
func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	if u.Hostname() == "" {
		return u.Scheme + ":"
	}
	return strings.ToLower(u.Hostname())
}

func texts[T ~string](list []T) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}
