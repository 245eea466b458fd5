package controlplane

import (
	"crypto/x509"
	"encoding/pem"

	certutil "k8s.io/client-go/util/cert"
)

func certPEM(cert *x509.Certificate) []byte {
	return pemBlock(certutil.CertificateBlockType, cert.Raw)
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
