package api_test

import (
	"fmt"
	"strings"
)

// granting is an IdentityServer with one grant, in which a field has a value.
func granting(field string, value any) object {
	grant := map[string]any{"name": "teams", "namespaces": []any{"*"}}
	grant[field] = value
	return erpNet(set("spec.access", []any{grant}))
}

// labels are a selector with one label, and manyLabels with n.
func labels(key, value string) map[string]any {
	return map[string]any{"matchLabels": map[string]any{key: value}}
}

func manyLabels(n int) map[string]any {
	all := map[string]any{}
	for _, key := range items("l%d", n) {
		all[key.(string)] = "a"
	}
	return map[string]any{"matchLabels": all}
}

// labelled is an IdentityServer with one grant for namespaces that are selected by labels.
func labelled(selector map[string]any) object {
	return erpNet(set("spec.access", []any{map[string]any{"name": "teams", "namespaceSelector": selector}}))
}

// grants makes an example of each value of a field of a grant.
func grants[T any](field string, values ...T) []example {
	var examples []example
	for _, v := range values {
		examples = append(examples, eg(field, granting(field, v)))
	}
	return examples
}

// grantsItem makes an example of each value as the only one in the list of a grant.
func grantsItem(field string, values ...string) []example {
	var examples []example
	for _, v := range values {
		examples = append(examples, eg(v, granting(field, []any{v})))
	}
	return examples
}

// manyGrants are n grants.
func manyGrants(n int) []any {
	var list []any
	for _, name := range items("t%d", n) {
		list = append(list, map[string]any{"name": name, "namespaces": []any{"*"}})
	}
	return list
}

// accessRules are those of spec.access.
func accessRules() []rule {
	const (
		access    = "spec.access"
		name      = access + "[].name"
		selector  = access + "[].namespaceSelector.matchLabels"
		most      = access + "[].maxApplications"
		wholeName = "must be a name of lower-case letters, digits and '-'"
	)
	teams := map[string]any{"name": "teams", "namespaces": []any{"*"}}
	rules := []rule{
		{
			kind: server, path: access, keyword: "minItems", message: "Invalid value: 0: spec.access in body should have at least 1 items",
			accepted: []example{eg("one", granting("name", "teams"))}, refused: []example{eg("none", erpNet(set(access, []any{})))},
		},
		{
			kind: server, path: access, keyword: "maxItems", message: "Too many: 65: must have at most 64 items",
			accepted: []example{eg("64", erpNet(set(access, manyGrants(64))))}, refused: []example{eg("65", erpNet(set(access, manyGrants(65))))},
		},
		{
			kind: server, path: access, keyword: "map", field: access + "[]", message: `Duplicate value: {"name":"teams"}`,
			accepted: []example{eg("one", granting("name", "teams"))}, refused: []example{eg("one twice", erpNet(set(access, []any{teams, teams})))},
		},
		{
			kind: server, path: "spec.accessPolicy", keyword: "enum", message: `Unsupported value: "Other": supported values: "Freeze", "Disable"`,
			accepted: each(erpNet, "spec.accessPolicy", "Freeze", "Disable"), refused: each(erpNet, "spec.accessPolicy", "Other"),
		},
		{
			kind: server, path: name, keyword: "required", message: "Required value",
			accepted: grants("name", "teams"), refused: []example{eg("none", erpNet(set(access, []any{map[string]any{"namespaces": []any{"*"}}})))},
		},
		{
			kind: server, path: name, keyword: "minLength", message: `Invalid value: "": spec.access[0].name in body should be at least 1 chars long`,
			accepted: grants("name", "a"), refused: grants("name", ""),
		},
		{
			kind: server, path: name, keyword: "maxLength", message: tooLong(63),
			accepted: grants("name", strings.Repeat("a", 63)), refused: grants("name", strings.Repeat("a", 64)),
		},
		{
			kind: server, path: name, keyword: "cel", message: wholeName, accepted: grants("name", "teams", "team-a"),
			refused: grants("name", "Teams", "a b", "-a", "a.b"),
		},
		{
			kind: server, path: access + "[]", keyword: "cel", message: "must have either namespaces or namespaceSelector: write two grants for both",
			accepted: []example{eg("names", granting("name", "teams")), eg("labels", labelled(map[string]any{"matchLabels": map[string]any{"team": "a"}}))},
			refused: []example{
				eg("neither", erpNet(set(access, []any{map[string]any{"name": "teams"}}))),
				eg("both", granting("namespaceSelector", map[string]any{"matchLabels": map[string]any{"team": "a"}})),
			},
		},
		{
			kind: server, path: selector, keyword: "required", message: "Required value",
			accepted: []example{eg("one", labelled(labels("team", "a")))}, refused: []example{eg("none", labelled(map[string]any{}))},
		},
		{
			kind: server, path: selector, keyword: "minProperties", message: "Invalid value: 0: spec.access[0].namespaceSelector.matchLabels in body should have at least 1 properties",
			accepted: []example{eg("one", labelled(labels("team", "a")))}, refused: []example{eg("none", labelled(map[string]any{"matchLabels": map[string]any{}}))},
		},
		{
			kind: server, path: selector, keyword: "maxProperties", message: "Too many: 17: must have at most 16 items",
			accepted: []example{eg("16", labelled(manyLabels(16)))}, refused: []example{eg("17", labelled(manyLabels(17)))},
		},
		{
			kind: server, path: selector, keyword: "cel", message: "must be valid labels",
			accepted: []example{eg("a label", labelled(labels("example.com/team", "a-b.c_d"))), eg("an empty value", labelled(labels("team", "")))},
			refused:  []example{eg("a key", labelled(labels("a b", "c"))), eg("a value", labelled(labels("team", "a b")))},
		},
		{
			kind: server, path: selector + "{}", field: selector + ".team", keyword: "maxLength", message: tooLong(63),
			accepted: []example{eg("63", labelled(labels("team", strings.Repeat("a", 63))))}, refused: []example{eg("64", labelled(labels("team", strings.Repeat("a", 64))))},
		},
		{
			kind: server, path: access + "[].administrators", keyword: "enum", message: `Unsupported value: "Other": supported values: "Forbidden", "Allowed"`,
			accepted: grants("administrators", "Forbidden", "Allowed"), refused: grants("administrators", "Other"),
		},
		{
			kind: server, path: access + "[].namespaces[]", keyword: "cel",
			message:  "must be the name of a namespace, or its beginning with * after it, for example orders, team-a-* or *",
			accepted: grantsItem("namespaces", "orders", "team-a-*", "*", "a*"), refused: grantsItem("namespaces", "Orders", "a.b", "*-a", "a**", "-a", "a-", "a b"),
		},
		{
			kind: server, path: access + "[].redirectHosts[]", keyword: "cel",
			message: "must be a host in lower case without a port, for example shop.example.com, *.example.com or 127.0.0.1, or the scheme of a native " +
				"application, for example com.example.app:",
			accepted: grantsItem("redirectHosts", "shop.example.com", "*.example.com", "127.0.0.1", "::1", "localhost", "com.example.app:"),
			refused:  grantsItem("redirectHosts", "Shop.example.com", "https://shop.example.com", "shop.example.com/", "shop.*", "*", "*.", "a b"),
		},
		{
			kind: server, path: most, keyword: "minimum", message: "Invalid value: -1: spec.access[0].maxApplications in body should be greater than or equal to 0",
			accepted: grants("maxApplications", int64(0)), refused: grants("maxApplications", int64(-1)),
		},
		{
			kind: server, path: most, keyword: "maximum",
			message:  "Invalid value: 100001: spec.access[0].maxApplications in body should be less than or equal to 100000",
			accepted: grants("maxApplications", int64(100000)), refused: grants("maxApplications", int64(100001)),
		},
		{
			kind: server, path: most, keyword: "format", field: "<nil>",
			message:  "Checked value must be of type integer with format int32 in spec.access[0].maxApplications",
			accepted: grants("maxApplications", int64(5)), refused: grants("maxApplications", int64(2147483648)),
		},
	}
	for _, list := range []struct {
		field  string
		most   int
		values []any // as many as there may be, and one more where there are that many
		enum   string
	}{
		{"namespaces", 64, items("ns-%d", 65), ""}, {"applicationUris", 32, items("com.example.%d", 33), ""}, {"scopes", 64, items("s%d", 65), ""},
		{"systemUsers", 64, items("svc.%d", 65), ""}, {"redirectHosts", 64, items("h%d.example.com", 65), ""},
		{"flows", 3, []any{"AuthorizationCode", "ClientCredentials", "Hybrid"}, `"AuthorizationCode", "ClientCredentials", "Hybrid"`},
		{"clientTypes", 2, []any{"Confidential", "Public"}, `"Confidential", "Public"`},
		{"referenceTokens", 3, []any{"None", "AuthenticatedUsers", "AdministratorsOnly"}, `"None", "AuthenticatedUsers", "AdministratorsOnly"`},
	} {
		rules = append(rules, listRules(access+"[]."+list.field, list.field, list.most, list.values, list.enum)...)
	}
	for _, field := range []string{"applicationUris", "scopes", "systemUsers"} {
		rules = append(rules, patternRules(access+"[]."+field+"[]", field)...)
	}
	rules = append(rules, textRules(access+"[].redirectHosts[]", "redirectHosts", 254)...)
	return append(rules, textRules(access+"[].namespaces[]", "namespaces", 64)...)
}

func listRules(path, field string, most int, values []any, enum string) []rule {
	all := func(n int) []any {
		var list []any
		for i := range n {
			list = append(list, values[i%len(values)])
		}
		return list
	}
	rules := []rule{
		{
			kind: server, path: path, keyword: "minItems", message: "Invalid value: 0: " + at(path) + " in body should have at least 1 items",
			accepted: grants(field, all(1)), refused: grants(field, []any{}),
		},
		{
			kind: server, path: path, keyword: "maxItems", message: fmt.Sprintf("Too many: %d: must have at most %d items", most+1, most),
			accepted: grants(field, all(most)), refused: grants(field, all(most+1)),
		},
		{
			kind: server, path: path, keyword: "set", field: path + "[]", message: fmt.Sprintf("Duplicate value: %q", values[0]),
			accepted: grants(field, all(1)), refused: grants(field, []any{values[0], values[0]}),
		},
	}
	if enum == "" {
		return rules
	}
	return append(rules, rule{
		kind: server, path: path + "[]", keyword: "enum", message: `Unsupported value: "Other": supported values: ` + enum,
		accepted: grants(field, all(most)), refused: grantsItem(field, "Other"),
	})
}

// patternRules are those of a text that may end with *.
func patternRules(path, field string) []rule {
	return append(textRules(path, field, 254),
		rule{
			kind: server, path: path, keyword: "cel", message: "may have * at its end only",
			accepted: grantsItem(field, "com.example.orders/*", "read", "*"), refused: grantsItem(field, "*.orders", "com.*.orders", "a**"),
		},
		rule{
			kind: server, path: path, keyword: "cel",
			message: "must have one of / . : _ after {namespace}, which no name of a namespace holds: else the team of the namespace a could register what " +
				"is for ab",
			accepted: grantsItem(field, "com.example.{namespace}/*", "{namespace}.read", "svc.{namespace}"), refused: grantsItem(field, "com.example.{namespace}*", "{namespace}-sync"),
		})
}

// textRules are those of the length of the items of a list of a grant.
func textRules(path, field string, longest int) []rule {
	return []rule{
		{
			kind: server, path: path, keyword: "minLength", message: `Invalid value: "": ` + at(path) + " in body should be at least 1 chars long",
			accepted: grantsItem(field, "a"), refused: grantsItem(field, ""),
		},
		{
			kind: server, path: path, keyword: "maxLength", message: tooLong(longest),
			accepted: grantsItem(field, strings.Repeat("a", longest)), refused: grantsItem(field, strings.Repeat("a", longest+1)),
		},
	}
}

// at is a path of which the first items are meant.
func at(path string) string { return strings.ReplaceAll(path, "[]", "[0]") }
