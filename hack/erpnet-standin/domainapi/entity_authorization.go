package domainapi

import "trustedapps.dev/operator/hack/erpnet-standin/token"

// authorizations describes the child records of trusted applications. No documented flow uses them, so the stand-in
// never has any; the set exists so that a client can see that.
func authorizations() *entity {
	return &entity{
		set: authorizationSet, typeName: "Erp.Systems_Security_TrustedApplicationAuthorization",
		attributes: []attribute{
			{name: "Id", kind: guid, required: true, readOnly: true, onRequest: true, filter: equals | ranges | equalsIn},
			{name: "TrustedApplication", kind: reference, target: applicationSet, required: true, readOnly: true, filter: equals | equalsIn},
			{name: "ContextUser", kind: reference, target: userSet, required: true, readOnly: true},
			{name: "GrantingUser", kind: reference, target: userSet, required: true, readOnly: true},
			{name: "GrantTimeUtc", kind: moment, required: true, readOnly: true},
			{name: "IsRevoked", kind: boolean, required: true, readOnly: true},
			{name: "ValidFromUtc", kind: moment, readOnly: true},
			{name: "ValidUntilUtc", kind: moment, readOnly: true},
			{name: "Notes", kind: text, readOnly: true},
		},
		security:  true,
		adminOnly: true,
		rows:      func(*database, token.Caller) []row { return nil },
	}
}
