package erpnet

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

func TestParseSites(t *testing.T) {
	g := NewWithT(t)
	authority, odata, ok := parseSites(oauth.Answer{Status: 200, Body: []byte(`{"Host":"h","DbName":null,"WebSites":[
		{"Type":"WebClient","Status":"Working","Url":"https://h/"},
		{"Type":"ID","Status":"NotWorking","Url":"https://h/id/"},{"Type":"ID","Status":"Working","Url":"https://h/id2"},
		{"Type":"DomainAPI","Status":"NotWorking","Url":"https://h/api1"},
		{"Type":"DomainAPI","Status":"Working","Url":"https://h/api2/"},{"Type":"Novelty","Status":"Odd","New":true}]}`)})
	g.Expect(ok).To(BeTrue())
	g.Expect(authority).To(Equal("https://h/id"), "the first, whatever its status")
	g.Expect(odata).To(Equal("https://h/api2/domain/odata/"), "the first that works")
	_, odata, _ = parseSites(oauth.Answer{Status: 200, Body: []byte(`{"WebSites":[{"Type":"DomainAPI","Status":"Working","Url":"https://h/api",
		"AdditionalProperties":{"ODataServiceRoot":"https://h/other/odata"}}]}`)})
	g.Expect(odata).To(Equal("https://h/other/odata/"))
	for _, bad := range []oauth.Answer{
		{Status: 404, Body: []byte(`{"WebSites":[]}`)}, {Status: 200, Body: []byte(`<html>`)}, {Status: 200, Body: []byte(`{}`)},
		{Status: 200, Body: []byte(`{"WebSites":"x"}`)}, {Status: 200},
	} {
		_, _, ok := parseSites(bad)
		g.Expect(ok).To(BeFalse(), "%s", bad.Body)
	}
}

func TestCheckSites(t *testing.T) {
	g := NewWithT(t)
	g.Expect(checkSites(oauth.Answer{}, "https://h/id", "https://api.other/odata/")).To(Succeed(), "sites may have hosts of their own")
	for _, c := range []struct{ authority, odata, says string }{
		{"", "https://h/odata/", "set identityUrl"}, {"https://h/id", "", "set domainApiUrl"},
		{"http://h/id", "https://h/odata/", "not a plain https URL"}, {"https://h/id", "https://u:p@h/odata/", "not a plain https URL"},
		{"https://h/id", "https://h/odata/?x=1", "not a plain https URL"}, {"https://id.erp.net/id", "https://h/odata/", "global identity"},
	} {
		err := checkSites(oauth.Answer{}, c.authority, c.odata)
		g.Expect(err).To(MatchError(ContainSubstring(c.says)), "%+v", c)
		g.Expect(err).To(MatchError(idserver.ErrUnavailable))
		g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonDiscoveryFailed))
		g.Expect(err.Error()).NotTo(ContainSubstring("u:p"))
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
