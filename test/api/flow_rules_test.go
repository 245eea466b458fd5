package api_test

// flowRules are those between the blocks of a TrustedApplication: which kinds of application there are.
func flowRules() []rule {
	const (
		configMap = "spec.configMapName"
		secret    = "spec.credentials.secretName"
		redirects = "spec.interactive.redirectUris"
		logouts   = "spec.interactive.postLogoutRedirectUris"
	)
	native := []any{"http://127.0.0.1/callback"}
	custom := []any{"https://shop.example.com/cb", "com.example.app:/callback"}
	inService := set("spec.service", map[string]any{"systemUser": "svc.shop"})
	fourKinds := []example{eg("a service", service()), eg("a web application", web()), eg("a public one", public()), eg("a hybrid one", hybrid())}
	return []rule{
		{
			kind: application, path: "spec", keyword: "cel",
			message: "say what the application does: add spec.service (acts as itself, Client Credentials), spec.interactive (signs users " +
				"in, Authorization Code), or both",
			accepted: fourKinds,
			refused:  []example{eg("neither block", service(unset("spec.service")))},
		},
		{
			kind: application, path: "spec", keyword: "cel",
			message: "an interactive application must say whether it can keep a secret: set spec.clientType to Confidential (server side) " +
				"or Public (SPA, native, mobile)",
			accepted: fourKinds,
			refused:  []example{eg("no client type", web(unset("spec.clientType"))), eg("a hybrid one without", hybrid(unset("spec.clientType")))},
		},
		{
			kind: application, path: "spec", keyword: "cel", ids: "B3",
			message: "a Public client has no secret and cannot use Client Credentials: remove spec.service, or set spec.clientType to " +
				"Confidential",
			accepted: []example{eg("a hybrid application", hybrid()), eg("a public one", public())},
			refused: []example{
				eg("a public service", service(set("spec.clientType", "Public"))), eg("a public hybrid one", public(inService)),
				{"a hybrid one that becomes public", hybrid(set("spec.clientType", "Public")), hybrid()},
			},
		},
		{
			kind: application, path: "spec", keyword: "cel", ids: "B2",
			message:  "a Public client needs spec.interactive with at least one redirect URI",
			accepted: []example{eg("a public application", public())},
			refused:  []example{eg("a public service", service(set("spec.clientType", "Public")))},
		},
		{
			kind: application, path: "spec", keyword: "cel", ids: "B1",
			message: "a Public client never gets a Secret: remove spec.credentials.secretName; its configuration is published in the " +
				"ConfigMap spec.configMapName",
			accepted: []example{
				eg("a confidential one with a Secret", web(set(secret, "shop"))),
				eg("empty credentials", public(set("spec.credentials", map[string]any{}))),
			},
			refused: []example{eg("a public one with a Secret", public(set(secret, "shop")))},
		},
		{
			kind: application, path: "spec", keyword: "cel",
			message:  "a ConfigMap is published for interactive applications only: remove spec.configMapName, or add spec.interactive",
			accepted: []example{eg("a web application", web(set(configMap, "shop"))), eg("a hybrid one", hybrid(set(configMap, "shop")))},
			refused:  []example{eg("a service", service(set(configMap, "orders")))},
		},
		{
			kind: application, path: "spec", keyword: "cel", field: redirects, ids: "C2",
			message: "a Confidential application needs https redirect URIs, also on localhost; http://127.0.0.1 and private-use schemes " +
				"are for Public native apps (RFC 8252)",
			accepted: []example{
				eg("https on localhost", web(set(redirects, []any{"https://localhost:5001/cb"}))),
				eg("loopback of a public one", public(set(redirects, native))), eg("a scheme of a public one", public(set(redirects, custom))),
			},
			refused: []example{
				eg("loopback", web(set(redirects, native))), eg("a private-use scheme beside https", web(set(redirects, custom))),
				eg("loopback of a hybrid one", hybrid(set(redirects, native))),
				{"a public native one that becomes confidential", web(set(redirects, native)), public(set(redirects, native))},
			},
		},
		{
			kind: application, path: "spec", keyword: "cel", field: logouts, ids: "C2",
			message: "a Confidential application needs https post-logout redirect URIs, also on localhost; http://127.0.0.1 and " +
				"private-use schemes are for Public native apps (RFC 8252)",
			accepted: []example{
				eg("https", web(set(logouts, []any{"https://shop.example.com/"}))), eg("loopback of a public one", public(set(logouts, native))),
			},
			refused: []example{eg("loopback", web(set(logouts, native))), eg("a private-use scheme", web(set(logouts, custom)))},
		},
		{
			kind: application, path: "spec", keyword: "cel", field: "spec.scopes",
			message: "offline_access asks for refresh tokens, which belong to interactive applications only: remove it from spec.scopes",
			accepted: []example{
				eg("a web application", web(set("spec.scopes", []any{"read", "offline_access"}))),
				eg("a public one (a warning comes in status)", public(set("spec.scopes", []any{"read", "offline_access"}))),
				eg("a hybrid one", hybrid(set("spec.scopes", []any{"read", "offline_access"}))),
			},
			refused: []example{eg("a service", service(set("spec.scopes", []any{"read", "offline_access"})))},
		},
		{
			kind: application, path: "spec", keyword: "cel",
			message: "the client id must not be the login of a user (RFC 9700 section 4.15): choose another spec.applicationUri, such as " +
				"com.example.orders/sync",
			accepted: []example{eg("different ones", service())},
			refused: []example{
				eg("the same", service(set("spec.applicationUri", "svc.orders"))), eg("another case", service(set("spec.applicationUri", "SVC.Orders"))),
			},
		},
	}
}
