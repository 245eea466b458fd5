package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"

	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// credentials are the keys and certificates of one control plane. One certificate authority signs the certificate that
// the servers show and the administrator's; ServiceAccount tokens have a key of their own.
type credentials struct {
	caPEM, adminCertPEM, adminKeyPEM             []byte
	caFile, servingCertFile, servingKeyFile      string
	adminCertFile, adminKeyFile                  string
	serviceAccountKeyFile, serviceAccountPubFile string
	adminTLS                                     *tls.Config
}

// newCredentials makes those of a control plane whose API server listens at api.
func newCredentials(ca *authority, dir string, api netip.Addr) (*credentials, error) {
	adminCert, adminKey, err := ca.client("admin", "system:masters")
	if err != nil {
		return nil, fmt.Errorf("making the administrator's certificate: %w", err)
	}
	servingCert, servingKey, err := ca.serving("control-plane",
		[]string{"localhost", "kubernetes.default", "kubernetes.default.svc"},
		net.IPv4(127, 0, 0, 1), net.ParseIP(serviceAddress), net.IP(api.AsSlice()))
	if err != nil {
		return nil, fmt.Errorf("making the serving certificate: %w", err)
	}
	c := &credentials{caPEM: certPEM(ca.cert), adminCertPEM: adminCert, adminKeyPEM: adminKey}
	if err := c.writeFiles(dir, servingCert, servingKey); err != nil {
		return nil, fmt.Errorf("writing keys: %w", err)
	}
	if err := c.setAdminTLS(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *credentials) writeFiles(dir string, servingCert, servingKey []byte) error {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	signerPEM, err := keyutil.MarshalPrivateKeyToPEM(signer)
	if err != nil {
		return err
	}
	signerPub, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return err
	}
	for _, file := range []struct {
		path    *string
		name    string
		content []byte
	}{
		{&c.caFile, "ca.crt", c.caPEM},
		{&c.servingCertFile, "serving.crt", servingCert},
		{&c.servingKeyFile, "serving.key", servingKey},
		{&c.adminCertFile, "admin.crt", c.adminCertPEM},
		{&c.adminKeyFile, "admin.key", c.adminKeyPEM},
		{&c.serviceAccountKeyFile, "service-account.key", signerPEM},
		{&c.serviceAccountPubFile, "service-account.pub", pemBlock("PUBLIC KEY", signerPub)},
	} {
		*file.path = filepath.Join(dir, file.name)
		if err := os.WriteFile(*file.path, file.content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *credentials) setAdminTLS() error {
	pair, err := tls.X509KeyPair(c.adminCertPEM, c.adminKeyPEM)
	if err != nil {
		return fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	roots, err := certutil.NewPoolFromBytes(c.caPEM)
	if err != nil {
		return fmt.Errorf("reading the certificate authority: %w", err)
	}
	c.adminTLS = &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS12}
	return nil
}

// adminClient speaks HTTPS as the administrator, past any proxy of the environment.
func (c *credentials) adminClient() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: c.adminTLS}}
}
