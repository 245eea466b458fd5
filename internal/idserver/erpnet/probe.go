package erpnet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

const opRights = "checking the operator's rights"

// site is what a probe found out about the instance.
type site struct {
	endpoints idserver.Endpoints
	odata     string // the service root, with a slash at its end
	features  features
	// masked: the instance tells null for a secret hash that is set.
	masked bool
}

// Probe implements idserver.Connection. It costs a handful of requests, and is meant for the start and once in a while.
func (s *Server) Probe(ctx context.Context) (idserver.Info, error) {
	leave, err := oauth.Take(ctx, s.probing)
	if err != nil {
		return newInfo(), oauth.Lost(opDiscover, false, oauth.GivenUp(err))
	}
	defer leave()
	return s.probe(ctx)
}

// current is what the last successful probe found out; the first caller probes.
func (s *Server) current(ctx context.Context) (*site, error) {
	if at := s.known(); at != nil {
		return at, nil
	}
	leave, err := oauth.Take(ctx, s.probing)
	if err != nil {
		return nil, oauth.Lost(opDiscover, false, oauth.GivenUp(err))
	}
	defer leave()
	if at := s.known(); at != nil {
		return at, nil
	}
	if _, err := s.probe(ctx); err != nil {
		return nil, err
	}
	return s.known(), nil
}

func (s *Server) known() *site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.site
}

func newInfo() idserver.Info { return idserver.Info{Type: Type, Provider: Provider} }

func (s *Server) probe(ctx context.Context) (idserver.Info, error) {
	info, at := newInfo(), &site{}
	authority, odata, err := s.sites(ctx)
	if err != nil {
		return info, err
	}
	at.odata = odata
	discovered, err := s.oauth.Discover(ctx, opDiscover, authority)
	if err != nil {
		return info, err
	}
	at.endpoints = discovered.Endpoints
	at.endpoints.API = odata
	info.Endpoints = at.endpoints
	found, err := s.announcedVersion(ctx)
	info.Version = found.String()
	if err == nil {
		err = checkVersion(found)
	}
	if err != nil {
		return info, err
	}
	if _, err := s.accessToken(ctx, at.endpoints.Token, ""); err != nil {
		return info, err
	}
	if !found.known() {
		found = s.serviceVersion(ctx, at)
		info.Version = found.String()
		if err := checkVersion(found); err != nil {
			return info, err
		}
	}
	if at.features, err = s.features(ctx, at, found); err != nil {
		return info, err
	}
	info.Features = at.features.names()
	if info.Warnings, err = s.ownRights(ctx, at); err != nil {
		return info, err
	}
	s.mu.Lock()
	s.site = at
	s.mu.Unlock()
	return info, nil
}

func checkVersion(v version) error {
	if v.known() && !v.atLeast(oldestVersion) {
		return oauth.Rejected(opDiscover, idserver.ReasonUnsupportedVersion, "ERP.net %s cannot hold what the operator registers: 20.1 or later is needed", v)
	}
	return nil
}

// announcedVersion asks the instance's version page, which takes no login; the zero version where there is none.
func (s *Server) announcedVersion(ctx context.Context) (version, error) {
	a, err := s.oauth.Read(ctx, opDiscover, s.config.URL+"/tools/ver")
	if err != nil {
		return version{}, oauth.Lost(opDiscover, false, err)
	}
	if a.Status != http.StatusOK {
		return version{}, nil
	}
	v, _ := parseVersion(strings.Trim(strings.TrimSpace(string(a.Body)), `"`))
	return v, nil
}

// serviceVersion asks the Domain API instead.
func (s *Server) serviceVersion(ctx context.Context, at *site) version {
	a, err := s.do(ctx, at, call{op: opDiscover, method: http.MethodGet, url: at.odata + "GetVersion", limit: oauth.MaxSingle})
	var body struct {
		Version string `json:"version"`
	}
	if err != nil || json.Unmarshal(a.Body, &body) != nil {
		return version{}
	}
	v, _ := parseVersion(body.Version)
	return v
}

// features asks the instance for its model: as it is, else the product's. Without either, the version decides.
func (s *Server) features(ctx context.Context, at *site, v version) (features, error) {
	byVersion := featuresOf(v)
	models := strings.TrimSuffix(at.odata, "odata/")
	a, err := s.do(ctx, at, call{op: opDiscover, method: http.MethodGet, url: models + "currentmodel/" + applicationSet, limit: oauth.MaxSingle})
	if err == nil {
		if f, ok := byVersion.refine(a.Body); ok {
			return f, nil
		}
	}
	if a, err := s.oauth.Read(ctx, opDiscover, models+"standardmodel/"+applicationSet); err == nil && a.Status == http.StatusOK {
		if f, ok := byVersion.refine(a.Body); ok {
			return f, nil
		}
	}
	if !v.known() {
		return features{}, oauth.Undiscovered(opDiscover, oauth.Answer{}, "neither the version nor the model of the instance can be read")
	}
	return byVersion, nil
}

// ownRights looks the operator's own registration up: that takes the scope sec and a database administrator, and shows whether
// secret hashes can be read.
func (s *Server) ownRights(ctx context.Context, at *site) (warnings []string, err error) {
	own, err := s.find(ctx, at, s.config.ClientID)
	switch {
	case errors.Is(err, idserver.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, rights(err)
	}
	at.masked = own.str(attrSecretHash) == ""
	if user, ok := own[attrSystemUser].(userRef); ok && (user.admin == nil || *user.admin) {
		warnings = append(warnings, "the operator's system user is a database administrator with the scope sec, as managing trusted applications takes: "+
			"keep its credentials Secret away from everybody else")
	}
	return warnings, nil
}

// rights reads a refusal as a lack of rights: the query is one that every instance answers to an administrator.
func rights(err error) error {
	e, ok := errors.AsType[*idserver.Error](err)
	if !ok {
		return err
	}
	told := *e
	told.Op = opRights
	if told.HTTPStatus == http.StatusInternalServerError && told.ServerCode != "" {
		told.Class, told.Message = idserver.ErrUnauthorized, adviseRights
	}
	return &told
}
