package controllers

import (
	"errors"
	"net/http"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/dynreg"
	"trustedapps.dev/operator/internal/idserver/erpnet"
	"trustedapps.dev/operator/internal/idserver/hydra"
)

// Dial is the Dialer for all backends. userAgent is what servers see in their logs; wrap sees every request, for counting and faults in tests;
// nil: none.
func Dial(userAgent string, wrap func(http.RoundTripper) http.RoundTripper) connections.Dialer {
	limits := &erpnet.Limits{}
	return func(spec v1alpha1.IdentityServerSpec, own connections.Credentials, observe func(idserver.Call)) (idserver.Connection, error) {
		switch {
		case spec.ERPNet != nil:
			e, limit := spec.ERPNet, v1alpha1.ERPNetLimits{}
			if e.Limits != nil {
				limit = *e.Limits
			}
			return erpnet.New(erpnet.Config{
				RequestsPerMinute: int(limit.RequestsPerMinute), BatchSize: int(limit.BatchSize),
				URL: string(e.URL), IdentityURL: string(e.IdentityURL), DomainAPIURL: string(e.DomainAPIURL),
				ClientID: own[v1alpha1.KeyOperatorClientID].Reveal(), ClientSecret: own[v1alpha1.KeyOperatorClientSecret],
				ClientAuthentication: string(e.ClientAuthentication),
				CABundle:             spec.CABundle, UserAgent: userAgent, Limits: limits, Observe: observe, WrapTransport: wrap,
			})
		case spec.DynamicRegistration != nil:
			d := spec.DynamicRegistration
			return dynreg.New(dynreg.Config{
				Issuer: string(d.Issuer), InitialAccessToken: own[v1alpha1.KeyInitialAccessToken],
				SoftwareStatement: own[v1alpha1.KeySoftwareStatement], ClientAuthentication: string(d.ClientAuthentication),
				Contacts: d.Contacts, CABundle: spec.CABundle, UserAgent: userAgent, Observe: observe, WrapTransport: wrap,
			})
		case spec.Hydra != nil:
			h := spec.Hydra
			return hydra.New(hydra.Config{
				AdminURL: string(h.AdminURL), PublicURL: string(h.PublicURL), Token: own[v1alpha1.KeyToken],
				ClientAuthentication: string(h.ClientAuthentication),
				CABundle:             spec.CABundle, UserAgent: userAgent, Observe: observe, WrapTransport: wrap,
			})
		}
		return nil, errors.New("spec names no backend: set spec.erpNet, spec.dynamicRegistration or spec.hydra")
	}
}
