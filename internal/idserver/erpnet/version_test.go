package erpnet

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

func TestSecretHash(t *testing.T) {
	g := NewWithT(t)
	for secret, hash := range map[idserver.Secret]string{
		"mysecret":          "ZSx9xofZjJiJME7S5AjHS2EehqQMqlHEtD8d1ZE8XNA=",
		"DEMO":              "T/AGymuI51LwjLeIFxRQXOs9IHnupDKs/ajhWODR2C4=",
		"kestrel-Harbor-41": "gyNDd1cmWKJN/pVPgZNeyRNkjiCcENszWGdi6kQu0VI=",
		"mysecret\n":        "GMH+DX9RXl+vyi675IetzZepPiXhpnW/ND4nY3QBx+s=",
	} {
		g.Expect(SecretHash(secret)).To(Equal(hash))
	}
}

func TestParseVersion(t *testing.T) {
	g := NewWithT(t)
	for text, want := range map[string]version{
		"26.2.1.66": {26, 2, 1, 66}, "20.1": {20, 1}, "26.10.0.1": {26, 10, 0, 1},
		"": {}, "26": {}, "26.": {}, "26.2.x.1": {}, "-1.2": {}, "1.2.3.4.5": {}, "<html>": {}, "0.0.0.0": {}, "99999999999.1": {},
	} {
		got, ok := parseVersion(text)
		g.Expect(got).To(Equal(want), text)
		g.Expect(ok).To(Equal(want.known()), text)
	}
	g.Expect(version{26, 10}.atLeast(version{26, 9, 9, 9})).To(BeTrue(), "numbers, not text")
	g.Expect(version{26, 2, 0, 15}.atLeast(version{26, 2, 0, 16})).To(BeFalse())
	g.Expect(version{}.atLeast(oldestVersion)).To(BeFalse())
	g.Expect(version{}.String()).To(BeEmpty())
}

func TestVersionMatrix(t *testing.T) {
	g := NewWithT(t)
	for text, want := range map[string]features{
		"20.1.0.0":   {urlLength: 254},
		"22.1.0.0":   {urlLength: 254, objectVersion: true},
		"24.1.0.88":  {urlLength: 254, objectVersion: true},
		"24.1.0.89":  {urlLength: 254, objectVersion: true, externalID: true, externalFilter: true},
		"26.2.0.15":  {urlLength: 254, objectVersion: true, externalID: true, externalFilter: true, nextLink: true, changed: true},
		"26.2.0.16":  {urlLength: 254, objectVersion: true, externalID: true, externalFilter: true, nextLink: true, changed: true, policyAttribute: "AccessTokens"},
		"26.2.1.66":  {urlLength: 500, objectVersion: true, externalID: true, externalFilter: true, nextLink: true, changed: true, policyAttribute: "ReferenceTokens", clientTypeNone: true},
		"26.3.100.4": {urlLength: 500, objectVersion: true, externalID: true, externalFilter: true, nextLink: true, changed: true, policyAttribute: "ReferenceTokens", clientTypeNone: true, additionalData: true},
	} {
		want.version, _ = parseVersion(text)
		g.Expect(featuresOf(want.version)).To(Equal(want), text)
	}
	g.Expect(featuresOf(version{})).To(Equal(features{urlLength: 254}), "the unknown version can only do what all can")
	g.Expect(featuresOf(version{26, 3, 100, 4}).names()).To(Equal(
		[]string{"ReferenceTokens", "ClientTypeNone", "ExternalId", "AdditionalDataJson", "NextLink", "ObjectVersion"}))
}

func TestRefine(t *testing.T) {
	g := NewWithT(t)
	newest := featuresOf(version{26, 3, 100, 4})
	description := `{"Attributes":[{"Name":"ApplicationUri"},{"Name":"ClientType","enumValues":[{"Name":"Confidential"},{"Name":"Public"}]},
		{"Name":"ImpersonateLoginUrl","BaseInfo":{"MaxLength":300}},{"Name":"AccessTokens"},
		{"Name":"ExternalId"},{"Name":"ExternalSystem","BaseInfo":{"SupportedFilters":"NotFilterable"}}]}`
	got, ok := newest.refine([]byte(description))
	g.Expect(ok).To(BeTrue())
	g.Expect(got).To(Equal(features{
		version: newest.version, policyAttribute: "AccessTokens", urlLength: 300, externalID: true, nextLink: true, objectVersion: true,
	}), "the instance's own model wins")
	got, ok = newest.refine([]byte(strings.ReplaceAll(description, `"NotFilterable"`, `["Equals","EqualsIn"]`)))
	g.Expect(ok && got.externalFilter).To(BeTrue(), "a list of filters is read too")
	for _, useless := range []string{"", "<html>", "{}", "[]", `{"Attributes":[{"Name":"Login"}]}`, `{"Attributes":"x"}`} {
		got, ok = newest.refine([]byte(useless))
		g.Expect(ok).To(BeFalse(), useless)
		g.Expect(got).To(Equal(newest), useless)
	}
}

func TestCheckTeaches(t *testing.T) {
	g := NewWithT(t)
	old, latest := featuresOf(version{26, 1}), featuresOf(version{26, 3, 100, 4})
	long := []string{"https://a.example.com/" + strings.Repeat("x", 240)}
	for _, c := range []struct {
		f    features
		want idserver.Registration
		says string
	}{
		{old, idserver.Registration{RedirectURIs: long}, "take 262 characters together, commas included; this version of ERP.net holds 254"},
		{latest, idserver.Registration{RedirectURIs: long}, ""},
		{latest, idserver.Registration{PostLogoutRedirectURIs: append(long, long...)}, "the post-logout redirect URIs take 525 characters"},
		{latest, idserver.Registration{RedirectURIs: []string{"https://a.example.com/?q=1,2"}}, "percent-encode it (%2C)"},
		{latest, idserver.Registration{Scopes: []string{"read", "write"}}, `no scope "write" for applications: use read, update`},
		{latest, idserver.Registration{Scopes: []string{"sec"}}, ""}, // grants keep it from applications
		{latest, idserver.Registration{Scopes: []string{"Read"}}, `no scope "Read"`},
		{latest, idserver.Registration{Scopes: []string{"read", "update", "openid", "profile", "offline_access"}}, ""},
		{old, idserver.Registration{ReferenceTokens: "AdministratorsOnly"}, "set referenceTokens to None"},
		{old, idserver.Registration{ReferenceTokens: "None"}, ""},
		{latest, idserver.Registration{ReferenceTokens: "AdministratorsOnly"}, ""},
		{latest, idserver.Registration{Service: true}, "needs a system user"},
	} {
		err := c.f.check("checking", c.want)
		if c.says == "" {
			g.Expect(err).NotTo(HaveOccurred())
			continue
		}
		g.Expect(err).To(MatchError(ContainSubstring(c.says)))
		g.Expect(err).To(MatchError(idserver.ErrRejected))
		g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonInvalid))
	}
}
