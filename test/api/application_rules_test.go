package api_test

import (
	"fmt"
	"strings"
)

func tooLong(longest int) string {
	return fmt.Sprintf("Too long: may not be more than %d bytes", longest)
}

// items are n different valid strings.
func items(format string, n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return list
}

// applicationRules are those of single fields of the TrustedApplication, but for redirect URIs.
func applicationRules() []rule {
	const (
		name   = "spec.identityServerRef.name"
		uri    = "spec.applicationUri"
		title  = "spec.displayName"
		user   = "spec.service.systemUser"
		scopes = "spec.scopes"
		secret = "spec.credentials.secretName"
		config = "spec.configMapName"
		other  = `Unsupported value: "Other": supported values: `
	)
	rules := []rule{
		{
			kind: application, keyword: "cel", field: "<nil>",
			message:  "metadata.name must not be longer than 63 characters, because it is used as a label",
			accepted: each(service, "metadata.name", strings.Repeat("a", 63)),
			refused:  each(service, "metadata.name", strings.Repeat("a", 64)),
		},
		{
			kind: application, path: "spec", keyword: "required", message: "Required value",
			accepted: []example{eg("a service", service())},
			refused:  []example{eg("nothing", service(unset("spec")))},
		},
		{
			kind: application, path: "spec.identityServerRef", keyword: "required", message: "Required value",
			accepted: []example{eg("a reference", service())},
			refused:  []example{eg("none", service(unset("spec.identityServerRef")))},
		},
		{
			kind: application, path: name, keyword: "required", message: "Required value",
			accepted: []example{eg("a name", service())},
			refused:  []example{eg("none", service(unset(name)))},
		},
		{
			kind: application, path: "spec.identityServerRef", keyword: "cel",
			message:  "cannot be changed: create another TrustedApplication for the other server, then delete this one",
			accepted: []example{{"the same server", service(set(title, "Orders")), service()}},
			refused:  []example{{"another server", service(set(name, "other")), service()}},
		},
		{
			kind: application, path: uri, keyword: "required", message: "Required value", ids: "A1",
			accepted: []example{eg("a client id", service())},
			refused:  []example{eg("none", service(unset(uri)))},
		},
		{
			kind: application, path: uri, keyword: "cel", ids: "A1",
			message:  "must be printable ASCII without spaces, for example com.example.orders/sync",
			accepted: each(service, uri, "com.example.orders/sync", "orders", "urn:example:orders", "https://orders.example.com"),
			refused:  each(service, uri, "orders sync", " orders", "orders ", "orders\n", "orders\t", "orders\x00", "Orderlänge", "orders\u200b", "оrders"),
		},
		{
			kind: application, path: uri, keyword: "cel",
			message:  "must not look like the login of a user (RFC 9700 section 4.15): use a form such as com.example.orders/sync, without '@'",
			accepted: each(service, uri, "com.example.orders/sync"),
			refused:  each(service, uri, "jane@example.com", "@"),
		},
		{
			kind: application, path: uri, keyword: "cel", ids: "A1",
			message: "cannot be changed, because it is the client_id that users and workloads know: create another TrustedApplication, " +
				"then delete this one",
			accepted: []example{{"the same client id", service(set(title, "Orders")), service()}},
			refused: []example{
				{"another client id", service(set(uri, "com.example.orders/other")), service()},
				{"another case", service(set(uri, "com.example.Orders/sync")), service()},
			},
		},
		{
			kind: application, path: title, keyword: "cel", ids: "A3",
			message: "must not start or end with white space and must not contain line breaks, control characters or characters that " +
				"change the writing direction",
			accepted: each(service, title, "Order sync", "Поръчки", "注文", "x", "Orders \U0001F469\u200d\U0001F4BB team"),
			refused: each(service, title, " Orders", "Orders ", "\u00a0Orders", "Orders\u3000", " ", "Orders\nAdmin", "Orders\u2028Admin",
				"Orders\x00", "Orders\x1b[2J", "Orders\u202egnp", "Orders\u2066x"),
		},
		{
			kind: application, path: "spec.clientType", keyword: "enum", message: other + `"Confidential", "Public"`, ids: "B5",
			accepted: []example{eg("Confidential", web()), eg("Public", public())},
			refused:  each(web, "spec.clientType", "Other"),
		},
		{
			kind: application, path: "spec.referenceTokens", keyword: "enum",
			message:  other + `"None", "AuthenticatedUsers", "AdministratorsOnly"`,
			accepted: each(service, "spec.referenceTokens", "None", "AuthenticatedUsers", "AdministratorsOnly"),
			refused:  each(service, "spec.referenceTokens", "Other"),
		},
		{
			kind: application, path: "spec.deletionPolicy", keyword: "enum", message: other + `"Delete", "Disable", "Orphan"`,
			accepted: each(service, "spec.deletionPolicy", "Delete", "Disable", "Orphan"),
			refused:  each(service, "spec.deletionPolicy", "Other"),
		},
		{
			kind: application, path: user, keyword: "cel",
			message:  "must be the user's login, without white space around it and without control or invisible characters",
			accepted: each(service, user, "svc.orders", "svc@example.com", "Order Sync", "служба", "x"),
			refused:  each(service, user, " svc", "svc ", "svc\u00a0", "svc\n", "s\x00vc", "svc\u200b", "s\u202evc", " "),
		},
		{
			kind: application, path: "spec.service.internalUserImpersonation", keyword: "enum", message: other + `"Forbidden", "Allowed"`,
			accepted: each(service, "spec.service.internalUserImpersonation", "Forbidden", "Allowed"),
			refused:  each(service, "spec.service.internalUserImpersonation", "Other"),
		},
		{
			kind: application, path: scopes, keyword: "minItems",
			message:  "Invalid value: 0: spec.scopes in body should have at least 1 items",
			accepted: eachItem(service, scopes, "read"),
			refused:  []example{eg("an empty list", service(set(scopes, []any{})))},
		},
		{
			kind: application, path: scopes, keyword: "maxItems", message: "Too many: 33: must have at most 32 items",
			accepted: []example{eg("32 scopes", service(set(scopes, items("s%d", 32))))},
			refused:  []example{eg("33 scopes", service(set(scopes, items("s%d", 33))))},
		},
		{
			kind: application, path: scopes, keyword: "set", field: "spec.scopes[]", message: `Duplicate value: "read"`, ids: "E3",
			accepted: []example{eg("two scopes", service(set(scopes, []any{"read", "update"})))},
			refused:  []example{eg("a scope twice", service(set(scopes, []any{"read", "update", "read"})))},
		},
		{
			kind: application, path: "spec.scopes[]", keyword: "minLength",
			message:  `Invalid value: "": spec.scopes[0] in body should be at least 1 chars long`,
			accepted: eachItem(service, scopes, "r"), refused: eachItem(service, scopes, ""),
		},
		{
			kind: application, path: "spec.scopes[]", keyword: "maxLength", message: tooLong(64),
			accepted: eachItem(service, scopes, strings.Repeat("s", 64)), refused: eachItem(service, scopes, strings.Repeat("s", 65)),
		},
		{
			kind: application, path: "spec.scopes[]", keyword: "cel", ids: "E3",
			message:  "must be printable ASCII without spaces, quotes and backslashes: one list item for each scope",
			accepted: eachItem(service, scopes, "read", "api://orders/read", "[x]", "urn:x#y!"),
			refused:  eachItem(service, scopes, "read update", "read ", "\"read\"", `re\ad`, "read\n", "réad", "read\x7f"),
		},
		{
			kind: application, path: "spec.scopes[]", keyword: "cel", ids: "E2",
			message:  "the scope DomainApi is obsolete: use read, and update where the application writes",
			accepted: eachItem(service, scopes, "read", "domain"), refused: eachItem(service, scopes, "DomainApi", "domainapi", "DOMAINAPI"),
		},
	}
	rules = append(rules, lengthRules(application, uri, "a", 254, service)...)
	rules = append(rules, lengthRules(application, title, "a", 254, service)...)
	rules = append(rules, lengthRules(application, user, "a", 64, service)...)
	rules = append(rules, nameRules(application, name, 63, "must be the name of an IdentityServer: lower-case letters, digits, '-' and '.'; "+
		"kubectl get ids lists them", service)...)
	rules = append(rules, nameRules(application, secret, 253, "must be a valid Secret name: lower-case letters, digits, '-' and '.'", service)...)
	return append(rules, nameRules(application, config, 253, "must be a valid ConfigMap name: lower-case letters, digits, '-' and '.'", web)...)
}
