package imports

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/roster"
)

// The bounds of the schema, see api/v1alpha1.
const (
	maxClientID     = 254
	maxURIs         = 20
	maxURILength    = 500
	maxScopes       = 32
	maxScopeLength  = 64
	maxLoginLength  = 64
	maxDisplayName  = 254
	refreshScope    = "offline_access"
	obsoleteScope   = "domainapi"
	privateUseParts = `^[a-z][a-z0-9+-]*([.][a-z0-9+-]+)+:/`
)

var (
	printable     = regexp.MustCompile(`^[\x21-\x7E]+$`)
	scopeForm     = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`)
	loginForm     = regexp.MustCompile(`^[^\s\p{Z}\p{C}]([^\p{C}]*[^\s\p{Z}\p{C}])?$`)
	nameForm      = regexp.MustCompile(`^[^\s\p{Z}]([^\n]*[^\s\p{Z}])?$`)
	nameForbidden = regexp.MustCompile(`[\p{Cc}\p{Zl}\p{Zp}\x{202A}-\x{202E}\x{2066}-\x{2069}]`)
	uriForbidden  = regexp.MustCompile("[,\"<>\\\\^{|}`#*]")
	uriEscapes    = regexp.MustCompile(`^([^%]|%[0-9A-Fa-f]{2})*$`)
	uriUser       = regexp.MustCompile(`^[^/?]*//[^/?]*@`)
	uriHTTPS      = regexp.MustCompile(`^https://([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?([/?].*)?$`)
	uriLoopback   = regexp.MustCompile(`^http://(127[.]0[.]0[.]1|[[]::1[]]|localhost)(:[0-9]{1,5})?([/?].*)?$`)
	uriPrivate    = regexp.MustCompile(privateUseParts)
)

// obstacle says why a registration cannot be watched and adopted with its manifest: whose it is, what no manifest can say, or what the manifest
// would change. Values of the server are quoted, because they may hold anything.
func obstacle(server roster.Server, e roster.Entry, app *v1alpha1.TrustedApplication) string {
	for _, o := range []string{
		ownership(e), unlike(e), badClientID(e), badUsers(server, e, app), badURIs(e), badScopes(e), badTexts(server, e),
	} {
		if o != "" {
			return o
		}
	}
	if names := differing(server, e, app); len(names) > 0 {
		return "no manifest says exactly what is registered; this one would change " + strings.Join(names, ", ")
	}
	return ""
}

func ownership(e roster.Entry) string {
	switch o := e.Owner; {
	case e.Operator:
		return "it is the operator's own registration"
	case o == nil:
		return ""
	case o.Elsewhere:
		return "it carries the mark of another cluster or of another system"
	case o.Lives:
		return "it is that of the TrustedApplication " + o.Namespace + "/" + o.Name + ", which lives"
	default:
		return "it carries the mark of the TrustedApplication " + o.Namespace + "/" + o.Name + ", which is gone: create that one again, or let another " +
			"one take it over with adoptionPolicy: Takeover"
	}
}

// unlike is what has no flow.
func unlike(e roster.Entry) string {
	switch {
	case e.NoteOnly:
		return "its client type is None: it is a note that an application is there, which nobody can sign in with"
	case e.Public && e.Service:
		return "it is Public and has a service's flow, which takes a secret: make it Confidential at the server, or take the system user away"
	case len(e.RedirectURIs) == 0 && !e.Service:
		return "it has neither redirect URIs nor a system user, so nothing can use it: delete it at the server, or complete it there"
	}
	return ""
}

func badClientID(e roster.Entry) string {
	switch {
	case !printable.MatchString(e.ClientID) || len(e.ClientID) > maxClientID:
		return "its client id has characters that are not printable ASCII, or is too long"
	case strings.Contains(e.ClientID, "@"):
		return "its client id has an @, as the login of a user (RFC 9700 section 4.15)"
	case e.Service && strings.EqualFold(e.ClientID, e.SystemUser):
		return "its client id is the login of its system user (RFC 9700 section 4.15)"
	}
	return ""
}

func badUsers(server roster.Server, e roster.Entry, app *v1alpha1.TrustedApplication) string {
	switch {
	case server.UserGroups && app.Spec.Interactive != nil && !e.InternalUsers && !e.CommunityUsers:
		return "it has redirect URIs, but neither internal nor community users may sign in: allow one of them at the server, or remove the URIs"
	case server.SystemUsers && e.Service && e.SystemUser == "":
		return "it may act as a service, but has no system user: set one at the server"
	}
	return ""
}

func badURIs(e roster.Entry) string {
	for _, list := range [][]string{e.RedirectURIs, e.PostLogoutRedirectURIs} {
		if len(list) > maxURIs || len(strings.Join(list, ",")) > maxURILength {
			return "it has too many redirect URIs, or too long ones"
		}
		for _, uri := range list {
			private := uriPrivate.MatchString(uri)
			switch {
			case !printable.MatchString(uri) || uriForbidden.MatchString(uri) || !uriEscapes.MatchString(uri) || uriUser.MatchString(uri):
				return fmt.Sprintf("%q is not a redirect URI that can be compared exactly: correct it at the server", uri)
			case uriHTTPS.MatchString(uri), e.Public && (private || uriLoopback.MatchString(uri)):
			case uriLoopback.MatchString(uri), private:
				return fmt.Sprintf("%q is for a Public native application, and this one is Confidential: use https", uri)
			default:
				return fmt.Sprintf("%q is not https", uri)
			}
		}
	}
	return ""
}

func badScopes(e roster.Entry) string {
	if len(e.Scopes) > maxScopes {
		return "it has too many scopes"
	}
	for _, s := range e.Scopes {
		switch {
		case strings.EqualFold(s, obsoleteScope):
			return "it has the scope DomainApi, which is obsolete: remove it at the server, and add read, or update where the application writes"
		case !scopeForm.MatchString(s) || len(s) > maxScopeLength:
			return fmt.Sprintf("%q is not a scope (RFC 6749 section 3.3)", s)
		case s == refreshScope && len(e.RedirectURIs) == 0:
			return "it has the scope offline_access, which is for interactive applications only: remove it at the server"
		}
	}
	return ""
}

func badTexts(server roster.Server, e roster.Entry) string {
	policies := []v1alpha1.ReferenceTokenPolicy{
		v1alpha1.ReferenceTokensNone, v1alpha1.ReferenceTokensAdministratorsOnly, v1alpha1.ReferenceTokensAuthenticatedUsers,
	}
	switch {
	case e.DisplayName == "" || utf8.RuneCountInString(e.DisplayName) > maxDisplayName || !nameForm.MatchString(e.DisplayName) ||
		nameForbidden.MatchString(e.DisplayName):
		return "its name is empty or too long, has white space around it, or characters that cannot be seen: correct it at the server"
	case e.Service && server.SystemUsers && (!loginForm.MatchString(e.SystemUser) || utf8.RuneCountInString(e.SystemUser) > maxLoginLength):
		return fmt.Sprintf("the login %q of its system user has white space around it, or characters that cannot be seen", e.SystemUser)
	case server.ReferenceTokens && e.ReferenceTokens != "" && !slices.Contains(policies, v1alpha1.ReferenceTokenPolicy(e.ReferenceTokens)):
		return fmt.Sprintf("%q is not a policy for reference tokens", e.ReferenceTokens)
	}
	return ""
}
