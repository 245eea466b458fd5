package controlplane

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"

	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// lifetime of every certificate: longer than any test or demo, too short to be worth stealing.
const lifetime = 7 * 24 * time.Hour

// authority signs all certificates of one control plane.
type authority struct {
	key  crypto.Signer
	cert *x509.Certificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a certificate authority: %w", err)
	}
	cert, err := certutil.NewSelfSignedCACert(certutil.Config{CommonName: "test-control-plane"}, key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate authority: %w", err)
	}
	return &authority{key: key, cert: cert}, nil
}

// ClientConfig returns a configuration that acts as a user with the given groups, by a certificate: the identity of a kubelet,
// of kube-proxy, or of a person.
func (cp *ControlPlane) ClientConfig(user string, groups ...string) (*rest.Config, error) {
	cert, key, err := cp.authority.client(user, groups...)
	if err != nil {
		return nil, fmt.Errorf("making a certificate for %s: %w", user, err)
	}
	cfg := rest.AnonymousClientConfig(cp.RESTConfig)
	cfg.CertData, cfg.KeyData = cert, key
	return cfg, nil
}

// ServingCertificate returns a certificate and its key, both in PEM, for a server at the address; CA signed it.
func (cp *ControlPlane) ServingCertificate(name string, address net.IP) (cert, key []byte, err error) {
	cert, key, err = cp.authority.serving(name, []string{name}, address)
	if err != nil {
		return nil, nil, fmt.Errorf("making a serving certificate for %s: %w", name, err)
	}
	return cert, key, nil
}

func (a *authority) client(user string, groups ...string) (cert, key []byte, err error) {
	return a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

func (a *authority) serving(name string, dnsNames []string, addresses ...net.IP) (cert, key []byte, err error) {
	return a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		DNSNames:    dnsNames,
		IPAddresses: addresses,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// sign makes a key and a certificate for it from the template, both in PEM.
func (a *authority) sign(template *x509.Certificate) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64)); err != nil {
		return nil, nil, err
	}
	template.NotBefore, template.NotAfter = a.cert.NotBefore, time.Now().Add(lifetime)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, private.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	key, err = keyutil.MarshalPrivateKeyToPEM(private)
	return pemBlock(certutil.CertificateBlockType, der), key, err
}
