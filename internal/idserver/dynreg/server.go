// Package dynreg manages registrations by OAuth 2.0 Dynamic Client Registration (RFC 7591) and its management protocol (RFC 7592).
package dynreg

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"time"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// Provider and Type name this kind of server, see idserver.Info.
const (
	Provider = "dynamic-registration"
	Type     = "RFC 7591"
)

// Names of what is done, for errors.
const (
	opDiscover = "discovering the server"
	opFind     = "reading the registration"
	opList     = "listing the registrations"
	opClaim    = "claiming the registration"
	opCreate   = "creating the registration"
	opUpdate   = "updating the registration"
	opDelete   = "deleting the registration"
	opVerify   = "verifying the credential"
)

var operations = map[string]idserver.Operation{
	opDiscover: idserver.OperationDiscover, opFind: idserver.OperationFind, opCreate: idserver.OperationCreate, opUpdate: idserver.OperationUpdate,
	opDelete: idserver.OperationDelete, opVerify: idserver.OperationVerify,
}

// Config says which server it is and what lets the operator register there.
type Config struct {
	// Issuer is the issuer identifier, whose discovery document names the registration endpoint. Required; https only.
	Issuer string
	// InitialAccessToken is that of RFC 7591 section 3; empty where registration is open.
	InitialAccessToken idserver.Secret
	// SoftwareStatement is a signed statement about all applications of this operator (RFC 7591 section 2.3); empty: none.
	SoftwareStatement idserver.Secret
	// Contacts are who to ask about the clients (RFC 7591 section 2), usually mail addresses.
	Contacts []string
	// ClientAuthentication is how clients are registered to send their secret: "Post" (form fields; also where empty) or "Basic" (header).
	ClientAuthentication string
	// CABundle, UserAgent, Now, Observe and WrapTransport are those of oauth.Options.
	CABundle      []byte
	UserAgent     string
	Now           func() time.Time
	Observe       func(idserver.Call)
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

// Server is an identity server with dynamic registration. It implements idserver.Connection.
type Server struct {
	config Config
	oauth  *oauth.Client

	mu        sync.Mutex
	endpoints idserver.Endpoints // zero until a probe succeeded
}

var _ idserver.Connection = (*Server)(nil)

// New makes a Server without any I/O. It fails for a configuration that can never work.
func New(c Config) (*Server, error) {
	if _, err := oauth.ParseHTTPS(c.Issuer); err != nil {
		return nil, fmt.Errorf("reading the issuer: %w", err)
	}
	client, err := oauth.NewClient(oauth.Options{
		CABundle: c.CABundle, UserAgent: c.UserAgent, ClientAuthentication: c.ClientAuthentication, Operations: operations,
		Now: c.Now, Observe: c.Observe, WrapTransport: c.WrapTransport,
	})
	if err != nil {
		return nil, err
	}
	return &Server{config: c, oauth: client}, nil
}

// Capabilities implements idserver.Server: the server draws ids and secrets, finds nothing without the registration's own token, and may
// replace secret and token with any answer.
func (s *Server) Capabilities() idserver.Capabilities {
	return idserver.Capabilities{SecretOrigin: idserver.ServerIssued, SecretSlots: 1, RepliesRotate: true}
}

// Probe implements idserver.Connection. Whether the initial access token is good is only seen by a registration, which a probe does not make.
func (s *Server) Probe(ctx context.Context) (idserver.Info, error) {
	info := idserver.Info{Type: Type, Provider: Provider}
	found, err := s.oauth.Discover(ctx, opDiscover, strings.TrimRight(s.config.Issuer, "/"))
	if err != nil {
		return info, err
	}
	info.Endpoints, info.KeyAlgorithm = found.Endpoints, found.KeyAlgorithm
	if found.Registration == "" {
		return info, oauth.Rejected(opDiscover, idserver.ReasonDiscoveryFailed,
			"the server announces no registration_endpoint: it has no dynamic registration, or does not have it switched on")
	}
	if s.config.InitialAccessToken == "" {
		info.Warnings = []string{"no initial access token is set: whoever reaches the server can register clients there; " +
			"ask for a token, and name the Secret that holds it in credentialsRef"}
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
	if known.Registration != "" {
		return known, nil
	}
	info, err := s.Probe(ctx)
	return info.Endpoints, err
}

// List implements idserver.Server: there is no list.
func (s *Server) List(context.Context, string) iter.Seq2[idserver.Reply, error] {
	return func(yield func(idserver.Reply, error) bool) {
		yield(idserver.Reply{}, oauth.Rejected(opList, "", "dynamic registration has no list"))
	}
}

// Claim implements idserver.Server: a registration belongs to who has its token, and cannot be marked.
func (s *Server) Claim(context.Context, idserver.Reply, idserver.Mark) (idserver.Reply, error) {
	return idserver.Reply{}, oauth.Rejected(opClaim, "", "dynamic registration knows no owners")
}

// Verify implements idserver.Server.
func (s *Server) Verify(ctx context.Context, cred idserver.Credential, want idserver.Registration) (idserver.Verdict, error) {
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Verdict{}, err
	}
	return s.oauth.Verify(ctx, opVerify, at.Token, cred, want, oauth.Hint)
}
