package identityservers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"trustedapps.dev/operator/test/process"
	"trustedapps.dev/operator/test/prometheus"
)

// startTimeout is the longest that a server may take to be ready on a busy machine.
const startTimeout = 60 * time.Second

// Hydra is a running Ory Hydra, which keeps everything in memory.
type Hydra struct {
	// AdminURL is its admin API, over plain http on loopback; PublicURL is the issuer.
	AdminURL, PublicURL string
	// CA is what the certificate of PublicURL is trusted by.
	CA []byte

	certificate certificate
	process     *process.Process
	dir         string
}

// HydraVersion is that of hack/hydra. Builds of the module itself say "master".
const HydraVersion = "v2.3.0"

// hydraConfig: registration of clients at /oauth2/register is open and announced. Secrets are hashed with the least cost, which is not what is
// tried here.
const hydraConfig = `dsn: memory
serve:
  public: {host: 127.0.0.1, port: %[2]s, tls: {enabled: true, cert: {path: %[3]s}, key: {path: %[4]s}}}
  admin: {host: 127.0.0.1, port: %[1]s, tls: {enabled: false}}
urls:
  self: {issuer: "%[5]s", public: "%[5]s"}
  login: https://127.0.0.1:1/login
  consent: https://127.0.0.1:1/consent
webfinger: {oidc_discovery: {client_registration_url: "%[5]s/oauth2/register"}}
oidc: {dynamic_client_registration: {enabled: true, default_scope: [read]}}
secrets: {system: [of-a-test-0123456789-0123456789-01]}
oauth2: {hashers: {algorithm: bcrypt, bcrypt: {cost: 4}}}
log: {level: warn, leak_sensitive_values: false}
sqa: {opt_out: true}
`

// StartHydra starts bin/hydra. log gets what it prints; nil: nobody.
func StartHydra(ctx context.Context, log io.Writer) (*Hydra, error) { return startHydra(ctx, log, "") }

// startHydra starts it behind the issuer; "": it is the issuer itself.
func startHydra(ctx context.Context, log io.Writer, issuer string) (*Hydra, error) {
	dir, err := os.MkdirTemp("", "hydra-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for Hydra: %w", err)
	}
	h := &Hydra{dir: dir}
	c, err := newCertificate(dir)
	if err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	h.CA, h.certificate = c.ca, c
	admin, err := prometheus.FreeAddress()
	if err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	public, err := prometheus.FreeAddress()
	if err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	h.AdminURL, h.PublicURL = "http://"+admin, "https://"+public
	if issuer == "" {
		issuer = h.PublicURL
	}
	config := filepath.Join(dir, "hydra.yaml")
	text := fmt.Sprintf(hydraConfig, port(admin), port(public), c.certFile, c.keyFile, issuer)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	ready := process.Answers(http.DefaultClient, h.AdminURL+"/health/ready")
	h.process = process.New(repository("bin/hydra"), []string{"serve", "all", "-c", config}, ready, log)
	if err := h.process.Start(); err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := h.process.WaitReady(ctx); err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	return h, nil
}

// Stop ends it, and removes its files.
func (h *Hydra) Stop() error {
	var err error
	if h.process != nil {
		err = h.process.Stop()
	}
	return errors.Join(err, os.RemoveAll(h.dir))
}

func port(address string) string { return address[len("127.0.0.1:"):] }
