package soak

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/test/prometheus"
)

// proxy stands before an instance with a certificate of its own.
type proxy struct {
	authority   *x509.Certificate
	key         *ecdsa.PrivateKey
	certificate atomic.Pointer[tls.Certificate]
	// address is where the instance is, listen where the proxy listens.
	address, listen string
	server          *http.Server
}

// newProxy makes one; it serves once it knows where the instance is.
func (w *world) newProxy() *proxy {
	w.t.Helper()
	p := &proxy{}
	var err error
	p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "proxy authority"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, p.key.Public(), p.key)
	w.Expect(err).NotTo(HaveOccurred())
	p.authority, err = x509.ParseCertificate(raw)
	w.Expect(err).NotTo(HaveOccurred())
	p.listen, err = prometheus.FreeAddress()
	w.Expect(err).NotTo(HaveOccurred())
	p.present(w, time.Now().Add(time.Hour))
	w.t.Cleanup(func() { _ = p.close(context.Background()) })
	return p
}

// present makes the proxy present a certificate that is valid until a moment. Connections that are open end.
func (p *proxy) present(w *world, until time.Time) {
	w.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "proxy"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, p.authority, p.key.Public(), p.key)
	w.Expect(err).NotTo(HaveOccurred())
	p.certificate.Store(&tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: p.key})
}

func (p *proxy) url() string { return "https://" + p.listen }

func (p *proxy) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.authority.Raw})
}

// serve passes everything on to the instance.
func (p *proxy) serve(w *world) error {
	pass := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "https", Host: p.address})
	pass.Transport, pass.ErrorLog = w.browser.Transport, log.New(io.Discard, "", 0)
	p.server = &http.Server{Handler: pass, ReadHeaderTimeout: time.Minute, IdleTimeout: time.Second, ErrorLog: pass.ErrorLog}
	listener, err := (&net.ListenConfig{}).Listen(w.t.Context(), "tcp", p.listen)
	if err != nil {
		return err
	}
	serving := tls.NewListener(listener, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.certificate.Load(), nil },
	})
	go func() { _ = p.server.Serve(serving) }() // until it is closed
	return nil
}

// close makes it refuse connections.
func (p *proxy) close(context.Context) error { return p.server.Close() }
