package api_test

import "strings"

// rotationRules are those of the life of a credential: rotation, its spacing, sweeps, and what they find.
func rotationRules() []rule {
	const (
		rotation = "spec.credentials.rotation"
		interval = rotation + ".interval"
		jitter   = rotation + ".jitter"
		grace    = rotation + ".gracePeriod"
		announce = rotation + ".announcePeriod"
		strategy = rotation + ".strategy"
		method   = "spec.credentials.method"
		window   = rotation + ".window"
		opens    = window + ".schedule"
		length   = window + ".duration"
		zone     = window + ".timeZone"
		spacing  = "spec.rotation"
		former   = "spec.formerClusters"
	)
	scheduled := func(more ...change) object {
		return service(append([]change{
			set(interval, "2160h"), set(window, map[string]any{"schedule": "0 3 * * 6", "duration": "2h"}),
		}, more...)...)
	}
	keyed := func(more ...change) object {
		return service(append([]change{set(method, "PrivateKeyJWT")}, more...)...)
	}
	alternating := func(more ...change) object { return service(append([]change{set(strategy, "Alternate")}, more...)...) }
	between := func(bounds string) string { return "must be a duration such as 90m or 2160h between " + bounds }
	enum := `Unsupported value: "Other": supported values: `
	rules := []rule{
		{
			kind: application, path: "spec.driftPolicy", keyword: "enum", message: enum + `"Enforce", "Warn", "Observe"`,
			accepted: each(service, "spec.driftPolicy", "Enforce", "Warn", "Observe"), refused: each(service, "spec.driftPolicy", "Other"),
		},
		{
			kind: application, path: "spec.adoptionPolicy", keyword: "enum", message: enum + `"Never", "IfUnowned", "Takeover"`,
			accepted: each(service, "spec.adoptionPolicy", "Never", "IfUnowned", "Takeover"), refused: each(service, "spec.adoptionPolicy", "Other"),
		},
		{
			kind: server, path: "spec.takeover", keyword: "enum", message: enum + `"Forbidden", "Allowed"`,
			accepted: each(erpNet, "spec.takeover", "Forbidden", "Allowed"), refused: each(erpNet, "spec.takeover", "Other"),
		},
		{
			kind: server, path: former, keyword: "minItems", message: "Invalid value: 0: spec.formerClusters in body should have at least 1 items",
			accepted: eachItem(erpNet, former, "uid"), refused: []example{eg("an empty list", erpNet(set(former, []any{})))},
		},
		{
			kind: server, path: former, keyword: "maxItems", message: "Too many: 9: must have at most 8 items",
			accepted: []example{eg("8", erpNet(set(former, items("uid-%d", 8))))}, refused: []example{eg("9", erpNet(set(former, items("uid-%d", 9))))},
		},
		{
			kind: server, path: former, keyword: "set", field: former + "[]", message: `Duplicate value: "uid"`,
			accepted: []example{eg("two", erpNet(set(former, []any{"uid", "other"})))}, refused: []example{eg("one twice", erpNet(set(former, []any{"uid", "uid"})))},
		},
		{
			kind: server, path: former + "[]", keyword: "minLength", message: `Invalid value: "": spec.formerClusters[0] in body should be at least 1 chars long`,
			accepted: eachItem(erpNet, former, "u"), refused: eachItem(erpNet, former, ""),
		},
		{
			kind: server, path: former + "[]", keyword: "maxLength", message: tooLong(64),
			accepted: eachItem(erpNet, former, strings.Repeat("u", 64)), refused: eachItem(erpNet, former, strings.Repeat("u", 65)),
		},
		{
			kind: server, path: "spec.orphanPolicy", keyword: "enum", message: enum + `"Report", "Disable", "Delete"`,
			accepted: each(erpNet, "spec.orphanPolicy", "Report", "Disable", "Delete"), refused: each(erpNet, "spec.orphanPolicy", "Other"),
		},
		{
			kind: application, path: strategy, keyword: "enum", message: `Unsupported value: "Other": supported values: "InPlace", "Announce", "Alternate", "Overlap", "Replace"`,
			accepted: append(each(service, strategy, "InPlace", "Announce", "Alternate", "Overlap", "Replace"), eg("Overlap of keys", keyed(set(strategy, "Overlap")))),
			refused:  each(service, strategy, "Other"),
		},
		{
			kind: application, path: method, keyword: "enum", message: enum + `"ClientSecret", "PrivateKeyJWT"`,
			accepted: each(service, method, "ClientSecret", "PrivateKeyJWT"), refused: each(service, method, "Other"),
		},
		{
			kind: application, path: "spec", keyword: "cel", field: method,
			message:  "a Public client has neither a secret nor a key: remove spec.credentials.method",
			accepted: []example{eg("a confidential one", web(set(method, "PrivateKeyJWT")))},
			refused:  []example{eg("a key", public(set(method, "PrivateKeyJWT"))), eg("a secret", public(set(method, "ClientSecret")))},
		},
		{
			kind: application, path: "spec", keyword: "cel", field: strategy,
			message:  "with the method PrivateKeyJWT a registration knows the old and the new key at the same time: remove the strategy, or set it to Overlap",
			accepted: append(each(keyed, strategy, "Overlap", "Replace"), eg("none", keyed())), refused: each(keyed, strategy, "InPlace", "Announce", "Alternate"),
		},
		{
			kind: application, path: "spec", keyword: "cel", field: rotation,
			message:  "a Public client has no secret that could be rotated: remove spec.credentials.rotation",
			accepted: []example{eg("a confidential one", web(set(rotation, map[string]any{})))},
			refused:  []example{eg("a public one", public(set(rotation, map[string]any{})))},
		},
		{
			kind: application, path: "spec", keyword: "cel", field: strategy,
			message:  "Alternate changes the client_id, which users of an interactive application know: use Announce or InPlace",
			accepted: []example{eg("a service", alternating()), eg("a hybrid one that announces", hybrid(set(strategy, "Announce")))},
			refused: []example{
				eg("a web application", web(set(strategy, "Alternate"))), eg("a hybrid one", hybrid(set(strategy, "Alternate"))),
				{"a service that becomes hybrid", hybrid(set(strategy, "Alternate")), alternating()},
			},
		},
		{
			kind: application, path: "spec", keyword: "cel", field: strategy,
			message: "with the strategy Alternate the applicationUri must not be longer than 244 characters, because a second registration has " +
				".alternate after it: use Announce or InPlace",
			accepted: each(alternating, "spec.applicationUri", strings.Repeat("a", 244)),
			refused:  each(alternating, "spec.applicationUri", strings.Repeat("a", 245)),
		},
		{
			kind: application, path: rotation, keyword: "cel", field: interval,
			message:  "the interval must be longer than gracePeriod and announcePeriod together: a rotation ends before the next begins",
			accepted: each(service, interval, "66m", "2160h"),
			refused:  append(each(service, interval, "65m", "1m"), eg("a long grace period", scheduled(set(interval, "720h"), set(grace, "720h")))),
		},
		{
			kind: application, path: rotation, keyword: "cel", field: jitter,
			message:  "jitter spreads scheduled rotations: set interval, or remove jitter",
			accepted: each(scheduled, jitter, "1h"), refused: each(service, jitter, "1h"),
		},
		{
			kind: application, path: rotation, keyword: "cel", field: window,
			message:  "a window is for scheduled rotations: set interval, or remove window",
			accepted: []example{eg("a window", scheduled())}, refused: []example{eg("no interval", scheduled(unset(interval)))},
		},
		{
			kind: application, path: opens, keyword: "required", message: "Required value",
			accepted: []example{eg("a window", scheduled())}, refused: []example{eg("none", scheduled(unset(opens)))},
		},
		{
			kind: application, path: opens, keyword: "cel",
			message:  "must be a cron expression of five fields: minute, hour, day of month, month, day of week; for example 0 3 * * 6",
			accepted: each(scheduled, opens, "0 3 * * 6", "*/5 0-6 1,15 JAN-MAR mon", "0 3  ? * *", "@weekly", "@daily"),
			refused:  each(scheduled, opens, "0 3 * *", "0 0 3 * * 6", "@every 1h", "@reboot", "CRON_TZ=UTC 0 3 * * 6", "TZ=UTC 0 3 * * *", " 0 3 * * 6", "0\t3 * * 6"),
		},
		{
			kind: application, path: length, keyword: "required", message: "Required value",
			accepted: []example{eg("a window", scheduled())}, refused: []example{eg("none", scheduled(unset(length)))},
		},
		{
			kind: application, path: zone, keyword: "cel", message: "must be the name of a time zone such as UTC or Europe/Sofia",
			accepted: each(scheduled, zone, "UTC", "Europe/Sofia", "Etc/GMT+2", "America/Argentina/Buenos_Aires"),
			refused:  each(scheduled, zone, "Local", "../etc/passwd", "/etc/localtime", "+02:00", "Europe/Sofia "),
		},
		{
			kind: server, path: spacing + ".maxConcurrent", keyword: "minimum",
			message:  "Invalid value: 0: spec.rotation.maxConcurrent in body should be greater than or equal to 1",
			accepted: each(erpNet, spacing+".maxConcurrent", int64(1)), refused: each(erpNet, spacing+".maxConcurrent", int64(0)),
		},
		{
			kind: server, path: spacing + ".maxConcurrent", keyword: "maximum",
			message:  "Invalid value: 1001: spec.rotation.maxConcurrent in body should be less than or equal to 1000",
			accepted: each(erpNet, spacing+".maxConcurrent", int64(1000)), refused: each(erpNet, spacing+".maxConcurrent", int64(1001)),
		},
		{
			kind: server, path: spacing + ".maxConcurrent", keyword: "format", field: "<nil>",
			message:  "Checked value must be of type integer with format int32 in spec.rotation.maxConcurrent",
			accepted: each(erpNet, spacing+".maxConcurrent", int64(5)), refused: each(erpNet, spacing+".maxConcurrent", int64(2147483648)),
		},
	}
	for _, d := range []struct {
		kind, path, bounds, most string
		base                     func(...change) object
		accepted, refused        []string
	}{
		{application, interval, "1m and 87600h (ten years)", "87600h", service, []string{"90m", "1.5h3m", "87600h"}, []string{"59s", "87601h"}},
		{application, jitter, "0s and 8760h", "8760h", scheduled, []string{"0s", "90m", "8760h"}, []string{"8761h", "-1h"}},
		{application, grace, "1s and 720h", "720h", service, []string{"1s", "720h"}, []string{"999ms", "721h"}},
		{application, announce, "1s and 168h", "168h", service, []string{"1s", "168h"}, []string{"999ms", "169h"}},
		{application, length, "1m and 168h", "168h", scheduled, []string{"1m", "168h"}, []string{"59s", "169h"}},
		{server, "spec.sweepInterval", "1m and 168h", "168h", erpNet, []string{"1m", "168h"}, []string{"59s", "169h"}},
		{server, spacing + ".minInterval", "0s and 24h", "24h", erpNet, []string{"0s", "24h"}, []string{"25h", "-1s"}},
	} {
		rules = append(rules, rule{
			kind: d.kind, path: d.path, keyword: "cel", message: between(d.bounds),
			accepted: each(d.base, d.path, d.accepted...), refused: each(d.base, d.path, append(d.refused, "90d", "1 h", "h", "", "P90D", "soon")...),
		}, rule{
			kind: d.kind, path: d.path, keyword: "maxLength", message: tooLong(32),
			accepted: each(d.base, d.path, strings.Repeat("0", 32-len(d.most))+d.most), refused: each(d.base, d.path, strings.Repeat("0", 33-len(d.most))+d.most),
		})
	}
	rules = append(rules, lengthRules(application, opens, "0 3 * * 6", 128, scheduled)...)
	return append(rules, lengthRules(application, zone, "A", 64, scheduled)...)
}
