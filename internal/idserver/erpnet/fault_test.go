package erpnet_test

import (
	"net/http"
	"strings"
	"testing"

	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/test/standin"
)

// kinds are all that the stand-in and the transport can do.
var kinds = []contract.FaultKind{
	contract.Unreachable, contract.CutBefore, contract.AnswerLost, contract.Hang, contract.Status401, contract.Status403,
	contract.Status404, contract.Status429, contract.Status500, contract.Status503, contract.Truncated, contract.HTML,
	contract.OtherJSON, contract.Huge, contract.Endless, contract.Nested, contract.Redirected,
}

// atServer are the faults that the stand-in itself makes.
var atServer = map[contract.FaultKind]standin.Fault{
	contract.CutBefore:  {Drop: standin.DropBefore},
	contract.AnswerLost: {Drop: standin.DropAfter},
	contract.Hang:       {Drop: standin.DropHang},
	contract.Status401:  {Status: http.StatusUnauthorized, Body: contract.Page, ContentType: "text/html"},
	contract.Status403:  {Status: http.StatusForbidden, Body: contract.Page, ContentType: "text/html"},
	contract.Status404:  {Status: http.StatusNotFound, Body: contract.Page, ContentType: "text/html"},
	contract.Status429:  {Status: http.StatusTooManyRequests, RetryAfter: "7"},
	contract.Status500:  {Status: http.StatusInternalServerError, Body: contract.Page, ContentType: "text/html"},
	contract.Status503:  {Status: http.StatusServiceUnavailable, Body: contract.Page, ContentType: "text/html"},
	contract.Truncated:  {Truncate: 25},
	contract.HTML:       {Status: http.StatusOK, Body: contract.Page, ContentType: "text/html"},
	contract.OtherJSON:  {Status: http.StatusOK, Body: `{"status":"up"}`, ContentType: "application/json"},
}

const (
	tokenPath = "/id/connect/token"
	appsPath  = "/api/domain/odata/Systems_Security_TrustedApplications"
)

// places are the requests that a target means.
var places = map[contract.Target][]standin.Fault{
	contract.Reads:  {{Method: http.MethodGet, Path: appsPath}},
	contract.Writes: {{Method: http.MethodPost, Path: appsPath}, {Method: http.MethodPatch, Path: appsPath}, {Method: http.MethodDelete, Path: appsPath}},
	contract.Tokens: {{Method: http.MethodPost, Path: tokenPath}},
}

func (b *bed) breakBy(t *testing.T, wire *contract.Wire, f contract.Fault) (heal func()) {
	t.Helper()
	fault, ok := atServer[f.Kind]
	if !ok {
		return wire.Break(t, f)
	}
	for _, place := range places[f.On] {
		fault.Method, fault.Path, fault.Count = place.Method, place.Path, f.Count
		_, err := b.AddFault(t.Context(), fault)
		must(t, err)
	}
	return func() { must(t, b.RemoveFault(t.Context(), "")) }
}

// target says what a request is for.
func target(r *http.Request) (contract.Target, bool) {
	for on, all := range places {
		for _, place := range all {
			if r.Method == place.Method && strings.HasPrefix(r.URL.Path, place.Path) {
				return on, true
			}
		}
	}
	return 0, false
}
