// Package hydra manages registrations at an Ory Hydra through its admin API, where they are called OAuth 2.0 clients. It is written for
// version 2 (https://www.ory.sh/docs/hydra/reference/api).
package hydra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// Provider and Type name this kind of server, see idserver.Info.
const (
	Provider = "hydra"
	Type     = "Ory Hydra"
)

// Names of what is done, for errors.
const (
	opDiscover = "discovering the server"
	opFind     = "looking up the client"
	opList     = "listing the clients"
	opCreate   = "creating the client"
	opUpdate   = "updating the client"
	opDelete   = "deleting the client"
	opVerify   = "verifying the credential"
)

var operations = map[string]idserver.Operation{
	opDiscover: idserver.OperationDiscover, opFind: idserver.OperationFind, opList: idserver.OperationList, opCreate: idserver.OperationCreate,
	opUpdate: idserver.OperationUpdate, opDelete: idserver.OperationDelete, opVerify: idserver.OperationVerify,
}

// Config says which server it is and how to reach it.
type Config struct {
	// AdminURL is the root of the admin API, for example http://hydra-admin.auth.svc:4445. Required; https, or http where the network is
	// trusted: Hydra has no login there.
	AdminURL string
	// PublicURL is the issuer, for example https://auth.example.com. Required; https only.
	PublicURL string
	// Token is sent to the admin API as a bearer token, for a proxy before it; empty: none.
	Token idserver.Secret
	// ClientAuthentication is how clients are registered to send their secret: "Post" (form fields; also where empty) or "Basic" (header).
	ClientAuthentication string
	// CABundle, UserAgent, Now, Observe and WrapTransport are those of oauth.Options.
	CABundle      []byte
	UserAgent     string
	Now           func() time.Time
	Observe       func(idserver.Call)
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

// Server is an Ory Hydra. It implements idserver.Connection.
type Server struct {
	config   Config
	oauth    *oauth.Client
	admin    string // without a slash at its end
	pageSize int

	mu        sync.Mutex
	endpoints idserver.Endpoints // zero until a probe succeeded
	rotation  rotation           // what is known of it
}

var (
	_ idserver.Connection = (*Server)(nil)
	_ idserver.Surveyor   = (*Server)(nil)
)

const defaultPageSize = 500

// New makes a Server without any I/O. It fails for a configuration that can never work.
func New(c Config) (*Server, error) {
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if _, err := oauth.ParseHTTPS(c.PublicURL); err != nil {
		return nil, fmt.Errorf("reading the public URL: %w", err)
	}
	admin, err := url.Parse(strings.TrimRight(c.AdminURL, "/"))
	if err != nil || admin.Scheme != "https" && admin.Scheme != "http" || admin.Host == "" || admin.User != nil || admin.RawQuery != "" ||
		admin.Fragment != "" {
		return nil, errors.New("reading the admin URL: it must be absolute, http or https, and without user information, query and fragment")
	}
	client, err := oauth.NewClient(oauth.Options{
		CABundle: c.CABundle, UserAgent: c.UserAgent, ClientAuthentication: c.ClientAuthentication, Operations: operations,
		Now: c.Now, Observe: c.Observe, WrapTransport: c.WrapTransport,
	})
	if err != nil {
		return nil, err
	}
	return &Server{config: c, oauth: client, admin: admin.String(), pageSize: defaultPageSize}, nil
}

// Capabilities implements idserver.Server: the operator chooses ids and secrets, and one secret is valid at a time, or several: see rotation.
func (s *Server) Capabilities() idserver.Capabilities {
	c := idserver.Capabilities{ChosenID: true, SecretOrigin: idserver.ClientChosen, SecretSlots: 1, Lookup: true}
	if s.rotates() {
		c.SecretSlots = 1 + maxRotated
	}
	return c
}

// Probe implements idserver.Connection: it reads the discovery document, the version, and one page of clients, which takes the right to
// manage them.
func (s *Server) Probe(ctx context.Context) (idserver.Info, error) {
	info := idserver.Info{Type: Type, Provider: Provider}
	found, err := s.oauth.Discover(ctx, opDiscover, s.config.PublicURL)
	if err != nil {
		return info, err
	}
	info.Endpoints, info.KeyAlgorithm = found.Endpoints, found.KeyAlgorithm
	if info.Version, err = s.version(ctx); err != nil {
		return info, err
	}
	if _, _, err := s.page(ctx, s.admin+clientsPath+"?page_size=1"); err != nil {
		return info, err
	}
	s.discoverRotation(ctx, info.Version)
	if strings.HasPrefix(s.admin, "http:") {
		info.Warnings = []string{"adminUrl is not https: client secrets cross the network in the clear on their way to Hydra; " +
			"keep that network to the operator and Hydra, or put TLS before the admin API"}
	}
	s.mu.Lock()
	s.endpoints = found.Endpoints
	s.mu.Unlock()
	return info, nil
}

// current is what the last successful probe found out.
func (s *Server) current(ctx context.Context) (idserver.Endpoints, error) {
	s.mu.Lock()
	known := s.endpoints
	s.mu.Unlock()
	if known.Token != "" {
		return known, nil
	}
	info, err := s.Probe(ctx)
	return info.Endpoints, err
}

var harmlessVersion = regexp.MustCompile(`^v?[0-9A-Za-z.+-]{1,40}$`)

// version is what the server says; builds of its developers say "master".
func (s *Server) version(ctx context.Context) (string, error) {
	a, err := s.do(ctx, call{op: opDiscover, method: http.MethodGet, url: s.admin + "/version"})
	if err != nil {
		return "", err
	}
	var body struct {
		Version string `json:"version"`
	}
	if json.Unmarshal(a.Body, &body) != nil || !harmlessVersion.MatchString(body.Version) {
		return "", oauth.Undiscovered(opDiscover, a, "adminUrl does not answer like the admin API of Ory Hydra 2: check it")
	}
	return body.Version, nil
}

// Verify implements idserver.Server.
func (s *Server) Verify(ctx context.Context, cred idserver.Credential, want idserver.Registration) (idserver.Verdict, error) {
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Verdict{}, err
	}
	return s.oauth.Verify(ctx, opVerify, at.Token, cred, want, oauth.Hint)
}
