package api_test

import (
	"slices"
	"strings"
)

const joinedTooLong = "joined by commas the URIs must not be longer than 500 characters: shorten or remove some"

// redirectURIRules are those of both lists of redirect URIs and of who may sign in.
func redirectURIRules() []rule {
	const (
		redirects = "spec.interactive.redirectUris"
		users     = "spec.interactive.users"
	)
	rules := slices.Concat(redirectListRules(redirects), redirectListRules("spec.interactive.postLogoutRedirectUris"))
	return append(rules, []rule{
		{
			kind: application, path: redirects, keyword: "required", message: "Required value", ids: "B2",
			accepted: []example{eg("one", public())},
			refused:  []example{eg("none", public(set("spec.interactive", map[string]any{"users": []any{"Internal"}})))},
		},
		{
			kind: application, path: users, keyword: "minItems", ids: "B2 F2",
			message:  "Invalid value: 0: spec.interactive.users in body should have at least 1 items",
			accepted: eachItem(web, users, "Internal", "Community"),
			refused:  []example{eg("nobody", web(set(users, []any{})))},
		},
		{
			kind: application, path: users, keyword: "maxItems", message: "Too many: 3: must have at most 2 items",
			accepted: []example{eg("both", web(set(users, []any{"Internal", "Community"})))},
			refused:  []example{eg("three", web(set(users, []any{"Internal", "Community", "Internal"})))},
		},
		{
			kind: application, path: users, keyword: "set", field: users + "[]", message: `Duplicate value: "Internal"`,
			accepted: []example{eg("both", web(set(users, []any{"Community", "Internal"})))},
			refused:  []example{eg("one twice", web(set(users, []any{"Internal", "Internal"})))},
		},
		{
			kind: application, path: users + "[]", keyword: "enum", message: `Unsupported value: "Everybody": supported values: "Internal", "Community"`,
			accepted: eachItem(web, users, "Internal"), refused: eachItem(web, users, "Everybody"),
		},
	}...)
}

// redirectListRules are those of one list. The base is a public client: it may use every form that any client may use.
func redirectListRules(path string) []rule {
	item := path + "[]"
	long := func(n int) string { return "https://a.example/" + strings.Repeat("x", n-len("https://a.example/")) }
	return append(redirectURISyntaxRules(path), []rule{
		{
			kind: application, path: path, keyword: "minItems", ids: "B2",
			message:  "Invalid value: 0: " + path + " in body should have at least 1 items",
			accepted: eachItem(public, path, "https://shop.example.com/"),
			refused:  []example{eg("an empty list", public(set(path, []any{})))},
		},
		{
			kind: application, path: path, keyword: "maxItems", message: "Too many: 21: must have at most 20 items",
			accepted: []example{eg("20 URIs", public(set(path, items("https://a.example/%d", 20))))},
			refused:  []example{eg("21 URIs", public(set(path, items("https://a.example/%d", 21))))},
		},
		{
			kind: application, path: path, keyword: "set", field: item, message: `Duplicate value: "https://a.example/"`,
			accepted: []example{eg("different case and slash", public(set(path, []any{"https://a.example/", "https://a.example", "https://A.example"})))},
			refused:  []example{eg("one URI twice", public(set(path, []any{"https://a.example/", "https://a.example/"})))},
		},
		{
			kind: application, path: path, keyword: "cel", message: joinedTooLong, ids: "C4",
			accepted: []example{
				eg("one of 500", public(set(path, []any{long(500)}))), eg("249 + comma + 250", public(set(path, []any{long(249), long(250)}))),
				eg("480 + comma + 19", public(set(path, []any{long(480), "https://b.example/x"}))),
			},
			refused: []example{
				eg("250 + comma + 250", public(set(path, []any{long(250), long(249) + "y"}))),
				eg("481 + comma + 19", public(set(path, []any{long(481), "https://b.example/x"}))),
			},
		},
		{
			kind: application, path: item, keyword: "minLength",
			message:  `Invalid value: "": ` + path + "[0] in body should be at least 1 chars long",
			accepted: eachItem(public, path, "https://a"), refused: eachItem(public, path, ""),
		},
		{
			kind: application, path: item, keyword: "maxLength", message: tooLong(500), ids: "C4",
			accepted: eachItem(public, path, long(500)), refused: eachItem(public, path, long(501)),
		},
	}...)
}

// redirectURISyntaxRules are those of one URI.
func redirectURISyntaxRules(path string) []rule {
	item := path + "[]"
	return []rule{
		{
			kind: application, path: item, keyword: "cel", ids: "C1",
			message: "must consist of characters that a URI allows, without spaces and commas: percent-encode others (%20, %2C), and write " +
				"an international host name in its xn-- form",
			accepted: eachItem(public, path, "https://a.example/cb?x=%20%2C&y=(1)!$'", "https://xn--bcher-kva.example/~cb;v=1", "https://a.example/%C3%BC"),
			refused: eachItem(public, path, "https://a.example/a,https://b.example/", "https://a.example/ ", " https://a.example/",
				"https://a.example/a b", "https://a.example/\n", "https://a.example/\x00", "https://a.example/\x7f", "https://a.example/ü",
				"https://bücher.example/", "https://a.example\u3002evil.example/", "https://a.example/\u200b", `https://a.example\.evil.example/`,
				"https://a.example/%", "https://a.example/%2", "https://a.example/%zz", "https://a.example/<x>", "https://a.example/{id}",
				"https://a.example/\"", "https://a.example/`x`", "https://a.example/^|"),
		},
		{
			kind: application, path: item, keyword: "cel", ids: "C1",
			message:  "must not have a fragment: remove '#' and what follows it (RFC 6749 section 3.1.2)",
			accepted: eachItem(public, path, "https://a.example/?x", "https://a.example/%23"),
			refused:  eachItem(public, path, "https://a.example#", "https://a.example/cb#x", "https://a.example/#/cb", "com.example.app:/cb#"),
		},
		{
			kind: application, path: item, keyword: "cel", ids: "C1",
			message:  "must not have a wildcard: list every URI exactly (RFC 9700 section 2.1)",
			accepted: eachItem(public, path, "https://a.example/%2A"),
			refused:  eachItem(public, path, "https://*.example.com/", "https://a.example/*", "com.example.*:/cb", "*"),
		},
		{
			kind: application, path: item, keyword: "cel", ids: "C1",
			message:  "must not have user information: remove what stands before '@'",
			accepted: eachItem(public, path, "https://a.example/@me", "https://a.example?to=a@b", "com.example.app:/a@b"),
			refused: eachItem(public, path, "https://user@a.example/", "https://user:word@a.example/", "https://a.example@evil.example/",
				"https://@a.example/", "http://127.0.0.1@evil.example/", "http://localhost:80@evil.example/", "com.example.app://user@host/",
				`https://a.example\@evil.example/`),
		},
		{
			kind: application, path: item, keyword: "cel", ids: "C1 C2",
			message: "must be absolute and start with https://, or, for a native app, with a private-use scheme in reverse-domain form such " +
				"as com.example.app:/callback (RFC 8252 section 7.1), in lower case",
			accepted: eachItem(public, path, "https://a.example", "https://a.example:8443/cb?x=y", "https://[2001:db8::1]/cb", "https://[::1]:8443/cb",
				"com.example.app:/callback", "com.example.my-app:/", "msauth.com.example.app://auth", "https://A.example/CB"),
			refused: eachItem(public, path, "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html;base64,eA", "file:///etc/passwd",
				"vbscript:x", "blob:https://a.example/x", "about:blank", "ftp://a.example/", "ws://a.example/", "myapp:/callback",
				"urn:ietf:wg:oauth:2.0:oob",
				"HTTPS://a.example/", "Https://a.example/", "HTTP://127.0.0.1/", "Com.Example.App:/cb", "//a.example/cb", "/cb", "cb", "?x",
				"https:", "https:/a.example", "https://", "https:///cb", "https://?x", "https://:443/cb", "https://a.example:port/",
				"https://a.example:123456/",
				"https://[::1/cb", "app.example.com:8443/cb", "localhost:3000/cb", "com.example.app:callback", ".com:/cb", "com..example:/cb"),
		},
		{
			kind: application, path: item, keyword: "cel", ids: "C2",
			message: "may use http only for a loopback address of a native app: http://127.0.0.1/..., http://[::1]/... (RFC 8252 section " +
				"7.3); use https everywhere else",
			// http://localhost is accepted here; a warning comes in status (RFC 8252 section 8.3).
			accepted: eachItem(public, path, "http://127.0.0.1", "http://127.0.0.1:8080/cb", "http://127.0.0.1/cb?x=y", "http://[::1]/cb",
				"http://[::1]:8080/cb", "http://localhost", "http://localhost:3000/cb"),
			refused: eachItem(public, path, "http://shop.example.com/cb", "http://localhost.evil.com", "http://localhost.evil.com/cb",
				"http://127.0.0.1.evil.com", "http://127.0.0.1.evil.com/cb", "http://127.0.0.1@evil", "http://evil.com/127.0.0.1",
				"http://evil.com?localhost",
				"http://127.0.0.2/cb", "http://127.1/cb", "http://2130706433/cb", "http://0.0.0.0/cb", "http://[::]/cb",
				"http://[::ffff:127.0.0.1]/cb", "http://[0:0:0:0:0:0:0:1]/cb",
				"http://LOCALHOST/cb", "http://localhost./cb", "http://localhost:/cb", "http://localhost:x/cb", "http:/localhost/cb", "http:",
				"http://",
				`http://localhost\.evil.com/`),
		},
	}
}
