package api_test

import "fmt"

// limitRules are those of spec.erpNet.limits.
func limitRules() []rule {
	const limits = "spec.erpNet.limits"
	var rules []rule
	for _, b := range []struct {
		field       string
		least, most int64
	}{{limits + ".requestsPerMinute", 60, 100_000}, {limits + ".batchSize", 1, 200}} {
		rules = append(rules,
			rule{
				kind: server, path: b.field, keyword: "minimum",
				message:  fmt.Sprintf("Invalid value: %d: %s in body should be greater than or equal to %d", b.least-1, b.field, b.least),
				accepted: each(erpNet, b.field, b.least), refused: each(erpNet, b.field, b.least-1),
			},
			rule{
				kind: server, path: b.field, keyword: "maximum",
				message:  fmt.Sprintf("Invalid value: %d: %s in body should be less than or equal to %d", b.most+1, b.field, b.most),
				accepted: each(erpNet, b.field, b.most), refused: each(erpNet, b.field, b.most+1),
			},
			rule{
				kind: server, path: b.field, keyword: "format", field: "<nil>",
				message:  fmt.Sprintf("Checked value must be of type integer with format int32 in %s", b.field),
				accepted: each(erpNet, b.field, b.least), refused: each(erpNet, b.field, int64(2147483648)),
			})
	}
	return rules
}
