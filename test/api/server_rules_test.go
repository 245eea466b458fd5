package api_test

import "strings"

// serverRules are those of the IdentityServer.
func serverRules() []rule {
	const (
		url   = "spec.erpNet.url"
		id    = "spec.erpNet.identityUrl"
		api   = "spec.erpNet.domainApiUrl"
		ref   = "spec.erpNet.credentialsRef.name"
		ca    = "spec.caBundle"
		enums = `Unsupported value: "Sometimes": supported values: `
	)
	rules := []rule{
		{
			kind: server, keyword: "cel", field: "<nil>",
			message:  "metadata.name must not be longer than 63 characters, because it is used as a label",
			accepted: each(erpNet, "metadata.name", strings.Repeat("a", 63)),
			refused:  each(erpNet, "metadata.name", strings.Repeat("a", 64)),
		},
		{
			kind: server, path: "spec", keyword: "required", message: "Required value",
			accepted: []example{eg("an instance", erpNet())},
			refused:  []example{eg("nothing", erpNet(unset("spec")))},
		},
		{
			kind: server, path: "spec", keyword: "cel", message: "exactly one of the fields in [erpNet dynamicRegistration hydra] must be set",
			accepted: []example{eg("an instance", erpNet()), eg("dynamic registration", dynamic()), eg("Ory Hydra", hydra())},
			refused: []example{
				eg("no backend", erpNet(unset("spec.erpNet"))),
				eg("two", erpNet(set("spec.dynamicRegistration", map[string]any{"issuer": "https://auth.example.com"}))),
			},
		},
		{
			kind: server, path: "spec", keyword: "cel", message: "the kind of server cannot be changed: create another IdentityServer",
			accepted: []example{{name: "another URL", object: erpNet(set(url, "https://other.my.erp.net")), former: erpNet()}},
			refused: []example{
				{name: "an instance that becomes Ory Hydra", object: hydra(), former: erpNet()},
				{name: "Ory Hydra that becomes dynamic registration", object: dynamic(), former: hydra()},
			},
		},
		{
			kind: server, path: url, keyword: "required", message: "Required value",
			accepted: []example{eg("a URL", erpNet())},
			refused:  []example{eg("none", erpNet(unset(url)))},
		},
		{
			kind: server, path: url, keyword: "cel", ids: "I2",
			message: "id.erp.net is the global identity, which registers no applications of an instance: use the URL of the instance, " +
				"for example https://acme.my.erp.net",
			accepted: each(erpNet, url, instances...),
			refused:  each(erpNet, url, globalIdentities...),
		},
		{
			kind: server, path: id, keyword: "cel", ids: "I2",
			message: "id.erp.net is the global identity, whose tokens do not open the APIs of an instance: use the identity URL of the " +
				"instance, for example https://acme.my.erp.net/id",
			accepted: each(erpNet, id, instances...),
			refused:  each(erpNet, id, globalIdentities...),
		},
		{
			kind: server, path: "spec.erpNet.credentialsRef", keyword: "required", message: "Required value",
			accepted: []example{eg("a reference", erpNet())},
			refused:  []example{eg("none", erpNet(unset("spec.erpNet.credentialsRef")))},
		},
		{
			kind: server, path: ref, keyword: "required", message: "Required value",
			accepted: []example{eg("a name", erpNet())},
			refused:  []example{eg("none", erpNet(unset(ref)))},
		},
		{
			kind: server, path: "spec.erpNet.clientAuthentication", keyword: "enum",
			message:  enums + `"Post", "Basic"`,
			accepted: each(erpNet, "spec.erpNet.clientAuthentication", "Post", "Basic"),
			refused:  each(erpNet, "spec.erpNet.clientAuthentication", "Sometimes"),
		},
		{
			kind: server, path: "spec.verification", keyword: "enum", message: enums + `"Required", "Off"`,
			accepted: each(erpNet, "spec.verification", "Required", "Off"),
			refused:  each(erpNet, "spec.verification", "Sometimes"),
		},
		{
			kind: server, path: "spec.environment", keyword: "enum", message: enums + `"Production", "Test"`,
			accepted: each(erpNet, "spec.environment", "Production", "Test"),
			refused:  each(erpNet, "spec.environment", "Sometimes"),
		},
		{
			kind: server, path: ca, keyword: "format", message: `spec.caBundle in body must be of type byte: "-----BEGIN CERTIFICATE-----"`,
			// The second holds + and /, which a CEL rule on this field could not decode: the API server reads byte fields for CEL
			// with the alphabet of base64url. Certificates are therefore checked by the operator.
			accepted: each(erpNet, ca, "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==", "xZE+IC8vfn9/Cg/+"),
			refused:  each(erpNet, ca, "-----BEGIN CERTIFICATE-----"),
		},
	}
	rules = append(rules, nameRules(server, ref, 253, "must be a valid Secret name: lower-case letters, digits, '-' and '.'", erpNet)...)
	rules = append(rules, lengthRules(server, ca, "YWJj", 262144, erpNet)...)
	for _, path := range []string{url, id, api} {
		rules = append(rules, httpsURLRules(path, erpNet)...)
	}
	rules = append(rules, httpsURLRules("spec.dynamicRegistration.issuer", dynamic)...)
	rules = append(rules, httpsURLRules("spec.hydra.publicUrl", hydra)...)
	rules = append(rules, adminURLRules()...)
	rules = append(rules, contactRules()...)
	for backend, base := range map[string]func(...change) object{"spec.dynamicRegistration": dynamic, "spec.hydra": hydra} {
		rules = append(rules, backendRules(backend, base)...)
	}
	return rules
}

func contactRules() []rule {
	const path = "spec.dynamicRegistration.contacts"
	return append(lengthRulesOfItems(server, path, "ops@example.com", 254, dynamic),
		rule{
			kind: server, path: path, keyword: "minItems", message: "Invalid value: 0: " + path + " in body should have at least 1 items",
			accepted: eachItem(dynamic, path, "ops@example.com"), refused: []example{eg("an empty list", dynamic(set(path, []any{})))},
		},
		rule{
			kind: server, path: path, keyword: "maxItems", message: "Too many: 9: must have at most 8 items",
			accepted: []example{eg("8", dynamic(set(path, items("c%d", 8))))}, refused: []example{eg("9", dynamic(set(path, items("c%d", 9))))},
		},
		rule{
			kind: server, path: path, keyword: "set", field: path + "[]", message: `Duplicate value: "ops"`,
			accepted: []example{eg("two", dynamic(set(path, []any{"ops", "dev"})))}, refused: []example{eg("one twice", dynamic(set(path, []any{"ops", "ops"})))},
		},
	)
}

// lengthRulesOfItems are those of the texts of a list.
func lengthRulesOfItems(kind, path, item string, longest int, base func(...change) object) []rule {
	return []rule{
		{
			kind: kind, path: path + "[]", keyword: "minLength", message: `Invalid value: "": ` + path + "[0] in body should be at least 1 chars long",
			accepted: eachItem(base, path, item), refused: eachItem(base, path, ""),
		},
		{
			kind: kind, path: path + "[]", keyword: "maxLength", message: tooLong(longest),
			accepted: eachItem(base, path, strings.Repeat("c", longest)), refused: eachItem(base, path, strings.Repeat("c", longest+1)),
		},
	}
}

// backendRules are those that the backends without a login of their own share.
func backendRules(backend string, base func(...change) object) []rule {
	method, reference := backend+".clientAuthentication", backend+".credentialsRef"
	rules := []rule{
		{
			kind: server, path: method, keyword: "enum", message: `Unsupported value: "Sometimes": supported values: "Post", "Basic"`,
			accepted: each(base, method, "Post", "Basic"), refused: each(base, method, "Sometimes"),
		},
		{
			kind: server, path: reference + ".name", keyword: "required", message: "Required value",
			accepted: []example{eg("a name", base(set(reference+".name", "acme"))), eg("no reference", base())},
			refused:  []example{eg("none", base(set(reference, map[string]any{})))},
		},
	}
	rules = append(rules, nameRules(server, reference+".name", 253, "must be a valid Secret name: lower-case letters, digits, '-' and '.'", base)...)
	for _, path := range map[string][]string{"spec.dynamicRegistration": {"issuer"}, "spec.hydra": {"adminUrl", "publicUrl"}}[backend] {
		rules = append(rules, rule{
			kind: server, path: backend + "." + path, keyword: "required", message: "Required value",
			accepted: []example{eg("a URL", base())}, refused: []example{eg("none", base(unset(backend+"."+path)))},
		})
	}
	return rules
}

// adminURLRules are those of a URL that may be plain http.
func adminURLRules() []rule {
	const path = "spec.hydra.adminUrl"
	return append(lengthRules(server, path, "http://hydra-admin:4445/", 512, hydra),
		rule{
			kind: server, path: path, keyword: "cel", message: "must be an absolute URL, for example http://hydra-admin.auth.svc:4445",
			accepted: each(hydra, path, "http://hydra-admin.auth.svc:4445", "https://hydra.example.com/admin-api", "http://[::1]:4445"),
			refused:  each(hydra, path, "hydra-admin:4445", "ftp://hydra-admin", "http://", "HTTP://hydra-admin", "http://hydra-admin:port"),
		},
		rule{
			kind: server, path: path, keyword: "cel", message: "must not contain user information, a query, a fragment, a space or anything but printable ASCII",
			accepted: each(hydra, path, "http://hydra-admin:4445/"),
			refused:  each(hydra, path, "http://user:word@hydra-admin:4445", "http://hydra-admin:4445?a=b", "http://hydra-admin:4445#", "http://hydra-admin:4445/a b"),
		})
}

var (
	instances        = []string{"https://acme.my.erp.net", "https://acme.example.com/id", "https://notid.erp.net", "https://id.erp.net.example.com"}
	globalIdentities = []string{
		"https://id.erp.net", "https://id.erp.net/id", "https://ID.ERP.NET/id", "https://id.erp.net:443/id", "https://id.erp.net./id",
		"https://eu.id.erp.net/id",
	}
)

func httpsURLRules(path string, base func(...change) object) []rule {
	rules := []rule{
		{
			kind: server, path: path, keyword: "cel", ids: "I1",
			message: "must be an absolute https:// URL, for example https://acme.my.erp.net; plain http is not accepted, and a private CA " +
				"goes to caBundle",
			accepted: each(base, path, "https://acme.my.erp.net", "https://erp.internal:8443/api/domain/odata/", "https://[::1]:9443",
				"https://192.0.2.7", "https://xn--bcher-kva.example"),
			refused: each(base, path, "http://acme.my.erp.net", "http://localhost:8080", "HTTPS://acme.my.erp.net", "acme.my.erp.net",
				"//acme.my.erp.net", "https://", "https:///id", "https://:8443", "https:acme", "ftp://acme.my.erp.net", "file:///etc/passwd",
				"javascript:alert(1)", "https://acme.my.erp.net:port", "https://[::1", "https://bücher.example", `https://acme\evil.example`,
				" https://acme.my.erp.net"),
		},
		{
			kind: server, path: path, keyword: "cel", ids: "I1",
			message:  "must not contain user information, a query, a fragment, a space or anything but printable ASCII",
			accepted: each(base, path, "https://acme.my.erp.net/id/", "https://acme.my.erp.net/%7Eid"),
			refused: each(base, path, "https://user@acme.my.erp.net", "https://user:word@acme.my.erp.net", "https://acme.my.erp.net@evil.example",
				"https://acme.my.erp.net#", "https://acme.my.erp.net?a=b", "https://acme.my.erp.net/a b", "https://acme.my.erp.net/id ",
				"https://acme.my.erp.net/\n", "https://acme.my.erp.net/\x00", "https://acme.my.erp.net/ü", "https://acme.my.erp.net/\u202e"),
		},
	}
	return append(rules, lengthRules(server, path, "https://acme.my.erp.net/", 512, base)...)
}

// nameRules are those of the name of another object.
func nameRules(kind, path string, longest int, message string, base func(...change) object) []rule {
	return append(lengthRules(kind, path, "a", longest, base), rule{
		kind: kind, path: path, keyword: "cel", message: message,
		accepted: each(base, path, "acme", "acme-1.example"),
		refused:  each(base, path, "Acme", "a b", "a/b", "../a", "-a", "a-", "a_b", "ä", "a\n", "*"),
	})
}

// lengthRules are those of a string between one and longest characters; start begins valid ones and its last character may be
// repeated.
func lengthRules(kind, path, start string, longest int, base func(...change) object) []rule {
	long := func(n int) string { return start + strings.Repeat(start[len(start)-1:], n-len(start)) }
	tooShort := "Invalid value: \"\": " + path + " in body should be at least 1 chars long"
	return []rule{
		{
			kind: kind, path: path, keyword: "minLength", message: tooShort,
			accepted: each(base, path, start), refused: each(base, path, ""),
		},
		{
			kind: kind, path: path, keyword: "maxLength", message: tooLong(longest),
			accepted: each(base, path, long(longest)), refused: each(base, path, long(longest+1)),
		},
	}
}
