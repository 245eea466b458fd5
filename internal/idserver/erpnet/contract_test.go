package erpnet_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/internal/idserver/erpnet"
	"trustedapps.dev/operator/test/standin"
)

const (
	operatorID     = "dev.trustedapps/operator"
	operatorSecret = "wren-Lantern-58-of-the-operator-itself"
	pageSize       = 3
)

// process is one stand-in for all tests of the package.
var process *standin.Process

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	var err error
	if process, err = standin.Start(context.Background(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	started := goleak.IgnoreCurrent()
	defer func() {
		if err := process.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	if code = m.Run(); code != 0 {
		return code
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() // those of the tests to the stand-in
	if err := goleak.Find(started); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines are left behind:", err)
		return 1
	}
	return 0
}

// TestContract runs the contract against every level of the version matrix and every quirk that the backend must get over.
func TestContract(t *testing.T) {
	variants := map[string]standin.Spec{}
	for _, version := range []string{"20.1.0.0", "23.1.0.0", "24.1.0.89", "26.1.0.0", "26.2.0.16", "26.2.1.66", "26.3.100.4"} {
		variants[version] = standin.Spec{Version: version}
	}
	for name, quirks := range map[string]map[string]any{
		"flat errors":              {"errorShape": "flat"},
		"errors without codes":     {"errorShape": "messageOnly", "notFoundStatus": 500},
		"masked hashes":            {"maskSecretHash": true},
		"unfilterable ExternalId":  {"externalIdNotFilterable": true, "relativeNextLink": true},
		"not found is 500":         {"notFoundStatus": 500, "createStatus": 200, "conflictCode": 4711},
		"server-side validation":   {"serverSideValidation": true, "invalidClientStatus": 401, "forbiddenStatus": 401},
		"comparing without case":   {"caseInsensitiveUri": true, "disabledIsUnauthorizedClient": true},
		"auto-discovery elsewhere": {"toolPath": "tools", "scopeSubset": true},
	} {
		variants[name] = standin.Spec{Quirks: quirks}
	}
	for _, name := range slices.Sorted(maps.Keys(variants)) {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, variants[name])
			contract.Suite(t, contract.Subject{Name: "ERP.net stand-in", Version: name}, b.harness)
		})
	}
}

// bed is an instance, and what is seen of it from behind.
type bed struct {
	*standin.Instance
	spec standin.Spec
	// batched: every call goes as a batch of its own.
	batched bool
}

func newBed(t *testing.T, spec standin.Spec) *bed {
	t.Helper()
	spec.Name, spec.RequestsPerMinute, spec.LicenceSlots = t.Name(), cmp.Or(spec.RequestsPerMinute, 1_000_000), 1_000_000
	scope := "read update sec"
	spec.Users = []standin.User{
		{Login: "operator", Active: true, IsAdmin: true, UserType: "InternalUser"},
		{Login: "svc.orders", Active: true, UserType: "InternalUser"},
		{Login: "svc.o'brien", Active: true, UserType: "ApplicationUserNoLogin"},
	}
	spec.Applications = []standin.Application{{
		ApplicationURI: operatorID, Name: "Operator", IsEnabled: true, Secret: operatorSecret, Scope: &scope,
		SystemUserAllowed: true, SystemUser: "operator",
	}}
	i, err := process.NewInstance(t.Context(), spec)
	must(t, err)
	t.Cleanup(func() { must(t, i.Close(context.Background())) })
	return &bed{Instance: i, spec: spec}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bed) config() erpnet.Config {
	return erpnet.Config{URL: b.URL, ClientID: operatorID, ClientSecret: operatorSecret, CABundle: process.CA}
}

// server makes a backend of its own for the instance.
func (b *bed) server(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper) *erpnet.Server {
	t.Helper()
	config := b.config()
	config.WrapTransport = wrap
	s, err := erpnet.New(config)
	must(t, err)
	if b.batched {
		erpnet.AlwaysBatching(s)
	}
	return erpnet.Unpaced(s, pageSize)
}

// harness cleans the instance up and shows it from both sides.
func (b *bed) harness(t *testing.T) contract.Harness {
	t.Helper()
	must(t, b.RemoveFault(t.Context(), ""))
	apps, err := b.Applications(t.Context())
	must(t, err)
	for _, a := range apps {
		if a.ApplicationURI != operatorID {
			must(t, b.SetReferenced(t.Context(), a.ID, false))
			must(t, b.RemoveApplication(t.Context(), a.ID))
		}
	}
	wire := &contract.Wire{Target: target}
	around := wire.Around
	if b.batched {
		around = func(next http.RoundTripper) http.RoundTripper { return unpack{wire.Around(next)} }
	}
	s := b.server(t, around)
	_, err = s.Probe(t.Context())
	must(t, err)
	must(t, b.ResetCounts(t.Context()))
	return contract.Harness{
		Server: s, Prefix: "com.example.contract/", SystemUsers: [2]string{"svc.orders", "svc.o'brien"}, AdminUser: "operator", PageSize: pageSize,
		Locking:          true,
		SecretUnreadable: b.spec.Quirks["maskSecretHash"] == true,
		Break:            func(t *testing.T, f contract.Fault) func() { return b.breakBy(t, wire, f) },
		Kinds:            kinds, Requests: b.requests, Authenticate: b.authenticate, Look: b.look, Edit: b.edit,
		Remove: func(t *testing.T, clientID string) { must(t, b.RemoveApplication(t.Context(), b.id(t, clientID))) },
		Plant:  b.plant,
		Refer: func(t *testing.T, clientID string, referred bool) {
			must(t, b.SetReferenced(t.Context(), b.id(t, clientID), referred))
		},
	}
}

func (b *bed) requests(t *testing.T) contract.Requests {
	counts, err := b.Counts(t.Context())
	must(t, err)
	return contract.Requests{
		Reads:  counts.Requests["GET Systems_Security_TrustedApplications"],
		Writes: counts.Writes, Tokens: counts.Token, MaxInFlight: counts.MaxInFlight,
	}
}

func (b *bed) id(t *testing.T, clientID string) string {
	t.Helper()
	a, ok, err := b.Application(t.Context(), clientID)
	must(t, err)
	if !ok {
		t.Fatalf("the instance has no %s", clientID)
	}
	return a.ID
}

func (b *bed) look(t *testing.T, clientID string) (contract.Seen, bool) {
	t.Helper()
	a, ok, err := b.Application(t.Context(), clientID)
	must(t, err)
	seen := contract.Seen{
		DisplayName: a.Name, Enabled: a.IsEnabled, Public: a.ClientType == "Public", HasSecret: a.ApplicationSecretHash != nil,
	}
	if a.SystemUserLoginURL != nil {
		seen.Unmanaged = *a.SystemUserLoginURL
	}
	return seen, ok
}

func (b *bed) edit(t *testing.T, clientID string, change contract.Edit) {
	t.Helper()
	members := map[string]any{}
	if change.DisplayName != nil {
		members["name"] = *change.DisplayName
	}
	if change.Enabled != nil {
		members["isEnabled"] = *change.Enabled
	}
	if change.Unmanaged != nil {
		members["systemUserLoginUrl"] = *change.Unmanaged
	}
	must(t, b.EditApplication(t.Context(), b.id(t, clientID), members))
}

// plant marks a foreign registration where the version keeps marks.
func (b *bed) plant(t *testing.T, clientID string, foreign bool) {
	t.Helper()
	a := standin.Application{ApplicationURI: clientID, Name: "By hand", IsEnabled: true, ClientType: "Confidential"}
	switch {
	case !foreign:
	case b.spec.Version == "20.1.0.0" || b.spec.Version == "23.1.0.0":
		notes := "made by hand\ntrustedapps.dev/owner=unreadable"
		a.Notes = &notes
	default:
		system, id := "another-system", "17"
		a.ExternalSystem, a.ExternalID = &system, &id
	}
	_, err := b.AddApplication(t.Context(), a)
	must(t, err)
}

// authenticate asks the token endpoint as a workload would.
func (b *bed) authenticate(t *testing.T, clientID string, secret idserver.Secret, service bool) bool {
	t.Helper()
	return contract.Authenticate(t, process.CA, b.Identity+"/connect/token", clientID, secret, service)
}
