// Package identityservers runs real identity servers, each as a process of its own on loopback.
package identityservers

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	certutil "k8s.io/client-go/util/cert"
)

// certificate is that of a server on loopback, in files. Its authority is in the same file.
type certificate struct {
	certFile, keyFile string
	ca                []byte
}

func newCertificate(dir string) (certificate, error) {
	cert, key, err := certutil.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return certificate{}, fmt.Errorf("making a certificate: %w", err)
	}
	c := certificate{certFile: filepath.Join(dir, "tls.crt"), keyFile: filepath.Join(dir, "tls.key"), ca: cert}
	if err := os.WriteFile(c.certFile, cert, 0o600); err != nil {
		return c, err
	}
	return c, os.WriteFile(c.keyFile, key, 0o600)
}

// repository is the absolute path of a file of the repository.
func repository(file string) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", filepath.FromSlash(file))
}
