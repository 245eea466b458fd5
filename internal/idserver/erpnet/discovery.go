package erpnet

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
)

const opDiscover = "discovering the instance"

// read gets a document that needs no login.
func (s *Server) read(ctx context.Context, url string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return answer{}, &noAnswerError{message: "the URL cannot be used"}
	}
	return s.send(ctx, opDiscover, r, maxSingle)
}

// undiscovered is a document that does not hold what discovery needs.
func undiscovered(a answer, message string) *idserver.Error {
	return &idserver.Error{
		Class: idserver.ErrUnavailable, Op: opDiscover, Reason: idserver.ReasonDiscoveryFailed, Message: message,
		HTTPStatus: a.status, RequestID: a.requestID(),
	}
}

// sites finds the authority (without a slash at its end) and the OData root (with one). Overrides win, and make a site that
// is private, and therefore not listed, no problem.
func (s *Server) sites(ctx context.Context) (authority, odata string, err error) {
	authority, odata = s.config.IdentityURL, s.config.DomainAPIURL
	if authority != "" && odata != "" {
		return authority, odata, nil
	}
	var a answer
	for _, path := range []string{"/sys/auto-discovery", "/tools/auto-discovery"} { // both are documented
		if a, err = s.read(ctx, s.config.URL+path); err != nil {
			return "", "", lostAnswer(opDiscover, false, err)
		}
		foundAuthority, foundOData, ok := parseSites(a)
		if !ok {
			continue
		}
		if authority == "" {
			authority = foundAuthority
		}
		if odata == "" {
			odata = foundOData
		}
		return authority, odata, checkSites(a, authority, odata)
	}
	return "", "", undiscovered(a, "the URL does not answer auto-discovery like an ERP.net instance: check it, or set identityUrl and domainApiUrl")
}

func checkSites(a answer, authority, odata string) error {
	if authority == "" {
		return undiscovered(a, "auto-discovery lists no Identity site: set identityUrl if the site is private")
	}
	if odata == "" {
		return undiscovered(a, "auto-discovery lists no working DomainAPI site: set domainApiUrl if the site is private, or add the site to the instance")
	}
	for _, site := range []string{authority, odata} {
		u, err := parseHTTPS(site)
		if err != nil {
			return undiscovered(a, "auto-discovery lists a site whose URL is not a plain https URL")
		}
		if host := strings.ToLower(u.Hostname()); host == "id.erp.net" || strings.HasSuffix(host, ".id.erp.net") {
			return undiscovered(a, "the Identity site is the global identity, which registers no applications of an instance: set identityUrl")
		}
	}
	return nil
}

// parseSites reads the auto-discovery document: the first site of type ID, and the first DomainAPI site that works.
func parseSites(a answer) (authority, odata string, ok bool) {
	var document struct {
		WebSites []struct {
			Type, Status, Url    string //nolint:revive,staticcheck // the name on the wire
			AdditionalProperties map[string]string
		}
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &document) != nil || document.WebSites == nil {
		return "", "", false
	}
	for _, site := range document.WebSites {
		url := strings.TrimRight(site.Url, "/")
		switch {
		case site.Type == "ID" && authority == "":
			authority = url
		case site.Type == "DomainAPI" && site.Status == "Working" && odata == "" && url != "":
			odata = url + "/domain/odata/"
			if root := site.AdditionalProperties["ODataServiceRoot"]; root != "" {
				odata = strings.TrimRight(root, "/") + "/"
			}
		}
	}
	return authority, odata, true
}

// endpoints reads the OpenID Connect discovery document of the authority.
func (s *Server) endpoints(ctx context.Context, authority string) (idserver.Endpoints, error) {
	a, err := s.read(ctx, authority+"/.well-known/openid-configuration")
	if err != nil {
		return idserver.Endpoints{}, lostAnswer(opDiscover, false, err)
	}
	found, ok := parseEndpoints(a)
	if !ok {
		return idserver.Endpoints{}, undiscovered(a, "the Identity site does not answer OpenID Connect discovery")
	}
	return found, checkEndpoints(authority, found)
}

func parseEndpoints(a answer) (e idserver.Endpoints, ok bool) {
	var document struct {
		Issuer        string `json:"issuer"`
		Token         string `json:"token_endpoint"`
		Authorization string `json:"authorization_endpoint"`
		EndSession    string `json:"end_session_endpoint"`
		UserInfo      string `json:"userinfo_endpoint"`
		JWKS          string `json:"jwks_uri"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &document) != nil || document.Issuer == "" || document.Token == "" {
		return e, false
	}
	return idserver.Endpoints{
		Issuer: document.Issuer, Token: document.Token, Authorization: document.Authorization,
		EndSession: document.EndSession, UserInfo: document.UserInfo, JWKS: document.JWKS,
	}, true
}

// checkEndpoints makes sure that the document is the authority's own, and that no secret is sent to another host.
func checkEndpoints(authority string, e idserver.Endpoints) error {
	if strings.TrimRight(e.Issuer, "/") != authority {
		return rejected(opDiscover, idserver.ReasonIssuerMismatch, "the Identity site announces another issuer than the URL it was reached by (%s): "+
			"use the instance's public URL, or set identityUrl to its issuer", authority)
	}
	home, err := parseHTTPS(authority)
	if err != nil {
		return rejected(opDiscover, idserver.ReasonDiscoveryFailed, "the Identity site's URL is not a plain https URL")
	}
	for _, endpoint := range []string{e.Token, e.Authorization, e.EndSession, e.UserInfo, e.JWKS} {
		if endpoint == "" {
			continue
		}
		if u, err := parseHTTPS(endpoint); err != nil || !strings.EqualFold(u.Host, home.Host) {
			return rejected(opDiscover, idserver.ReasonIssuerMismatch,
				"the Identity site announces an endpoint that is not https or on another host than its issuer")
		}
	}
	return nil
}
