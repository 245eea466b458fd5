package controllers

import (
	"errors"
	"net/http"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/erpnet"
)

// Dial is the Dialer for all backends. userAgent is what servers see in their logs; wrap sees every request, for counting and faults in tests;
// nil: none.
func Dial(userAgent string, wrap func(http.RoundTripper) http.RoundTripper) connections.Dialer {
	limits := &erpnet.Limits{}
	return func(
		spec v1alpha1.IdentityServerSpec, clientID string, secret idserver.Secret, observe func(idserver.Call),
	) (idserver.Connection, error) {
		if spec.ERPNet == nil {
			return nil, errors.New("spec names no backend: set spec.erpNet")
		}
		e := spec.ERPNet
		return erpnet.New(erpnet.Config{
			URL: string(e.URL), IdentityURL: string(e.IdentityURL), DomainAPIURL: string(e.DomainAPIURL),
			ClientID: clientID, ClientSecret: secret, ClientAuthentication: string(e.ClientAuthentication),
			CABundle: spec.CABundle, UserAgent: userAgent, Limits: limits, Observe: observe,
			WrapTransport: wrap,
		})
	}
}
