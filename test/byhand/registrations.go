// Package byhand is an instance with the registrations that people made at it by hand, before there was an operator.
package byhand

import (
	"fmt"
	"maps"
	"slices"

	"trustedapps.dev/operator/test/standin"
)

// Count is how many of them a manifest can say as they are, Obstructed how many none can.
const (
	Count      = 200
	Obstructed = 9
)

// Secret is that which somebody set by hand for the n-th registration.
func Secret(n int) string { return fmt.Sprintf("by-hand-%03d-canary-Zm9yIHRoZSBpbXBvcnQ", n) }

// Registrations are all of them: com.example.KIND/NUMBER, and those that no manifest can say, legacy.KIND.
func Registrations() []standin.Application {
	var all []standin.Application
	names := slices.Sorted(maps.Keys(kinds))
	for n := range Count {
		kind := names[n%len(names)]
		all = append(all, registration(fmt.Sprintf("com.example.%s/%03d", kind, n), n, kinds[kind]))
	}
	for i, kind := range slices.Sorted(maps.Keys(obstructed)) {
		all = append(all, registration("legacy."+kind, Count+i, obstructed[kind]))
	}
	return all
}

// kinds are those that people make, by hand, at an instance.
var kinds = map[string]func(*standin.Application){
	"service": func(*standin.Application) {},
	"web":     web("https://shop.example.com/signin-oidc", "https://shop.example.com/"),
	"hybrid":  and(web("https://portal.example.com/cb,https://portal.example.com/cb2", ""), service),
	"spa":     and(web("https://spa.example.com/", ""), public),
	"native":  and(web("http://127.0.0.1/cb,com.example.native:/cb", ""), public),
	"community": and(web("https://club.example.com/cb", ""), func(a *standin.Application) {
		a.ImpersonateAsInternalUserAllowed = false
		a.ImpersonateAsCommunityUserAllowed = true
	}),
	"disabled":       func(a *standin.Application) { a.IsEnabled = false },
	"basic":          func(a *standin.Application) { a.BasicAuthenticationAllowed = true },
	"security":       func(a *standin.Application) { a.Scope = new("read sec") },
	"impersonating":  func(a *standin.Application) { a.ImpersonateAsInternalUserAllowed = true },
	"chief":          func(a *standin.Application) { a.SystemUser = "svc.chief" },
	"without-secret": func(a *standin.Application) { a.Secret = "" },
	"untidy": func(a *standin.Application) {
		a.Scope, a.Notes = new("update  read"), new("call Anna before you change this")
	},
	"api-keys": func(a *standin.Application) { a.ReferenceTokens = "AdministratorsOnly" },
}

// obstructed are those that no manifest can say as they are.
var obstructed = map[string]func(*standin.Application){
	"plain":      web("http://shop.example.com/cb", ""),
	"wildcard":   web("https://*.example.com/cb", ""),
	"note":       func(a *standin.Application) { a.ClientType, a.SystemUserAllowed, a.SystemUser = "None", false, "" },
	"flowless":   func(a *standin.Application) { a.SystemUserAllowed, a.SystemUser = false, "" },
	"userless":   and(web("https://nobody.example.com/cb", ""), func(a *standin.Application) { a.ImpersonateAsInternalUserAllowed = false }),
	"left-over":  and(web("https://left.example.com/cb", ""), func(a *standin.Application) { a.SystemUser = "svc.orders" }),
	"elsewhere":  func(a *standin.Application) { a.ExternalSystem, a.ExternalID = new("crm"), new("4711") },
	"obsolete":   func(a *standin.Application) { a.Scope = new("DomainApi") },
	"two\nlines": func(*standin.Application) {},
}

func service(a *standin.Application) { a.SystemUserAllowed, a.SystemUser = true, "svc.orders" }

func public(a *standin.Application) { a.ClientType, a.Secret = "Public", "" }

func web(login, logout string) func(*standin.Application) {
	return func(a *standin.Application) {
		a.SystemUserAllowed, a.SystemUser, a.ImpersonateAsInternalUserAllowed, a.ImpersonateLoginURL = false, "", true, &login
		if logout != "" {
			a.ImpersonateLogoutURL = &logout
		}
	}
}

func and(changes ...func(*standin.Application)) func(*standin.Application) {
	return func(a *standin.Application) {
		for _, change := range changes {
			change(a)
		}
	}
}

// registration is a service, with a change.
func registration(uri string, n int, change func(*standin.Application)) standin.Application {
	a := standin.Application{
		ApplicationURI: uri, Name: "By hand " + fmt.Sprint(n), IsEnabled: true, ClientType: "Confidential", Secret: Secret(n), Scope: new("read update"),
	}
	service(&a)
	change(&a)
	return a
}
