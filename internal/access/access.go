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

// securityScope is granted by its name only: no pattern and no absent bound covers it.
const securityScope = "sec"

// Namespace is where an application is.
type Namespace struct {
	Name string
	// Labels are those of the namespace.
	Labels map[string]string
}

// Application is what an application asks for.
type Application struct {
	Namespace      Namespace
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

// Decision is what the grants say of an application.
type Decision struct {
	// Missing says what of the application no grant covers, and what to do; "" where one covers all of it.
	Missing string
	// Administrators: the service may act as an administrator of the server.
	Administrators bool
}

// Of is what an application in a namespace asks for.
func Of(app *v1alpha1.TrustedApplication, namespace Namespace, flow v1alpha1.Flow) Application {
	spec := app.Spec
	a := Application{
		Namespace: namespace, ApplicationURI: spec.ApplicationURI, Flow: flow, ClientType: spec.ClientType, ReferenceTokens: string(spec.ReferenceTokens),
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

// Decide holds an application against grants. They do not add up: one has to cover the whole of it. The grant that is told about is the one that
// covers most. older counts the applications of the namespaces of a grant at this server that were made before this one.
func Decide(server string, grants []v1alpha1.AccessGrant, app Application, older func(v1alpha1.AccessGrant) int) Decision {
	if len(grants) == 0 {
		return Decision{Missing: fmt.Sprintf("the IdentityServer %s grants nothing to anybody: its administrators name in spec.access who may register "+
			"what, see kubectl explain identityserver.spec.access", server)}
	}
	closest, least := "", 0
	var covering []v1alpha1.AccessGrant
	for _, g := range grants {
		if !Concerns(g, app.Namespace) {
			continue
		}
		missing := missing(g, app, older)
		switch {
		case len(missing) == 0:
			covering = append(covering, g)
		case closest == "" || len(missing) < least:
			closest = fmt.Sprintf("the grant %s of the IdentityServer %s does not cover %s", g.Name, server, strings.Join(missing, ", nor "))
			least = len(missing)
		}
	}
	switch {
	case len(covering) > 0:
		return Decision{Administrators: slices.ContainsFunc(covering, func(g v1alpha1.AccessGrant) bool {
			return g.Administrators == v1alpha1.AdministratorsAllowed
		})}
	case closest == "":
		return Decision{Missing: fmt.Sprintf("no grant in spec.access of the IdentityServer %s is for the namespace %s: ask its administrators for one",
			server, app.Namespace.Name)}
	}
	return Decision{Missing: closest + ": change that in the spec, or ask the server's administrators to extend the grant"}
}

// Concerns says whether a grant is for the applications of a namespace.
func Concerns(g v1alpha1.AccessGrant, namespace Namespace) bool {
	if g.NamespaceSelector == nil {
		return matches(texts(g.Namespaces), namespace.Name, namespace.Name)
	}
	for key, value := range g.NamespaceSelector.MatchLabels {
		if has, ok := namespace.Labels[key]; !ok || has != string(value) {
			return false
		}
	}
	return len(g.NamespaceSelector.MatchLabels) > 0
}

// missing names what a grant does not cover.
func missing(g v1alpha1.AccessGrant, app Application, older func(v1alpha1.AccessGrant) int) (names []string) {
	one := func(field string, allowed []string, value string) {
		if len(allowed) > 0 && !matches(allowed, value, app.Namespace.Name) {
			names = append(names, field+" "+value)
		}
	}
	one("spec.applicationUri", texts(g.ApplicationURIs), app.ApplicationURI)
	one("the flow", texts(g.Flows), string(app.Flow))
	one("spec.clientType", texts(g.ClientTypes), string(app.ClientType))
	for _, s := range app.Scopes {
		if strings.EqualFold(s, securityScope) {
			if !slices.Contains(texts(g.Scopes), s) {
				names = append(names, "the scope "+s+", which has to be granted by its name")
			}
			continue
		}
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
