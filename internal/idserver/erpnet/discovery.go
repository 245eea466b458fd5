package erpnet

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"trustedapps.dev/operator/internal/idserver/oauth"
)

const opDiscover = "discovering the instance"

// sites finds the authority (without a slash at its end) and the OData root (with one). Overrides win, and make a site that
// is private, and therefore not listed, no problem.
func (s *Server) sites(ctx context.Context) (authority, odata string, err error) {
	authority, odata = s.config.IdentityURL, s.config.DomainAPIURL
	if authority != "" && odata != "" {
		return authority, odata, nil
	}
	var a oauth.Answer
	for _, path := range []string{"/sys/auto-discovery", "/tools/auto-discovery"} { // both are documented
		if a, err = s.oauth.Read(ctx, opDiscover, s.config.URL+path); err != nil {
			return "", "", oauth.Lost(opDiscover, false, err)
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
	return "", "", oauth.Undiscovered(opDiscover, a,
		"the URL does not answer auto-discovery like an ERP.net instance: check it, or set identityUrl and domainApiUrl")
}

func checkSites(a oauth.Answer, authority, odata string) error {
	if authority == "" {
		return oauth.Undiscovered(opDiscover, a, "auto-discovery lists no Identity site: set identityUrl if the site is private")
	}
	if odata == "" {
		return oauth.Undiscovered(opDiscover, a,
			"auto-discovery lists no working DomainAPI site: set domainApiUrl if the site is private, or add the site to the instance")
	}
	for _, site := range []string{authority, odata} {
		u, err := oauth.ParseHTTPS(site)
		if err != nil {
			return oauth.Undiscovered(opDiscover, a, "auto-discovery lists a site whose URL is not a plain https URL")
		}
		if host := strings.ToLower(u.Hostname()); host == "id.erp.net" || strings.HasSuffix(host, ".id.erp.net") {
			return oauth.Undiscovered(opDiscover, a,
				"the Identity site is the global identity, which registers no applications of an instance: set identityUrl")
		}
	}
	return nil
}

// parseSites reads the auto-discovery document: the first site of type ID, and the first DomainAPI site that works.
func parseSites(a oauth.Answer) (authority, odata string, ok bool) {
	var document struct {
		WebSites []struct {
			Type, Status, Url    string //nolint:revive,staticcheck // the name on the wire
			AdditionalProperties map[string]string
		}
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &document) != nil || document.WebSites == nil {
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
