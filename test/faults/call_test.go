package faults

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Side is where a call goes.
type Side string

// The sides of the operator.
const (
	kube   Side = "kube"
	server Side = "server"
)

// Call is a request of the operator that something can happen to.
type Call struct {
	Side Side
	// Op is method and place, without the names that each run draws.
	Op string
	// Write: it changes something.
	Write bool
}

// String is how a call is named in reports.
func (c Call) String() string { return string(c.Side) + " " + c.Op }

// is says whether a call is of a method and goes to where the words say.
func (c Call) is(side Side, method string, words ...string) bool {
	if c.Side != side || !strings.HasPrefix(c.Op, method+" ") {
		return false
	}
	for _, w := range words {
		if !strings.Contains(c.Op, w) {
			return false
		}
	}
	return true
}

// drawn are the names that each run draws.
var drawn = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|run-\d+|acme-\d+|/reg/[A-Za-z0-9_-]{20,}`)

// managing are the places of requests that manage registrations: ERP.net, Ory Hydra, oidc-provider.
var managing = []string{"/odata/", "/admin/clients", "/reg"}

// classify names a call, and says whether something can happen to it. Reads of Kubernetes, Leases, Events and questions about permissions
// do not count.
func classify(side Side, r *http.Request) (Call, bool) {
	write := r.Method != http.MethodGet && r.Method != http.MethodHead
	path := drawn.ReplaceAllString(r.URL.Path, "*")
	c := Call{Side: side, Op: r.Method + " " + path, Write: write}
	if side == kube {
		skipped := strings.Contains(path, "/events") || strings.Contains(path, "/leases") || strings.HasSuffix(path, "/selfsubjectaccessreviews")
		return c, write && !skipped
	}
	c.Write = write && slices.ContainsFunc(managing, func(place string) bool { return strings.Contains(path, place) })
	return c, true
}
