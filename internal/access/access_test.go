package access

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
)

// asked is a hybrid application of the namespace orders, which asks for something of everything.
func asked() Application {
	app := &v1alpha1.TrustedApplication{Spec: v1alpha1.TrustedApplicationSpec{
		ApplicationURI: "com.example.orders/portal", ClientType: v1alpha1.ClientTypeConfidential, Scopes: []v1alpha1.Scope{"read", "update"},
		Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"},
		Interactive: &v1alpha1.InteractiveSpec{
			RedirectURIs:           []v1alpha1.RedirectURI{"https://Portal.example.com:8443/callback"},
			PostLogoutRedirectURIs: []v1alpha1.RedirectURI{"https://www.example.com/"},
		},
	}}
	return Of(app, Namespace{Name: "orders", Labels: map[string]string{"team": "orders", "tier": "gold"}}, v1alpha1.FlowHybrid)
}

// grant covers it, closely.
func grant(change func(*v1alpha1.AccessGrant)) v1alpha1.AccessGrant {
	g := v1alpha1.AccessGrant{
		Name: "teams", Namespaces: []v1alpha1.NamespacePattern{"orders", "sales"}, ApplicationURIs: []v1alpha1.TextPattern{"com.example.{namespace}/*"},
		Flows: []v1alpha1.Flow{v1alpha1.FlowHybrid}, ClientTypes: []v1alpha1.ClientType{v1alpha1.ClientTypeConfidential},
		Scopes: []v1alpha1.TextPattern{"read", "update"}, SystemUsers: []v1alpha1.TextPattern{"svc.{namespace}"},
		RedirectHosts: []v1alpha1.HostPattern{"*.example.com"}, ReferenceTokens: []v1alpha1.ReferenceTokenPolicy{v1alpha1.ReferenceTokensNone},
		MaxApplications: new(int32(3)),
	}
	if change != nil {
		change(&g)
	}
	return g
}

func TestEachBoundIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*v1alpha1.AccessGrant)
		older   int
		missing string // "": it is covered
	}{
		"all of it": {nil, 2, ""},
		"no bounds": {func(g *v1alpha1.AccessGrant) {
			*g = v1alpha1.AccessGrant{Name: "all", Namespaces: []v1alpha1.NamespacePattern{"*"}}
		}, 99, ""},
		"another namespace":             {func(g *v1alpha1.AccessGrant) { g.Namespaces = []v1alpha1.NamespacePattern{"sales"} }, 0, "no grant in spec.access of the IdentityServer acme is for the namespace orders"},
		"namespaces by their beginning": {func(g *v1alpha1.AccessGrant) { g.Namespaces = []v1alpha1.NamespacePattern{"ord*"} }, 0, ""},
		"a name is no beginning":        {func(g *v1alpha1.AccessGrant) { g.Namespaces = []v1alpha1.NamespacePattern{"ord", "orders-eu", "order"} }, 0, "for the namespace orders"},
		"client ids of another team":    {func(g *v1alpha1.AccessGrant) { g.ApplicationURIs = []v1alpha1.TextPattern{"com.example.sales/*"} }, 0, "spec.applicationUri com.example.orders/portal"},
		"one client id":                 {func(g *v1alpha1.AccessGrant) { g.ApplicationURIs = []v1alpha1.TextPattern{"com.example.orders/portal"} }, 0, ""},
		"client ids are compared whole": {func(g *v1alpha1.AccessGrant) { g.ApplicationURIs = []v1alpha1.TextPattern{"com.example.orders/port"} }, 0, "spec.applicationUri"},
		"another flow":                  {func(g *v1alpha1.AccessGrant) { g.Flows = []v1alpha1.Flow{v1alpha1.FlowClientCredentials} }, 0, "the flow Hybrid"},
		"another type":                  {func(g *v1alpha1.AccessGrant) { g.ClientTypes = []v1alpha1.ClientType{v1alpha1.ClientTypePublic} }, 0, "spec.clientType Confidential"},
		"a scope is missing":            {func(g *v1alpha1.AccessGrant) { g.Scopes = []v1alpha1.TextPattern{"read"} }, 0, "the scope update"},
		"another user":                  {func(g *v1alpha1.AccessGrant) { g.SystemUsers = []v1alpha1.TextPattern{"svc.sales*"} }, 0, "spec.service.systemUser svc.orders"},
		"another host":                  {func(g *v1alpha1.AccessGrant) { g.RedirectHosts = []v1alpha1.HostPattern{"portal.example.com"} }, 0, "the redirect host www.example.com"},
		"a domain is no host of its own": {func(g *v1alpha1.AccessGrant) {
			g.RedirectHosts = []v1alpha1.HostPattern{"*.portal.example.com", "www.example.com"}
		}, 0, "the redirect host portal.example.com"},
		"another policy": {func(g *v1alpha1.AccessGrant) {
			g.ReferenceTokens = []v1alpha1.ReferenceTokenPolicy{v1alpha1.ReferenceTokensAdministratorsOnly}
		}, 0, "spec.referenceTokens None"},
		"too many": {nil, 3, "more than 3 applications"},
		"two things": {func(g *v1alpha1.AccessGrant) {
			g.Scopes, g.Flows = []v1alpha1.TextPattern{"update"}, []v1alpha1.Flow{v1alpha1.FlowClientCredentials}
		}, 0, "the grant teams of the IdentityServer acme does not cover the flow Hybrid, nor the scope read: change that in the spec, or ask"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := Decide("acme", []v1alpha1.AccessGrant{grant(c.change)}, asked(), func(v1alpha1.AccessGrant) int { return c.older }).Missing
			if c.missing == "" {
				g.Expect(got).To(BeEmpty())
			} else {
				g.Expect(got).To(ContainSubstring(c.missing))
			}
		})
	}
}

func TestGrantsDoNotAddUp(t *testing.T) {
	g := NewWithT(t)
	reading := grant(func(g *v1alpha1.AccessGrant) { g.Name, g.Scopes = "reading", []v1alpha1.TextPattern{"read"} })
	updating := grant(func(g *v1alpha1.AccessGrant) {
		g.Name, g.Scopes, g.SystemUsers = "updating", []v1alpha1.TextPattern{"update"}, []v1alpha1.TextPattern{"svc.other"}
	})
	none := func(v1alpha1.AccessGrant) int { return 0 }
	g.Expect(Decide("acme", []v1alpha1.AccessGrant{updating, reading}, asked(), none).Missing).To(ContainSubstring("the grant reading"), "the one that covers most is told")
	g.Expect(Decide("acme", []v1alpha1.AccessGrant{updating, grant(nil)}, asked(), none).Missing).To(BeEmpty())
	g.Expect(Decide("acme", nil, asked(), none).Missing).To(ContainSubstring("grants nothing to anybody"))
}

func TestNamespacesByLabel(t *testing.T) {
	g := NewWithT(t)
	none := func(v1alpha1.AccessGrant) int { return 0 }
	for name, c := range map[string]struct {
		labels  map[string]v1alpha1.LabelValue
		covered bool
	}{
		"its label":       {map[string]v1alpha1.LabelValue{"team": "orders"}, true},
		"both labels":     {map[string]v1alpha1.LabelValue{"team": "orders", "tier": "gold"}, true},
		"another value":   {map[string]v1alpha1.LabelValue{"team": "sales"}, false},
		"one of two":      {map[string]v1alpha1.LabelValue{"team": "orders", "tier": "silver"}, false},
		"a missing label": {map[string]v1alpha1.LabelValue{"stage": ""}, false},
		"none":            {nil, false},
	} {
		selecting := grant(func(g *v1alpha1.AccessGrant) {
			g.Namespaces, g.NamespaceSelector = nil, &v1alpha1.NamespaceSelector{MatchLabels: c.labels}
		})
		missing := Decide("acme", []v1alpha1.AccessGrant{selecting}, asked(), none).Missing
		if c.covered {
			g.Expect(missing).To(BeEmpty(), name)
		} else {
			g.Expect(missing).To(ContainSubstring("is for the namespace orders"), name)
		}
	}
}

// What opens the instance itself is never granted by the way.
func TestThePowerfulIsGrantedByName(t *testing.T) {
	g := NewWithT(t)
	none := func(v1alpha1.AccessGrant) int { return 0 }
	decide := func(scope string, change func(*v1alpha1.AccessGrant)) Decision {
		app := asked()
		app.Scopes = []string{"read", scope}
		return Decide("acme", []v1alpha1.AccessGrant{grant(change)}, app, none)
	}
	scopes := func(patterns ...v1alpha1.TextPattern) func(*v1alpha1.AccessGrant) {
		return func(g *v1alpha1.AccessGrant) { g.Scopes = patterns }
	}
	for _, without := range []func(*v1alpha1.AccessGrant){scopes(), scopes("*"), scopes("read", "s*"), scopes("read", "sec*")} {
		g.Expect(decide("sec", without).Missing).To(ContainSubstring("the scope sec, which has to be granted by its name"))
		g.Expect(decide("SEC", without).Missing).To(ContainSubstring("the scope SEC, which has to be"))
	}
	g.Expect(decide("sec", scopes("read", "sec")).Missing).To(BeEmpty())
	g.Expect(decide("SEC", scopes("read", "sec")).Missing).NotTo(BeEmpty())

	g.Expect(decide("update", nil)).To(Equal(Decision{}), "no administrator")
	allowed := func(g *v1alpha1.AccessGrant) { g.Administrators = v1alpha1.AdministratorsAllowed }
	g.Expect(decide("update", allowed)).To(Equal(Decision{Administrators: true}))
	g.Expect(decide("other", allowed).Administrators).To(BeFalse(), "it does not cover the application")
	both := []v1alpha1.AccessGrant{grant(nil), grant(allowed)}
	g.Expect(Decide("acme", both, asked(), none)).To(Equal(Decision{Administrators: true}), "one of them is enough")
}

func TestWhatIsAskedForOnlyByDefaultIsAskedFor(t *testing.T) {
	g := NewWithT(t)
	app := &v1alpha1.TrustedApplication{Spec: v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{}}}
	got := Of(app, Namespace{Name: "orders"}, v1alpha1.FlowClientCredentials)
	g.Expect(got.ClientType).To(Equal(v1alpha1.ClientTypeConfidential))
	g.Expect(got.ReferenceTokens).To(Equal("None"))
}

func TestHosts(t *testing.T) {
	for uri, want := range map[string]string{
		"https://shop.example.com/cb": "shop.example.com", "https://SHOP.example.com:8443/": "shop.example.com", "http://127.0.0.1:9/cb": "127.0.0.1",
		"http://[::1]/cb": "::1", "com.example.app:/cb": "com.example.app:", "https://shop.example.com.evil.example/": "shop.example.com.evil.example",
	} {
		NewWithT(t).Expect(hostOf(uri)).To(Equal(want), uri)
	}
	if matches([]string{"*.example.com"}, "example.com", "") || matches([]string{"*.example.com"}, "evilexample.com", "") {
		t.Error("a subdomain is not the domain, nor what ends like it")
	}
}
