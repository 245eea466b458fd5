package identity

import (
	"crypto/subtle"
	"slices"
	"strings"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// registration is a trusted application as the identity server sees it.
type registration struct {
	model.TrustedApplication
	quirks model.Quirks
}

// secretMatches compares the hash of the received secret with the stored one in constant time.
func (a registration) secretMatches(secret string) bool {
	if a.ApplicationSecretHash == nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(model.SecretHash(secret)), []byte(*a.ApplicationSecretHash)) == 1
}

// interactive says whether the application may sign anybody in.
func (a registration) interactive() bool {
	return a.ImpersonateAsInternalUserAllowed || a.ImpersonateAsCommunityUserAllowed
}

// mayImpersonate says whether the application may sign in users of this type.
func (a registration) mayImpersonate(userType string) bool {
	switch userType {
	case model.InternalUser:
		return a.ImpersonateAsInternalUserAllowed
	case model.ExternalCommunityUser:
		return a.ImpersonateAsCommunityUserAllowed
	}
	return false
}

// redirectURIs are the URIs that a sign-in may return to.
func (a registration) redirectURIs() []string {
	uris := a.list(a.ImpersonateLoginURL)
	if a.quirks.RedirectsFromLogoutListToo {
		uris = append(uris, a.logoutURIs()...)
	}
	return uris
}

// logoutURIs are the URIs that a sign-out may return to.
func (a registration) logoutURIs() []string { return a.list(a.ImpersonateLogoutURL) }

func (a registration) list(joined *string) []string {
	if joined == nil || *joined == "" {
		return nil
	}
	uris := strings.Split(*joined, ",")
	if a.quirks.TrimURLs {
		for i := range uris {
			uris[i] = strings.TrimSpace(uris[i])
		}
	}
	return uris
}

// Scopes of the protocols, which open no data.
var protocolScopes = []string{"openid", "profile", "offline_access"}

// Scopes that open the APIs.
var apiScopes = []string{"read", "update", "sec"}

// legacyScope is obsolete; the official client always asks for it.
const legacyScope = "DomainApi"

// listedScopes are the scopes of the registration.
func (a registration) listedScopes() []string {
	if a.Scope == nil {
		return nil
	}
	return strings.Fields(*a.Scope)
}

// serviceScopes decides what a client-credentials request for these scopes is granted: all listed scopes where it
// names none. Protocol scopes are never issued to a service.
func (a registration) serviceScopes(requested string) ([]string, error) {
	granted, err := a.grantScopes(requested)
	if err != nil {
		return nil, err
	}
	granted = slices.DeleteFunc(granted, func(s string) bool { return slices.Contains(protocolScopes, s) })
	if len(granted) == 0 && requested != "" {
		return nil, failure(invalidScope, "A service is not granted protocol scopes.")
	}
	return granted, nil
}

// userScopes decides what a sign-in that requests these scopes is granted.
func (a registration) userScopes(requested string) ([]string, error) { return a.grantScopes(requested) }

func (a registration) grantScopes(requested string) ([]string, error) {
	listed := a.listedScopes()
	asked := strings.Fields(requested)
	if !slices.ContainsFunc(asked, func(s string) bool { return s != legacyScope }) {
		asked = append(slices.Clone(listed), asked...)
	}
	var granted []string
	for _, scope := range asked {
		allowed := slices.Contains(listed, scope)
		switch {
		case scope == legacyScope:
			allowed = !a.quirks.RejectDomainAPIScope
		case slices.Contains(protocolScopes, scope) && !a.quirks.ProtocolScopesMustBeListed:
			allowed = true
		}
		if !allowed && !a.quirks.ScopeSubset {
			return nil, failure(invalidScope, "The scope is not in the scopes of the application.")
		}
		if allowed && !slices.Contains(granted, scope) {
			granted = append(granted, scope)
		}
	}
	return granted, nil
}
