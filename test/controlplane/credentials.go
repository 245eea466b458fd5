package controlplane

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// lifetime of every certificate: longer than any test or demo, too short to be worth stealing.
const lifetime = 7 * 24 * time.Hour

// credentials are the keys and certificates of one control plane. One certificate authority signs the certificate that
// the servers show and the administrator's; ServiceAccount tokens have a key of their own.
type credentials struct {
	caPEM, adminCertPEM, adminKeyPEM             []byte
	caFile, servingCertFile, servingKeyFile      string
	serviceAccountKeyFile, serviceAccountPubFile string
	adminTLS                                     *tls.Config
}

func newCredentials(dir string) (*credentials, error) {
	caKey, caCert, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("making a certificate authority: %w", err)
	}
	adminCert, adminKey, err := sign(caCert, caKey, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, fmt.Errorf("making the administrator's certificate: %w", err)
	}
	servingCert, servingKey, err := sign(caCert, caKey, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "control-plane"},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, fmt.Errorf("making the serving certificate: %w", err)
	}
	c := &credentials{caPEM: certPEM(caCert), adminCertPEM: adminCert, adminKeyPEM: adminKey}
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

func newAuthority() (crypto.Signer, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	cert, err := certutil.NewSelfSignedCACert(certutil.Config{CommonName: "test-control-plane"}, key)
	return key, cert, err
}

// sign makes a key and a certificate for it from the template, both in PEM.
func sign(ca *x509.Certificate, caKey crypto.Signer, template *x509.Certificate) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64)); err != nil {
		return nil, nil, err
	}
	template.NotBefore, template.NotAfter = ca.NotBefore, time.Now().Add(lifetime)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, ca, private.Public(), caKey)
	if err != nil {
		return nil, nil, err
	}
	key, err = keyutil.MarshalPrivateKeyToPEM(private)
	return pemBlock(certutil.CertificateBlockType, der), key, err
}
