package main

import (
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/test/standin"
)

// operatorClientID is the operator's own trusted application, which an administrator of a real instance registers by hand.
const operatorClientID = "dev.trustedapps.operator/demo"

// User types of ERP.net.
const (
	internalUser    = "InternalUser"
	applicationUser = "ApplicationUserNoLogin"
)

// anna is a person who signs in.
const anna = "anna"

// instanceSpec is an instance as its administrator leaves it: users, and the operator's own trusted application. All secrets are
// drawn anew in each run.
func (w *world) instanceSpec() standin.Spec {
	w.operatorSecret, w.annasPassword = idserver.DrawSecret(), idserver.DrawSecret()
	scope := "read update sec"
	mail := "anna@example.com"
	return standin.Spec{
		Name: serverName,
		Users: []standin.User{
			{Login: "svc.operator", Name: "Trusted application operator", UserType: internalUser, Active: true, IsAdmin: true},
			{Login: "svc.orders", Name: "Order sync", UserType: applicationUser, Active: true},
			{Login: "svc.portal", Name: "Portal back end", UserType: applicationUser, Active: true},
			{Login: anna, Name: "Anna Ivanova", Email: &mail, UserType: internalUser, Active: true, Password: w.annasPassword.Reveal()},
		},
		Applications: []standin.Application{{
			ApplicationURI: operatorClientID, Name: "Trusted application operator", IsEnabled: true, ClientType: "Confidential",
			Secret: w.operatorSecret.Reveal(), SystemUserAllowed: true, SystemUser: "svc.operator", Scope: &scope,
		}},
	}
}
