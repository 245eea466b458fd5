package api_test

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// templateOf is where the spec of an application is in a set.
const templateOf = "spec.template.spec"

// fleet is a set of services.
func fleet(changes ...change) object {
	return newObject(applicationSet, map[string]any{
		"servers": map[string]any{"names": []any{"acme"}},
		"template": map[string]any{"spec": map[string]any{
			"applicationUri": "com.example.crm/sync", "service": map[string]any{"systemUser": "svc.crm"},
		}},
	}, changes)
}

// portals is a set of web applications.
func portals(changes ...change) object {
	return fleet(append([]change{
		set(templateOf+".clientType", "Confidential"),
		set(templateOf+".interactive", map[string]any{"redirectUris": []any{"https://{{ .Server.Name }}.example.com/cb"}}),
	}, changes...)...)
}

// selecting is a set whose servers are selected.
func selecting(selector map[string]any) object {
	return fleet(set("spec.servers", map[string]any{"selector": selector}))
}

func expression(key, operator string, values ...any) map[string]any {
	e := map[string]any{"key": key, "operator": operator}
	if values != nil {
		e["values"] = values
	}
	return e
}

func expressions(all ...any) object { return selecting(map[string]any{"matchExpressions": all}) }

// asTemplate makes an application the template of a set.
func asTemplate(o object) object {
	if o == nil {
		return nil
	}
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	delete(spec, "identityServerRef")
	return fleet(set(templateOf, spec))
}

// sharedRules are those of a TrustedApplication that hold in the template of a set as well, to the letter.
func sharedRules(of []rule) []rule {
	whole := []string{
		"spec.scopes", "spec.clientType", "spec.referenceTokens", "spec.deletionPolicy", "spec.driftPolicy", "spec.adoptionPolicy",
		"spec.interactive.users", "spec.service.internalUserImpersonation",
		"spec.credentials.method", "spec.credentials.rotation", "spec.credentials.template", "spec.credentials.rolloutRestart",
	}
	lists := []string{"spec.interactive.redirectUris", "spec.interactive.postLogoutRedirectUris"} // what is in them has placeholders
	var shared []rule
	for _, r := range of {
		under := func(prefix string) bool {
			rest, ok := strings.CutPrefix(r.path, prefix)
			return ok && (rest == "" || strings.ContainsAny(rest[:1], ".[{"))
		}
		if r.kind != application || !slices.ContainsFunc(whole, under) && (r.keyword == "cel" || !slices.Contains(lists, r.path)) {
			continue
		}
		moved := rule{kind: applicationSet, path: templateOf + strings.TrimPrefix(r.path, "spec"), keyword: r.keyword, message: r.message, field: r.field}
		if r.keyword != "cel" {
			moved.message = strings.ReplaceAll(r.message, "spec.", templateOf+".")
		}
		if strings.HasPrefix(r.field, "spec") {
			moved.field = templateOf + strings.TrimPrefix(r.field, "spec")
		}
		for _, e := range r.accepted {
			moved.accepted = append(moved.accepted, example{e.name, asTemplate(e.object), asTemplate(e.former)})
		}
		for _, e := range r.refused {
			moved.refused = append(moved.refused, example{e.name, asTemplate(e.object), asTemplate(e.former)})
		}
		shared = append(shared, moved)
	}
	return shared
}

// templatedRules are those of each text with placeholders.
func templatedRules() []rule {
	var rules []rule
	for _, at := range []struct {
		path, field string
		with        func(text string) object
	}{
		{path: templateOf + ".applicationUri"},
		{path: templateOf + ".displayName"},
		{path: templateOf + ".service.systemUser"},
		{path: templateOf + ".credentials.secretName"},
		{path: templateOf + ".configMapName"},
		{path: templateOf + ".interactive.redirectUris[]"},
		{path: templateOf + ".interactive.postLogoutRedirectUris[]"},
		{path: "spec.template.metadata.labels{}"},
		{path: "spec.template.metadata.annotations{}"},
	} {
		place, shown, value := at.path, at.path, func(s string) any { return s }
		field := at.path
		if list, ok := strings.CutSuffix(at.path, "[]"); ok {
			place, shown, value = list, list+"[0]", func(s string) any { return []any{s} }
		}
		if values, ok := strings.CutSuffix(at.path, "{}"); ok {
			place, shown, field, value = values, values+".team", values+".team", func(s string) any { return map[string]any{"team": s} }
		}
		examples := func(texts ...string) []example {
			var all []example
			for _, text := range texts {
				all = append(all, eg(fmt.Sprintf("%.40q", text), portals(set(place, value(text)))))
			}
			return all
		}
		rules = append(rules,
			rule{
				kind: applicationSet, path: at.path, keyword: "minLength", field: field,
				message:  fmt.Sprintf(`Invalid value: "": %s in body should be at least 1 chars long`, shown),
				accepted: examples("a", "{{ .Server.Labels.customer }}", `{{ index .Server.Annotations "example.com/url" }}`), refused: examples(""),
			},
			rule{
				kind: applicationSet, path: at.path, keyword: "maxLength", field: field, message: tooLong(1024),
				accepted: examples(strings.Repeat("a", 1024)), refused: examples(strings.Repeat("a", 1025)),
			})
	}
	return rules
}

// setRules are those of the TrustedApplicationSet.
func setRules() []rule {
	const (
		servers  = "spec.servers"
		names    = servers + ".names"
		selector = servers + ".selector"
		match    = selector + ".matchLabels"
		exprs    = selector + ".matchExpressions"
		meta     = "spec.template.metadata"
		most     = "spec.rollout.maxUnavailable"
		deadline = "spec.rollout.progressDeadline"
		combined = "spec.combinedSecret"
		other    = `Unsupported value: "Other": supported values: `
		spec     = templateOf
	)
	ok := []example{eg("a set", fleet())}
	none := func(path string) []example { return []example{eg("none", portals(unset(path)))} }
	rules := []rule{
		{
			kind: applicationSet, keyword: "cel", field: "<nil>",
			message:  "metadata.name must not be longer than 52 characters, because the names of its TrustedApplications begin with it",
			accepted: each(fleet, "metadata.name", strings.Repeat("a", 52)), refused: each(fleet, "metadata.name", strings.Repeat("a", 53)),
		},
		{kind: applicationSet, path: "spec", keyword: "required", message: "Required value", accepted: ok, refused: none("spec")},
		{kind: applicationSet, path: servers, keyword: "required", message: "Required value", accepted: ok, refused: none(servers)},
		{kind: applicationSet, path: "spec.template", keyword: "required", message: "Required value", accepted: ok, refused: none("spec.template")},
		{kind: applicationSet, path: spec, keyword: "required", message: "Required value", accepted: ok, refused: []example{
			eg("none", fleet(set("spec.template", map[string]any{}))),
		}},
		{
			kind: applicationSet, path: spec + ".applicationUri", keyword: "required", message: "Required value",
			accepted: ok, refused: none(spec + ".applicationUri"),
		},
		{
			kind: applicationSet, path: spec, keyword: "cel",
			message: "say what the applications do: add service (act as themselves, Client Credentials), interactive (sign users in, Authorization " +
				"Code), or both",
			accepted: []example{eg("a service", fleet()), eg("both", portals()), eg("users only", portals(unset(spec+".service")))},
			refused:  []example{eg("neither", fleet(unset(spec+".service")))},
		},
		{
			kind: applicationSet, path: spec, keyword: "cel",
			message: "interactive applications must say whether they can keep a secret: set clientType to Confidential (server side) or Public (SPA, " +
				"native, mobile)",
			accepted: []example{eg("confidential ones", portals())}, refused: []example{eg("no client type", portals(unset(spec+".clientType")))},
		},
		{
			kind: applicationSet, path: servers, keyword: "minProperties", message: "Invalid value: 0: spec.servers in body should have at least 1 properties",
			accepted: ok, refused: each(fleet, servers, map[string]any{}),
		},
		{
			kind: applicationSet, path: servers, keyword: "cel", message: "must have either selector or names",
			accepted: []example{eg("names", fleet()), eg("a selector", selecting(labels("fleet", "crm")))},
			refused: []example{
				eg("both", fleet(set(selector, labels("fleet", "crm")))),
			},
		},
		{
			kind: applicationSet, path: names, keyword: "minItems", message: "Invalid value: 0: spec.servers.names in body should have at least 1 items",
			accepted: ok, refused: each(fleet, names, []any{}),
		},
		{
			kind: applicationSet, path: names, keyword: "maxItems", message: "Too many: 513: must have at most 512 items",
			accepted: []example{eg("512", fleet(set(names, items("s%d", 512))))}, refused: []example{eg("513", fleet(set(names, items("s%d", 513))))},
		},
		{
			kind: applicationSet, path: names, keyword: "set", field: names + "[]", message: `Duplicate value: "acme"`,
			accepted: ok, refused: each(fleet, names, []any{"acme", "acme"}),
		},
		{
			kind: applicationSet, path: names + "[]", keyword: "minLength",
			message: `Invalid value: "": spec.servers.names[0] in body should be at least 1 chars long`, accepted: ok, refused: eachItem(fleet, names, ""),
		},
		{
			kind: applicationSet, path: names + "[]", keyword: "maxLength", message: tooLong(63),
			accepted: eachItem(fleet, names, strings.Repeat("a", 63)), refused: eachItem(fleet, names, strings.Repeat("a", 64)),
		},
		{
			kind: applicationSet, path: "spec.emptySelection", keyword: "enum", message: other + `"Keep", "Delete"`,
			accepted: each(fleet, "spec.emptySelection", "Keep", "Delete"), refused: each(fleet, "spec.emptySelection", "Other"),
		},
		{
			kind: applicationSet, path: "spec.rollout.onFailure", keyword: "enum", message: other + `"Stop", "Continue"`,
			accepted: each(fleet, "spec.rollout.onFailure", "Stop", "Continue"), refused: each(fleet, "spec.rollout.onFailure", "Other"),
		},
		{
			kind: applicationSet, path: most, keyword: "cel", message: "must be a number of at least 1, or a part from 1% to 100%",
			accepted: each[any](fleet, most, int64(1), int64(10000), "1%", "25%", "100%"),
			refused:  each[any](fleet, most, int64(0), int64(-1), int64(10001), "0%", "101%", "5", "half", "", "10 %"),
		},
		{
			kind: applicationSet, path: deadline, keyword: "cel", message: "must be a duration such as 90s or 10m between 1s and 24h",
			accepted: each(fleet, deadline, "1s", "90s", "10m", "24h"), refused: each(fleet, deadline, "500ms", "25h", "soon", "-1m", "10"),
		},
		{
			kind: applicationSet, path: deadline, keyword: "maxLength", message: tooLong(32),
			accepted: each(fleet, deadline, strings.Repeat("0", 30)+"1m"), refused: each(fleet, deadline, strings.Repeat("0", 31)+"1m"),
		},
	}
	rules = append(rules, selectorRules(selector, match, exprs, other)...)
	rules = append(rules,
		rule{
			kind: applicationSet, path: "spec", keyword: "cel",
			message: "combinedSecret.name must not be the secretName of the template: choose another name for the Secret with a file for each instance",
			accepted: []example{
				eg("another name", fleet(set(combined+".name", "all"), set(spec+".credentials.secretName", "login-{{ .Server.Name }}"))),
				eg("no name in the template", fleet(set(combined+".name", "all"), set(spec+".credentials.method", "ClientSecret"))),
				eg("no credentials", fleet(set(combined+".name", "all"))),
			},
			refused: []example{eg("the same name", fleet(set(combined+".name", "all"), set(spec+".credentials.secretName", "all")))},
		},
		rule{
			kind: applicationSet, path: combined + ".name", keyword: "required", message: "Required value",
			accepted: each(fleet, combined+".name", "all"), refused: each(fleet, combined, map[string]any{}),
		})
	rules = append(rules, nameRules(applicationSet, combined+".name", 253, "must be a valid Secret name: lower-case letters, digits, '-' and '.'", fleet)...)
	for _, m := range []struct{ path, message string }{
		{meta + ".labels", "must be valid label keys, and not those of the operator: trustedapps.dev/... and app.kubernetes.io/managed-by"},
		{meta + ".annotations", "must be valid annotation keys, and not those of the operator: trustedapps.dev/..."},
	} {
		keys := func(n int) map[string]any { return manyLabels(n)["matchLabels"].(map[string]any) }
		bad := []map[string]any{{"a b": "c"}, {"trustedapps.dev/set": "c"}, {"x.trustedapps.dev/rotate": "c"}}
		if strings.HasSuffix(m.path, "labels") {
			bad = append(bad, map[string]any{"app.kubernetes.io/managed-by": "me"})
		}
		rules = append(rules,
			rule{
				kind: applicationSet, path: m.path, keyword: "minProperties",
				message:  fmt.Sprintf("Invalid value: 0: %s in body should have at least 1 properties", m.path),
				accepted: each(fleet, m.path, keys(1)), refused: each(fleet, m.path, map[string]any{}),
			},
			rule{
				kind: applicationSet, path: m.path, keyword: "maxProperties", message: "Too many: 17: must have at most 16 items",
				accepted: each(fleet, m.path, keys(16)), refused: each(fleet, m.path, keys(17)),
			},
			rule{
				kind: applicationSet, path: m.path, keyword: "cel", message: m.message,
				accepted: each(fleet, m.path, map[string]any{"example.com/customer": "{{ .Server.Name }}"}), refused: each(fleet, m.path, bad...),
			})
	}
	return append(rules, templatedRules()...)
}

// selectorRules are those of spec.servers.selector.
func selectorRules(selector, match, exprs, other string) []rule {
	in := expression("stage", "In", "test")
	with := func(values []any) object { return expressions(expression("stage", "In", values...)) }
	few := func(n int) object {
		list := make([]any, n)
		for i := range list {
			list[i] = expression(fmt.Sprintf("stage%d", i), "Exists")
		}
		return expressions(list...)
	}
	return []rule{
		{
			kind: applicationSet, path: selector, keyword: "cel",
			message:  "must have matchLabels or matchExpressions: a selector of all servers is not meant by leaving both out",
			accepted: []example{eg("labels", selecting(labels("a", "b"))), eg("expressions", expressions(in))},
			refused:  []example{eg("neither", selecting(map[string]any{}))},
		},
		{
			kind: applicationSet, path: match, keyword: "minProperties",
			message:  "Invalid value: 0: spec.servers.selector.matchLabels in body should have at least 1 properties",
			accepted: []example{eg("one", selecting(manyLabels(1)))}, refused: []example{eg("none", selecting(map[string]any{"matchLabels": map[string]any{}}))},
		},
		{
			kind: applicationSet, path: match, keyword: "maxProperties", message: "Too many: 17: must have at most 16 items",
			accepted: []example{eg("16", selecting(manyLabels(16)))}, refused: []example{eg("17", selecting(manyLabels(17)))},
		},
		{
			kind: applicationSet, path: match, keyword: "cel", message: "must be valid labels",
			accepted: []example{eg("a label", selecting(labels("example.com/team", "a-b")))},
			refused:  []example{eg("a key", selecting(labels("a b", "c"))), eg("a value", selecting(labels("team", "a b")))},
		},
		{
			kind: applicationSet, path: match + "{}", field: match + ".team", keyword: "maxLength", message: tooLong(63),
			accepted: []example{eg("63", selecting(labels("team", strings.Repeat("a", 63))))},
			refused:  []example{eg("64", selecting(labels("team", strings.Repeat("a", 64))))},
		},
		{
			kind: applicationSet, path: exprs, keyword: "minItems",
			message:  "Invalid value: 0: spec.servers.selector.matchExpressions in body should have at least 1 items",
			accepted: []example{eg("one", few(1))}, refused: []example{eg("none", few(0))},
		},
		{
			kind: applicationSet, path: exprs, keyword: "maxItems", message: "Too many: 17: must have at most 16 items",
			accepted: []example{eg("16", few(16))}, refused: []example{eg("17", few(17))},
		},
		{
			kind: applicationSet, path: exprs, keyword: "map", field: exprs + "[]", message: `Duplicate value: {"key":"stage","operator":"In"}`,
			accepted: []example{eg("two", expressions(in, expression("stage", "Exists")))}, refused: []example{eg("one twice", expressions(in, in))},
		},
		{
			kind: applicationSet, path: exprs + "[]", keyword: "cel", message: "In and NotIn need values, Exists and DoesNotExist take none",
			accepted: []example{eg("In", expressions(in)), eg("Exists", expressions(expression("a", "Exists")))},
			refused:  []example{eg("NotIn", expressions(expression("a", "NotIn"))), eg("Exists", expressions(expression("a", "DoesNotExist", "b")))},
		},
		{
			kind: applicationSet, path: exprs + "[].key", keyword: "required", message: "Required value",
			accepted: []example{eg("one", few(1))}, refused: []example{eg("none", expressions(map[string]any{"operator": "Exists"}))},
		},
		{
			kind: applicationSet, path: exprs + "[].operator", keyword: "required", message: "Required value",
			accepted: []example{eg("one", few(1))}, refused: []example{eg("none", expressions(map[string]any{"key": "a", "values": []any{"b"}}))},
		},
		{
			kind: applicationSet, path: exprs + "[].operator", keyword: "enum", message: other + `"In", "NotIn", "Exists", "DoesNotExist"`,
			accepted: []example{eg("NotIn", expressions(expression("a", "NotIn", "b")))}, refused: []example{eg("Other", expressions(expression("a", "Other")))},
		},
		{
			kind: applicationSet, path: exprs + "[].key", keyword: "minLength",
			message:  `Invalid value: "": spec.servers.selector.matchExpressions[0].key in body should be at least 1 chars long`,
			accepted: []example{eg("one", few(1))}, refused: []example{eg("empty", expressions(expression("", "Exists")))},
		},
		{
			kind: applicationSet, path: exprs + "[].key", keyword: "maxLength", message: tooLong(317),
			accepted: []example{eg("317", expressions(expression(longKey, "Exists")))}, refused: []example{eg("318", expressions(expression("x"+longKey, "Exists")))},
		},
		{
			kind: applicationSet, path: exprs + "[].key", keyword: "cel", message: "must be a valid label key",
			accepted: []example{eg("a key", expressions(expression("example.com/stage", "Exists")))},
			refused:  []example{eg("a space", expressions(expression("a b", "Exists")))},
		},
		{
			kind: applicationSet, path: exprs + "[].values", keyword: "minItems",
			message:  "Invalid value: 0: spec.servers.selector.matchExpressions[0].values in body should have at least 1 items",
			accepted: []example{eg("one", few(1))}, refused: []example{eg("none", with([]any{}))},
		},
		{
			kind: applicationSet, path: exprs + "[].values", keyword: "maxItems", message: "Too many: 65: must have at most 64 items",
			accepted: []example{eg("64", with(items("v%d", 64)))}, refused: []example{eg("65", with(items("v%d", 65)))},
		},
		{
			kind: applicationSet, path: exprs + "[].values", keyword: "set", field: exprs + "[].values[]", message: `Duplicate value: "a"`,
			accepted: []example{eg("two", with([]any{"a", "b"}))}, refused: []example{eg("one twice", with([]any{"a", "a"}))},
		},
		{
			kind: applicationSet, path: exprs + "[].values", keyword: "cel", message: "must be valid label values",
			accepted: []example{eg("a value", with([]any{"a-b"}))}, refused: []example{eg("a space", with([]any{"a b"}))},
		},
		{
			kind: applicationSet, path: exprs + "[].values[]", keyword: "maxLength", message: tooLong(63),
			accepted: []example{eg("63", with([]any{strings.Repeat("a", 63)}))}, refused: []example{eg("64", with([]any{strings.Repeat("a", 64)}))},
		},
	}
}

// longKey is the longest key of a label.
var longKey = strings.Repeat(strings.Repeat("a", 62)+".", 4) + "a" + "/" + strings.Repeat("b", 63)
