package erpnet_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/internal/idserver/erpnet"
	"trustedapps.dev/operator/test/standin"
)

func TestProbeTellsWhatItFound(t *testing.T) {
	for version, features := range map[string][]string{
		"20.1.0.0":   {"ObjectVersion"}, // its model lists it
		"23.1.0.0":   {"ObjectVersion"},
		"24.1.0.89":  {"ExternalId", "ObjectVersion"},
		"26.2.0.16":  {"AccessTokens", "ExternalId", "NextLink", "ObjectVersion"},
		"26.3.100.4": {"ReferenceTokens", "ClientTypeNone", "ExternalId", "AdditionalDataJson", "NextLink", "ObjectVersion"},
	} {
		t.Run(version, func(t *testing.T) {
			g := NewWithT(t)
			b := newBed(t, standin.Spec{Version: version})
			info, err := b.server(t, nil).Probe(t.Context())
			g.Expect(err).NotTo(HaveOccurred(), version)
			g.Expect(info.Type).To(Equal("ERP.net"))
			g.Expect(info.Version).To(Equal(version))
			g.Expect(info.Features).To(Equal(features), version)
			g.Expect(info.Endpoints.Issuer).To(Equal(b.Identity))
			g.Expect(info.Endpoints.API).To(Equal(b.DomainAPI))
			g.Expect(info.Endpoints.Token).To(Equal(b.Identity + "/connect/token"))
			g.Expect(info.Endpoints.Authorization).To(HavePrefix(b.Identity))
			g.Expect(info.Endpoints.JWKS).To(HavePrefix(b.Identity))
			g.Expect(info.Warnings).To(ConsistOf(ContainSubstring("database administrator with the scope sec")))
		})
	}
}

func TestProbeFindsPrivateSitesByOverrides(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	for _, path := range []string{"/sys/", "/tools/auto-discovery", "/tools/ver", "/api/domain/currentmodel", "/api/domain/standardmodel"} {
		_, err := b.AddFault(t.Context(), standin.Fault{Path: path, Status: 404, Body: contract.Page})
		must(t, err)
	}
	info, err := b.server(t, nil).Probe(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("set identityUrl and domainApiUrl")))
	g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonDiscoveryFailed))
	g.Expect(info.Endpoints.Issuer).To(BeEmpty())
	config := b.config()
	config.IdentityURL, config.DomainAPIURL = b.Identity+"/", b.DomainAPI
	s, err := erpnet.New(config)
	must(t, err)
	info, err = s.Probe(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Version).To(Equal("26.2.1.66"), "from the Domain API itself")
	g.Expect(info.Features).To(ContainElement("ReferenceTokens"), "by the version matrix")
}

func TestProbeRefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		spec   standin.Spec
		change func(b *bed, c *erpnet.Config)
		class  error
		reason string
		says   string
		issuer bool // discovery itself succeeded
	}{
		"too old":      {spec: standin.Spec{Version: "19.1.0.0"}, class: idserver.ErrRejected, reason: idserver.ReasonUnsupportedVersion, says: "20.1 or later", issuer: true},
		"wrong secret": {change: func(_ *bed, c *erpnet.Config) { c.ClientSecret = "wrong-sk-1" }, class: idserver.ErrUnauthorized, says: "check the credentials Secret", issuer: true},
		"unknown id":   {change: func(_ *bed, c *erpnet.Config) { c.ClientID = "nobody" }, class: idserver.ErrUnauthorized, says: "check the credentials Secret", issuer: true},
		"no sec":       {change: func(b *bed, _ *erpnet.Config) { b.editOperator(map[string]any{"scope": "read update"}) }, class: idserver.ErrUnauthorized, says: "read, update and sec", issuer: true},
		"subset of scopes": {spec: standin.Spec{Quirks: map[string]any{"scopeSubset": true}},
			change: func(b *bed, _ *erpnet.Config) { b.editOperator(map[string]any{"scope": "read update"}) }, class: idserver.ErrUnauthorized, says: "lacks the scope sec", issuer: true},
		"no system user": {change: func(b *bed, _ *erpnet.Config) { b.editOperator(map[string]any{"systemUserAllowed": false}) }, class: idserver.ErrUnauthorized, says: "SystemUserAllowed", issuer: true},
		"no administrator": {change: func(b *bed, _ *erpnet.Config) { b.editOperator(map[string]any{"systemUser": "svc.orders"}) },
			class: idserver.ErrUnauthorized, says: "must be a database administrator", issuer: true},
		"no administrator, HTTP 500": {spec: standin.Spec{Quirks: map[string]any{"forbiddenStatus": 500}},
			change: func(b *bed, _ *erpnet.Config) { b.editOperator(map[string]any{"systemUser": "svc.orders"}) }, class: idserver.ErrUnauthorized, says: "must be a database administrator", issuer: true},
		"other authority": {change: func(b *bed, c *erpnet.Config) { c.IdentityURL = "https://localhost" + portOf(b.URL) + "/id" },
			class: idserver.ErrRejected, reason: idserver.ReasonIssuerMismatch, says: "another issuer"},
		"foreign CA": {change: func(_ *bed, c *erpnet.Config) { c.CABundle = nil }, class: idserver.ErrUnavailable, says: "set caBundle"},
		"down": {change: func(_ *bed, c *erpnet.Config) { c.URL = "https://127.0.0.1:1" }, // no one else is given a port of the system
			class: idserver.ErrUnavailable, says: "connection was refused"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			b := newBed(t, c.spec)
			config := b.config()
			if c.change != nil {
				c.change(b, &config)
			}
			s, err := erpnet.New(config)
			must(t, err)
			info, err := s.Probe(t.Context())
			g.Expect(err).To(MatchError(c.class))
			g.Expect(idserver.ReasonOf(err)).To(Equal(c.reason))
			g.Expect(err).To(MatchError(ContainSubstring(c.says)))
			g.Expect(err.Error()).NotTo(ContainSubstring("wrong-sk-1"))
			discovered := info.Endpoints.Issuer != ""
			g.Expect(discovered).To(Equal(c.issuer))
			_, err = s.Find(t.Context(), orders, idserver.Credential{})
			g.Expect(err).To(MatchError(c.class), "calls fail in the same way")
		})
	}
}

func portOf(url string) string { return url[len("https://127.0.0.1"):] }

// editOperator changes the operator's own registration.
func (b *bed) editOperator(members map[string]any) {
	a, _, err := b.Application(context.Background(), operatorID)
	if err == nil {
		err = b.EditApplication(context.Background(), a.ID, members)
	}
	if err != nil {
		panic(err)
	}
}
