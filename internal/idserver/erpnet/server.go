// Package erpnet manages registrations at one ERP.net instance: its Identity Server issues tokens, its Domain API (OData 4)
// holds the registrations, called trusted applications. Names and rules are those of the public developer documentation.
package erpnet

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// Provider and Type name this kind of server, see idserver.Info.
const (
	Provider = "erp.net"
	Type     = "ERP.net"
)

const defaultPageSize = 1000 // the documentation's recommended maximum of $top

// Config says which instance it is and how to log in there.
type Config struct {
	// URL is the root of the instance, for example https://acme.my.erp.net. Required; https only.
	URL string
	// IdentityURL and DomainAPIURL override what auto-discovery finds: the authority and the OData root. With both set,
	// auto-discovery is not asked at all.
	IdentityURL, DomainAPIURL string
	// ClientID and ClientSecret are the operator's own trusted application at the instance.
	ClientID     string
	ClientSecret idserver.Secret
	// ClientAuthentication is "Post" (form fields; also where empty) or "Basic" (header), for the operator's own login and
	// for verifications.
	ClientAuthentication string
	// CABundle holds PEM certificates that replace the system's authorities; empty: the system's.
	CABundle []byte
	// UserAgent is sent with every request; empty: "trustedapp-operator".
	UserAgent string
	// RequestsPerMinute is what the instance allows one session in a minute; 0: DefaultRequestsPerMinute. BatchSize is how many calls that wait
	// at the same time go as one request; 0: DefaultBatchSize; 1: each goes alone.
	RequestsPerMinute, BatchSize int
	// Limits are shared by all Servers for one instance; nil: none is shared.
	Limits *Limits
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Observe is told of each finished request, and must not block; nil: nobody is.
	Observe func(idserver.Call)
	// WrapTransport sees every request, for counting and faults in tests; nil: none.
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

// Server is an ERP.net instance. It implements idserver.Connection.
type Server struct {
	config   Config
	oauth    *oauth.Client
	limit    *limiter
	queue    *queue
	login    *login
	users    userCache
	pageSize int
	probing  chan struct{} // one probe at a time
	// alwaysBatch: a single call goes as a batch, too; for tests.
	alwaysBatch bool

	mu   sync.Mutex
	site *site // nil until a probe succeeded
}

var (
	_ idserver.Connection = (*Server)(nil)
	_ idserver.Surveyor   = (*Server)(nil)
)

// New makes a Server without any I/O. It fails for a configuration that can never work.
func New(c Config) (*Server, error) {
	c.URL = strings.TrimRight(c.URL, "/")
	c.IdentityURL = strings.TrimRight(c.IdentityURL, "/")
	if c.DomainAPIURL != "" {
		c.DomainAPIURL = strings.TrimRight(c.DomainAPIURL, "/") + "/"
	}
	for _, u := range []string{c.URL, c.IdentityURL, c.DomainAPIURL} {
		if _, err := oauth.ParseHTTPS(u); err != nil && (u != "" || c.URL == "") {
			return nil, fmt.Errorf("reading the server's URLs: %w", err)
		}
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		return nil, errors.New("reading the operator's login: client id and client secret must not be empty")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	client, err := oauth.NewClient(oauth.Options{
		CABundle: c.CABundle, UserAgent: c.UserAgent, ClientAuthentication: c.ClientAuthentication, Operations: operations,
		Now: c.Now, Observe: c.Observe, WrapTransport: c.WrapTransport,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: c, oauth: client, limit: c.Limits.of(strings.ToLower(c.URL), c.RequestsPerMinute),
		probing: make(chan struct{}, 1), pageSize: defaultPageSize,
	}
	s.login = &login{turn: make(chan struct{}, 1)}
	s.queue = &queue{send: s.deliver, limit: s.limit, size: cmp.Or(c.BatchSize, DefaultBatchSize), now: c.Now, crowded: make(chan struct{}, 1)}
	return s, nil
}

// Capabilities implements idserver.Server: the operator chooses ids and secrets, one secret is valid at a time, and one
// session takes one request in flight.
func (s *Server) Capabilities() idserver.Capabilities {
	return idserver.Capabilities{
		ChosenID: true, SecretOrigin: idserver.ClientChosen, SecretSlots: 1, Lookup: true, MaxInFlight: 1, Batch: s.queue.size,
		SystemUsers: true, UserGroups: true, ReferenceTokens: true,
	}
}
