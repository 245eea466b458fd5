package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
)

// insideVariable is set in the process that a test starts of itself.
const insideVariable = "INSIDE_TEST"

func inside(t *testing.T) string {
	t.Helper()
	return os.Getenv(insideVariable)
}

// The image holds no certificate authorities: without those in the program no instance with a public certificate could be reached. Only a
// process of its own can be without those of the system.
func TestTheProgramBringsItsOwnCertificateAuthorities(t *testing.T) {
	if pool, err := x509.SystemCertPool(); t.Name() == inside(t) {
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(pool.Equal(x509.NewCertPool())).To(BeFalse())
		return
	}
	nowhere := filepath.Join(t.TempDir(), "nothing")
	self := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	self.Env = []string{"SSL_CERT_FILE=" + nowhere, "SSL_CERT_DIR=" + nowhere, insideVariable + "=" + t.Name()}
	out, err := self.CombinedOutput()
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), string(out))
	NewWithT(t).Expect(string(out)).To(ContainSubstring("--- PASS: " + t.Name()))
}

func TestVersionNamesTheCommit(t *testing.T) {
	g := NewWithT(t)
	g.Expect(version()).To(MatchRegexp(`^\S+ commit \S+ ` + runtime.Version() + ` ` + runtime.GOOS + "/" + runtime.GOARCH + "$"))
}

func TestASelectorThatIsNoneKeepsTheOperatorFromStarting(t *testing.T) {
	err := run(t.Context(), options{namespace: "trustedapp-system", shard: "shard=east=west"}, &rest.Config{})
	NewWithT(t).Expect(err).To(MatchError(HavePrefix("reading --shard-selector: ")))
}
