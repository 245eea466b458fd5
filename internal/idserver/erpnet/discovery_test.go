package erpnet

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

func TestParseSites(t *testing.T) {
	g := NewWithT(t)
	authority, odata, ok := parseSites(answer{status: 200, body: []byte(`{"Host":"h","DbName":null,"WebSites":[
		{"Type":"WebClient","Status":"Working","Url":"https://h/"},
		{"Type":"ID","Status":"NotWorking","Url":"https://h/id/"},{"Type":"ID","Status":"Working","Url":"https://h/id2"},
		{"Type":"DomainAPI","Status":"NotWorking","Url":"https://h/api1"},
		{"Type":"DomainAPI","Status":"Working","Url":"https://h/api2/"},{"Type":"Novelty","Status":"Odd","New":true}]}`)})
	g.Expect(ok).To(BeTrue())
	g.Expect(authority).To(Equal("https://h/id"), "the first, whatever its status")
	g.Expect(odata).To(Equal("https://h/api2/domain/odata/"), "the first that works")
	_, odata, _ = parseSites(answer{status: 200, body: []byte(`{"WebSites":[{"Type":"DomainAPI","Status":"Working","Url":"https://h/api",
		"AdditionalProperties":{"ODataServiceRoot":"https://h/other/odata"}}]}`)})
	g.Expect(odata).To(Equal("https://h/other/odata/"))
	for _, bad := range []answer{
		{status: 404, body: []byte(`{"WebSites":[]}`)}, {status: 200, body: []byte(`<html>`)}, {status: 200, body: []byte(`{}`)},
		{status: 200, body: []byte(`{"WebSites":"x"}`)}, {status: 200},
	} {
		_, _, ok := parseSites(bad)
		g.Expect(ok).To(BeFalse(), "%s", bad.body)
	}
}

func TestCheckSites(t *testing.T) {
	g := NewWithT(t)
	g.Expect(checkSites(answer{}, "https://h/id", "https://api.other/odata/")).To(Succeed(), "sites may have hosts of their own")
	for _, c := range []struct{ authority, odata, says string }{
		{"", "https://h/odata/", "set identityUrl"}, {"https://h/id", "", "set domainApiUrl"},
		{"http://h/id", "https://h/odata/", "not a plain https URL"}, {"https://h/id", "https://u:p@h/odata/", "not a plain https URL"},
		{"https://h/id", "https://h/odata/?x=1", "not a plain https URL"}, {"https://id.erp.net/id", "https://h/odata/", "global identity"},
	} {
		err := checkSites(answer{}, c.authority, c.odata)
		g.Expect(err).To(MatchError(ContainSubstring(c.says)), "%+v", c)
		g.Expect(err).To(MatchError(idserver.ErrUnavailable))
		g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonDiscoveryFailed))
		g.Expect(err.Error()).NotTo(ContainSubstring("u:p"))
	}
}

func TestCheckEndpoints(t *testing.T) {
	g := NewWithT(t)
	good := idserver.Endpoints{Issuer: "https://h/id", Token: "https://H/id/connect/token", JWKS: "https://h/id/jwks"}
	g.Expect(checkEndpoints("https://h/id", good)).To(Succeed())
	for name, change := range map[string]func(*idserver.Endpoints){
		"issuer of another host": func(e *idserver.Endpoints) { e.Issuer = "https://other/id" },
		"issuer of another path": func(e *idserver.Endpoints) { e.Issuer = "https://h/identity" },
		"token elsewhere":        func(e *idserver.Endpoints) { e.Token = "https://evil/connect/token" },
		"another port":           func(e *idserver.Endpoints) { e.Token = "https://h:444/connect/token" },
		"token without TLS":      func(e *idserver.Endpoints) { e.Token = "http://h/connect/token" },
		"keys elsewhere":         func(e *idserver.Endpoints) { e.JWKS = "https://evil/jwks" },
	} {
		bad := good
		change(&bad)
		err := checkEndpoints("https://h/id", bad)
		g.Expect(err).To(MatchError(idserver.ErrRejected), name)
		g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonIssuerMismatch), name)
		g.Expect(err.Error()).NotTo(ContainSubstring("evil"), name)
	}
}

func TestNewChecksItsConfiguration(t *testing.T) {
	g := NewWithT(t)
	good := Config{URL: "https://acme.example/", ClientID: "op", ClientSecret: "s"}
	_, err := New(good)
	g.Expect(err).NotTo(HaveOccurred())
	for name, change := range map[string]func(*Config){
		"no URL":          func(c *Config) { c.URL = "" },
		"http":            func(c *Config) { c.URL = "http://acme.example" },
		"password in URL": func(c *Config) { c.URL = "https://u:pa55@acme.example" },
		"bad override":    func(c *Config) { c.DomainAPIURL = "acme.example/odata" },
		"http override":   func(c *Config) { c.IdentityURL = "http://acme.example/id" },
		"no client id":    func(c *Config) { c.ClientID = "" },
		"no secret":       func(c *Config) { c.ClientSecret = "" },
		"bad CA":          func(c *Config) { c.CABundle = []byte("-----BEGIN NOTHING-----") },
		"bad auth":        func(c *Config) { c.ClientAuthentication = "Digest" },
	} {
		bad := good
		change(&bad)
		_, err := New(bad)
		g.Expect(err).To(HaveOccurred(), name)
		g.Expect(err.Error()).NotTo(ContainSubstring("pa55"), name)
	}
}
