package api_test

import (
	"fmt"
	"strings"
)

// outputRules are those of spec.credentials.template and spec.credentials.rolloutRestart.
func outputRules() []rule {
	const (
		template = "spec.credentials.template"
		labels   = template + ".labels"
		notes    = template + ".annotations"
		data     = template + ".data"
		presets  = template + ".presets"
		restart  = "spec.credentials.rolloutRestart"
	)
	entry := func(key, value string) map[string]any { return map[string]any{key: value} }
	many := func(n int) map[string]any {
		m := map[string]any{}
		for i := range n {
			m[fmt.Sprint("k", i)] = "v"
		}
		return m
	}
	target := func(kind, name string) map[string]any { return map[string]any{"kind": kind, "name": name} }
	targets := func(n int) []any {
		var list []any
		for i := range n {
			list = append(list, target("Deployment", fmt.Sprint("w", i)))
		}
		return list
	}
	restarted := func() object { return service(set(restart, []any{target("Deployment", "web")})) }
	rules := []rule{
		{
			kind: application, path: "spec", keyword: "cel", field: "spec.credentials",
			message:  "a Public client never gets a Secret: remove spec.credentials.template and spec.credentials.rolloutRestart",
			accepted: []example{eg("a confidential one", web(set(data, entry("a", "b")), set(restart, targets(1))))},
			refused:  []example{eg("a template", public(set(data, entry("a", "b")))), eg("a restart", public(set(restart, targets(1))))},
		},
		{
			kind: application, path: template, keyword: "cel", field: data, message: "a preset and an entry of data have the same name: remove one of them",
			accepted: []example{eg("other names", service(set(presets, []any{".env"}), set(data, entry("env", "x"))))},
			refused:  []example{eg("the same", service(set(presets, []any{".env"}), set(data, entry(".env", "x"))))},
		},
		{
			kind: application, path: labels, keyword: "cel", message: "must be valid labels",
			accepted: each(service, labels, entry("example.com/team", "orders"), entry("team", "")),
			refused:  each(service, labels, entry("a b", "x"), entry("team", "a b"), entry("-x", "y")),
		},
		{
			kind: application, path: labels, keyword: "cel", message: "must not be labels of the operator: trustedapps.dev/... and app.kubernetes.io/managed-by",
			accepted: each(service, labels, entry("app.kubernetes.io/name", "orders"), entry("nottrustedapps.dev/x", "y")),
			refused:  each(service, labels, entry("trustedapps.dev/application", "x"), entry("x.trustedapps.dev/a", "x"), entry("app.kubernetes.io/managed-by", "me")),
		},
		{
			kind: application, path: notes, keyword: "cel", message: "must have valid annotation keys",
			accepted: each(service, notes, entry("example.com/note", "any text at all")), refused: each(service, notes, entry("a b", "x")),
		},
		{
			kind: application, path: notes, keyword: "cel", message: "must not be annotations of the operator: trustedapps.dev/...",
			accepted: each(service, notes, entry("reloader.stakater.com/match", "true")),
			refused:  each(service, notes, entry("trustedapps.dev/revision", "x"), entry("x.trustedapps.dev/a", "x")),
		},
		{
			kind: application, path: data, keyword: "cel", message: "must have valid keys of a Secret: letters, digits, '-', '_' and '.', not beginning with '..'",
			accepted: each(service, data, entry(".env", "x"), entry("a_b-c.d", "x")), refused: each(service, data, entry("a/b", "x"), entry("..", "x"), entry("..data", "x"), entry("a b", "x")),
		},
		{
			kind: application, path: data, keyword: "cel", message: "must not be the name of a standard entry: choose another",
			accepted: each(service, data, entry("CLIENT_SECRET", "x")), refused: each(service, data, entry("client_secret", "x"), entry("client-id", "x"), entry("client_secret_next", "x")),
		},
		{
			kind: application, path: presets, keyword: "minItems", message: "Invalid value: 0: " + presets + " in body should have at least 1 items",
			accepted: eachItem(service, presets, ".env"), refused: []example{eg("an empty list", service(set(presets, []any{})))},
		},
		{
			kind: application, path: presets, keyword: "maxItems", message: "Too many: 5: must have at most 4 items",
			accepted: []example{eg("all", service(set(presets, []any{".env", "appsettings.json", "application.properties", "oauth2-proxy.cfg"})))},
			refused:  []example{eg("five", service(set(presets, []any{".env", ".env", ".env", ".env", ".env"})))},
		},
		{
			kind: application, path: presets, keyword: "set", field: presets + "[]", message: `Duplicate value: ".env"`,
			accepted: eachItem(service, presets, ".env"), refused: []example{eg("twice", service(set(presets, []any{".env", ".env"})))},
		},
		{
			kind: application, path: presets + "[]", keyword: "enum",
			message:  `Unsupported value: "nosuch": supported values: "appsettings.json", "application.properties", "oauth2-proxy.cfg", ".env"`,
			accepted: eachItem(service, presets, "appsettings.json"), refused: eachItem(service, presets, "nosuch"),
		},
		{
			kind: application, path: restart, keyword: "minItems", message: "Invalid value: 0: " + restart + " in body should have at least 1 items",
			accepted: []example{eg("one", restarted())}, refused: []example{eg("an empty list", service(set(restart, []any{})))},
		},
		{
			kind: application, path: restart, keyword: "maxItems", message: "Too many: 9: must have at most 8 items",
			accepted: []example{eg("8", service(set(restart, targets(8))))}, refused: []example{eg("9", service(set(restart, targets(9))))},
		},
		{
			kind: application, path: restart, keyword: "map", field: restart + "[]", message: `Duplicate value: {"kind":"Deployment","name":"web"}`,
			accepted: []example{eg("two kinds", service(set(restart, []any{target("Deployment", "web"), target("DaemonSet", "web")})))},
			refused:  []example{eg("one twice", service(set(restart, []any{target("Deployment", "web"), target("Deployment", "web")})))},
		},
		{
			kind: application, path: restart + "[].kind", keyword: "required", message: "Required value",
			accepted: []example{eg("a kind", restarted())}, refused: []example{eg("none", service(set(restart, []any{map[string]any{"name": "web"}})))},
		},
		{
			kind: application, path: restart + "[].kind", keyword: "enum", message: `Unsupported value: "Pod": supported values: "Deployment", "StatefulSet", "DaemonSet"`,
			accepted: []example{eg("a StatefulSet", service(set(restart, []any{target("StatefulSet", "db")})))},
			refused:  []example{eg("a Pod", service(set(restart, []any{target("Pod", "web")})))},
		},
		{
			kind: application, path: restart + "[].name", keyword: "required", message: "Required value",
			accepted: []example{eg("a name", restarted())}, refused: []example{eg("none", service(set(restart, []any{map[string]any{"kind": "Deployment"}})))},
		},
		{
			kind: application, path: restart + "[].name", keyword: "cel", message: "must be a valid name: lower-case letters, digits, '-' and '.'",
			accepted: []example{eg("a name", restarted())}, refused: []example{eg("capitals", service(set(restart, []any{target("Deployment", "Web")})))},
		},
		{
			kind: application, path: restart + "[].name", keyword: "minLength", message: `Invalid value: "": ` + restart + "[0].name in body should be at least 1 chars long",
			accepted: []example{eg("a name", restarted())}, refused: []example{eg("empty", service(set(restart, []any{target("Deployment", "")})))},
		},
		{
			kind: application, path: restart + "[].name", keyword: "maxLength", message: tooLong(253),
			accepted: []example{eg("253", service(set(restart, []any{target("Deployment", strings.Repeat("a", 253))})))},
			refused:  []example{eg("254", service(set(restart, []any{target("Deployment", strings.Repeat("a", 254))})))},
		},
	}
	for path, longest := range map[string]int{labels: 63, notes: 1024, data: 4096} {
		name := path[strings.LastIndex(path, ".")+1:]
		rules = append(rules,
			rule{
				kind: application, path: path, keyword: "minProperties", message: "Invalid value: 0: " + path + " in body should have at least 1 properties",
				accepted: each(service, path, entry("a", "b")), refused: []example{eg("none", service(set(path, map[string]any{})))},
			},
			rule{
				kind: application, path: path, keyword: "maxProperties", message: "Too many: 17: must have at most 16 items",
				accepted: []example{eg("16 "+name, service(set(path, many(16))))}, refused: []example{eg("17 "+name, service(set(path, many(17))))},
			},
			rule{
				kind: application, path: path + "{}", field: path + ".a", keyword: "maxLength", message: tooLong(longest),
				accepted: []example{eg("long enough", service(set(path, entry("a", strings.Repeat("x", longest)))))},
				refused:  []example{eg("too long", service(set(path, entry("a", strings.Repeat("x", longest+1)))))},
			})
	}
	return rules
}
