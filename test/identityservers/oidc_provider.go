package identityservers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"

	"trustedapps.dev/operator/test/process"
	"trustedapps.dev/operator/test/prometheus"
)

// InitialAccessToken is what oidc-provider wants of who registers.
const InitialAccessToken = "initial-access-token-of-the-tests-0123456789"

// OIDCProviderVersion is that of hack/oidc-provider.
const OIDCProviderVersion = "9.13.3"

// OIDCProvider is a running npm oidc-provider with dynamic registration, which keeps everything in memory.
type OIDCProvider struct {
	// Issuer is its URL; Control, over plain http on loopback, is what is behind its back: see hack/oidc-provider/server.js.
	Issuer, Control string
	// CA is what its certificate is trusted by.
	CA []byte

	process *process.Process
	dir     string
}

// What an oidc-provider can be without.
const (
	// WithoutManagement leaves RFC 7592 out: what is registered cannot be changed or deleted.
	WithoutManagement = "management"
	// WithoutLogout leaves sign-out out: a registration loses its post_logout_redirect_uris.
	WithoutLogout = "logout"
)

// StartOIDCProvider starts bin/oidc-provider with Node. log gets what it prints; nil: nobody.
func StartOIDCProvider(ctx context.Context, log io.Writer, without ...string) (*OIDCProvider, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("oidc-provider needs Node.js: %w", err)
	}
	dir, err := os.MkdirTemp("", "oidc-provider-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for oidc-provider: %w", err)
	}
	p := &OIDCProvider{dir: dir}
	c, err := newCertificate(dir)
	if err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	p.CA = c.ca
	public, err := prometheus.FreeAddress()
	if err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	control, err := prometheus.FreeAddress()
	if err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	p.Issuer, p.Control = "https://"+public, "http://"+control
	args := []string{repository("bin/oidc-provider/server.js"), port(public), port(control), c.certFile, c.keyFile, InitialAccessToken}
	p.process = process.New(node, append(args, without...), process.Answers(http.DefaultClient, p.Control+"/ready"), log)
	if err := p.process.Start(); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := p.process.WaitReady(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// Stop ends it, and removes its files.
func (p *OIDCProvider) Stop() error {
	var err error
	if p.process != nil {
		err = p.process.Stop()
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}
