// Package security holds the door: each threat of docs/security.md is tried on real parts, by a tenant who may do in one namespace what the
// shipped roles let a team do, and by servers that are not what they seem.
package security

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/canary"
)

// longEnough is the longest that anything in these specs may take on a busy machine.
const longEnough = 60 * time.Second

// threat labels the specs that docs/security.md refers to.
const threat = "threat"

var (
	// guarded is the stage on which everything is as it ships.
	guarded *stage
	// secrets are what may be nowhere but in Secrets.
	secrets canary.Canaries
	found   results
)

// results are what build/security.json says beside the counts of threats.
type results struct {
	RBACVerbs       int `json:"rbacVerbs"`
	RBACUnused      int `json:"rbacUnused"`
	CanariesPlanted int `json:"canariesPlanted"`
	CanariesFound   int `json:"canariesFound"`
	Attempts        int `json:"attempts"`
	AttemptsRefused int `json:"attemptsRefused"`
	AttemptsOpen    int `json:"attemptsThatSucceedWithoutTheCheck"`
}

func TestSecurity(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(longEnough)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	RunSpecs(t, "security: each threat, tried")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	secrets.Plant("the operator's own secret", bed.OperatorSecret)
	guarded = newStage(ctx, "guarded", bed.Path("bin/manager"))
	guarded.begin(ctx)
}, NodeTimeout(5*time.Minute))

// The report is written also where something failed: it says so.
var _ = ReportAfterSuite("build/security.json", func(report Report) {
	out := struct {
		Threats int `json:"threats"`
		Tested  int `json:"tested"`
		Failed  int `json:"failed"`
		results
	}{results: found}
	for _, spec := range report.SpecReports {
		if !slices.Contains(spec.Labels(), threat) {
			continue
		}
		out.Threats++
		if spec.State.Is(types.SpecStatePassed | types.SpecStateFailureStates) {
			out.Tested++
		}
		if spec.State.Is(types.SpecStateFailureStates) {
			out.Failed++
		}
	}
	content, err := json.Marshal(out)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.MkdirAll(bed.Path("build"), 0o755)).To(Succeed())
	Expect(os.WriteFile(bed.Path(filepath.Join("build", "security.json")), append(content, '\n'), 0o600)).To(Succeed())
	_, _ = fmt.Fprintf(os.Stdout, `
threats       %d, tried %d, held %d
tour          %d attempts, %d refused; without the checks %d succeed
permissions   %d verbs, %d unused
canaries      %d planted, %d found
`, out.Threats, out.Tested, out.Tested-out.Failed, out.Attempts, out.AttemptsRefused, out.AttemptsOpen, out.RBACVerbs, out.RBACUnused,
		out.CanariesPlanted, out.CanariesFound)
})

func must[T any](value T, err error) T {
	GinkgoHelper()
	Expect(err).NotTo(HaveOccurred())
	return value
}

// kubectl runs kubectl as the administrator.
func kubectl(ctx context.Context, s *stage, args ...string) string {
	GinkgoHelper()
	out, err := s.bed.Kubectl(ctx, args...)
	Expect(err).NotTo(HaveOccurred(), out)
	return out
}
