// Package oauth speaks with identity servers by the rules that all of them share: careful HTTP, OpenID Connect discovery, and the token
// endpoint of RFC 6749. It knows no way to register.
package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// MaxTokenRequests is how many token requests are in flight at the same time: enough for a hundred proofs a second at a server that takes 200 ms
// for each.
const MaxTokenRequests = 24

// Options of a Client.
type Options struct {
	// CABundle holds PEM certificates that replace the system's authorities; empty: the system's.
	CABundle []byte
	// UserAgent is sent with every request; empty: "trustedapp-operator".
	UserAgent string
	// ClientAuthentication is "Post" (form fields; also where empty) or "Basic" (header).
	ClientAuthentication string
	// Operations are what requests are for, by what errors call it.
	Operations map[string]idserver.Operation
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Observe is told of each finished request, and must not block; nil: nobody is.
	Observe func(idserver.Call)
	// WrapTransport sees every request, for counting and faults in tests; nil: none.
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

// Client sends requests to one identity server.
type Client struct {
	options Options
	http    *http.Client
	tokens  chan struct{} // a place for each token request in flight
}

// NewClient makes a Client without any I/O.
func NewClient(o Options) (*Client, error) {
	switch o.ClientAuthentication {
	case "", "Post", "Basic":
	default:
		return nil, errors.New("reading the client authentication: it must be Post or Basic")
	}
	if o.UserAgent == "" {
		o.UserAgent = "trustedapp-operator"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(o.CABundle) > 0 {
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(o.CABundle) {
			return nil, errors.New("reading the CA bundle: it holds no PEM certificate")
		}
	}
	return &Client{options: o, http: newHTTP(trust, o.WrapTransport), tokens: make(chan struct{}, MaxTokenRequests)}, nil
}

// newHTTP makes the http.Client of one server alone. It never follows a redirect: a token must not travel to another place, and a POST must
// not become a GET.
func newHTTP(trust *tls.Config, wrap func(http.RoundTripper) http.RoundTripper) *http.Client {
	var transport http.RoundTripper = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        trust,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  25 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    MaxTokenRequests + 1, // a connection is used again rather than made anew
		IdleConnTimeout:        60 * time.Second,
		ForceAttemptHTTP2:      true,
	}
	if wrap != nil {
		transport = wrap(transport)
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Now is the time by the client's clock.
func (c *Client) Now() time.Time { return c.options.Now() }

// Send sends one request, reads its answer, at most limit bytes of it, and tells Options.Observe. op is what errors call it. The error is a
// *NoAnswerError.
func (c *Client) Send(ctx context.Context, op string, r *http.Request, limit int64) (Answer, error) {
	started := c.Now()
	a, err := c.exchange(ctx, r, limit)
	if c.options.Observe != nil {
		c.options.Observe(idserver.Call{Operation: c.options.Operations[op], Status: a.Status, Duration: c.Now().Sub(started)})
	}
	return a, err
}

// Read gets a document that needs no login.
func (c *Client) Read(ctx context.Context, op, address string) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return Answer{}, &NoAnswerError{Message: "the URL cannot be used"}
	}
	return c.Send(ctx, op, r, MaxSingle)
}

// ParseHTTPS reads an absolute https URL without user information, query and fragment.
func ParseHTTPS(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("a URL cannot be parsed")
	}
	if u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("a URL must be absolute, https, and without user information, query and fragment")
	}
	return u, nil
}

// Take waits for a place.
func Take(ctx context.Context, places chan struct{}) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
