package domainapi

import (
	"testing"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

func TestFilter(t *testing.T) {
	in := newInstance(t, settings{})
	const both = "Example Shop+Order sync"
	for _, c := range []struct{ filter, want string }{
		{"ApplicationUri eq 'com.example.shop/web'", "Example Shop"},
		{"ApplicationUri eq 'com.example.shop/WEB'", ""},
		{"ApplicationUri eq 'it''s'", ""},
		{"IsEnabled eq true", "Example Shop"},
		{"IsEnabled eq false and SystemUserAllowed eq true", "Order sync"},
		{"(IsEnabled eq true) and (Name eq 'Order sync')", ""},
		{"contains(Name,'SHOP')", "Example Shop"},
		{"startswith(Name,'order')", "Order sync"},
		{"endswith(Name, 'sync')", "Order sync"},
		{"ReferenceTokens eq 'None'", both},
		{"ReferenceTokens in ('AdministratorsOnly','AuthenticatedUsers')", ""},
		{"Id eq " + webID, "Example Shop"},
		{"Id in (" + webID + "," + syncID + ")", both},
		{"Id ge " + syncID, "Order sync"},
		{"Id le " + webID, "Example Shop"},
		{"SystemUser eq 'Systems_Security_Users(" + serviceID + ")'", "Order sync"},
		{"SystemUser eq null", "Example Shop"},
		{"SystemUser in (null,'Systems_Security_Users(" + serviceID + ")')", both},
		{"equalnull(SystemUser,'Systems_Security_Users(" + adminID + ")')", "Example Shop"},
		{"ExternalId eq 'c1/shop/web' and ExternalSystem eq 'operator'", "Example Shop"},
		{"ExternalId in ('x','c1/shop/web')", "Example Shop"},
		{"ExternalId eq null", "Order sync"},
		{"equalnull(ExternalSystem,'operator')", both},
		// Records are of 13:30; literals lose their time of day.
		{"CreationTimeUtc ge 2026-07-15T23:00:00Z", both},
		{"CreationTimeUtc le 2026-07-15T23:00:00Z", ""},
		{"CreationTimeUtc le 2026-07-16", both},
		{"CreationTimeUtc eq 2026-07-15T01:00:00Z", both},
		{"AggregateLastUpdateTimeUtc ge 2026-07-16T00:00:00Z", ""},
		{"greaterequalnull(AggregateLastUpdateTimeUtc,2026-07-15)", both},
		{"lessequalnull(AggregateLastUpdateTimeUtc,2026-07-15)", ""},
	} {
		t.Run(c.filter, func(t *testing.T) {
			got := ""
			for _, r := range in.where(apps, c.filter).rows() {
				if got != "" {
					got += "+"
				}
				got += r["Name"].(string)
			}
			equal(t, "rows", got, c.want)
		})
	}
}

func TestFilterOfUsers(t *testing.T) {
	in := newInstance(t, settings{})
	for _, c := range []struct{ filter, want string }{
		{"Login eq 'svc.orders'", "svc.orders"},
		{"Login in ('svc.orders','nobody')", "svc.orders"},
		{"startswith(Login,'svc')", "svc.orders svc.stock"},
		{"Email eq 'ada@example.com'", "admin"},
		{"contains(Name,'service')", "svc.orders svc.stock"},
		{"UserType eq 'ApplicationUserNoLogin'", "svc.stock"},
		{"endswith(UserType,'NoLogin') and Active eq false", "svc.stock"},
		{"IsAdmin eq true", "admin"},
		{"LockoutEndUtc eq null", "admin svc.orders svc.stock"},
	} {
		t.Run(c.filter, func(t *testing.T) {
			equal(t, "logins", in.where(people, c.filter).column("Login"), c.want)
		})
	}
}

func TestFilterRefused(t *testing.T) {
	in := newInstance(t, settings{})
	const unsupported, syntax = "NotSupportedException", "ODataException"
	for _, c := range []struct{ set, filter, kind string }{
		{apps, "IsEnabled eq true or SystemUserAllowed eq true", unsupported},
		{apps, "(IsEnabled eq true or IsEnabled eq false)", unsupported},
		{apps, "IsEnabled ne true", unsupported},
		{apps, "CreationTimeUtc gt 2026-01-01", unsupported},
		{apps, "CreationTimeUtc lt 2026-01-01", unsupported},
		{apps, "not IsEnabled eq true", unsupported},
		{apps, "not (IsEnabled eq true)", unsupported},
		{apps, "ClientType eq 'Public'", unsupported},
		{apps, "Scope eq 'read'", unsupported},
		{apps, "ApplicationSecretHash eq 'x'", unsupported},
		{apps, "AdditionalDataJson eq 'x'", unsupported},
		{apps, "ObjectVersion eq 1", unsupported},
		{apps, "contains(ApplicationUri,'shop')", unsupported},
		{apps, "startswith(ApplicationUri,'com')", unsupported},
		{apps, "ApplicationUri in ('a','b')", unsupported},
		{apps, "ApplicationUri ge 'a'", unsupported},
		{apps, "Name in ('a')", unsupported},
		{apps, "AggregateLastUpdateTimeUtc eq 2026-07-15", unsupported},
		{apps, "tolower(Name) eq 'x'", unsupported},
		{people, "Name eq 'Ada Admin'", unsupported},
		{people, "startswith(Name,'Ada')", unsupported},
		{apps, "Code eq 'x'", syntax},
		{apps, "SystemUser/Login eq 'x'", syntax},
		{apps, "AccessTokens eq 'None'", syntax},
		{apps, "ApplicationUri eq com.example", syntax},
		{apps, "Id eq '" + webID + "'", syntax},
		{apps, "IsEnabled eq 'true'", syntax},
		{apps, "SystemUser eq " + serviceID, syntax},
		{apps, "ReferenceTokens eq 'Everybody'", syntax},
		{apps, "CreationTimeUtc ge 'yesterday'", syntax},
		{apps, "Name eq 'unterminated", syntax},
		{apps, "Name eq", syntax},
		{apps, "(Name eq 'x'", syntax},
		{apps, "contains('Name','x')", syntax},
		{apps, "", syntax},
	} {
		t.Run(c.filter, func(*testing.T) { in.where(c.set, c.filter).fails(500, 0, c.kind) })
	}
}

func TestFilterQuirks(t *testing.T) {
	exact := newInstance(t, settings{quirks: model.Quirks{FullDateTimeFilter: true}})
	equal(t, "rows after the creation", len(exact.where(apps, "CreationTimeUtc ge 2026-07-15T13:30:01Z").rows()), 0)
	equal(t, "rows at the creation", len(exact.where(apps, "CreationTimeUtc eq 2026-07-15T13:30:00Z").rows()), 2)

	folding := newInstance(t, settings{quirks: model.Quirks{CaseInsensitiveURI: true}})
	equal(t, "rows", len(folding.where(apps, "ApplicationUri eq 'COM.example.shop/web'").rows()), 1)

	strict := newInstance(t, settings{quirks: model.Quirks{ExternalIDNotFilterable: true}})
	strict.where(apps, "ExternalId eq 'c1/shop/web'").fails(500, 0, "NotSupportedException")
}

func TestGUIDOrder(t *testing.T) {
	ascending := []string{
		"01000000-0000-0000-0000-000000000000",
		"00000001-0000-0000-0000-000000000000",
		"00000000-0100-0000-0000-000000000000",
		"00000000-0001-0000-0000-000000000000",
		"00000000-0000-0100-0000-000000000000",
		"00000000-0000-0001-0000-000000000000",
		"00000000-0000-0000-0001-000000000000",
		"00000000-0000-0000-0100-000000000000",
		"00000000-0000-0000-0000-000000000001",
		"00000000-0000-0000-0000-010000000000",
	}
	for i, x := range ascending {
		for j, y := range ascending {
			if got := compareGUIDs(x, y); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("compareGUIDs(%s, %s) = %d", x, y, got)
			}
		}
	}
}

// FuzzFilter: no expression makes the parser panic or accept an operator that the model does not publish, and what
// it accepts can be evaluated.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"ApplicationUri eq 'com.example.shop/web'", "Id in (" + webID + "," + syncID + ")", "contains(Name,'a''b') and IsEnabled eq true",
		"equalnull(SystemUser,'Systems_Security_Users(" + serviceID + ")')", "CreationTimeUtc ge 2026-07-15T10:00:00Z", "a or b", "((((", "not (",
	} {
		f.Add(seed)
	}
	version, err := model.ParseVersion("26.3.100.4")
	if err != nil {
		f.Fatal(err)
	}
	e := trustedApplications(version, model.Quirks{})
	store := model.NewStore(time.Now)
	if _, err := store.CreateApplication(model.TrustedApplication{ApplicationURI: "a", Name: "b"}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		node, err := parseFilter(e, expression, false)
		if err != nil {
			return
		}
		checkPublished(t, node)
		for _, r := range e.rows(&database{store: store}, token.Caller{}) {
			node.matches(r)
		}
	})
}

func checkPublished(t *testing.T, node filterNode) {
	t.Helper()
	var a *attribute
	var needed operators
	switch n := node.(type) {
	case allOf:
		for _, inner := range n {
			checkPublished(t, inner)
		}
		return
	case comparison:
		a, needed = n.attribute, comparisonOperators[n.operator]
	case orNull:
		a, needed = n.attribute, comparisonOperators[n.operator]
	case oneOf:
		a, needed = n.attribute, equalsIn
	case textMatch:
		a, needed = n.attribute, likes|containsOnly
	}
	if a.filter&needed == 0 {
		t.Errorf("%s accepts %T", a.name, node)
	}
}
