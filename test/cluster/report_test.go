package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"
)

// report is build/e2e.json.
type report struct {
	// Kubelet: the operator and the workloads ran in Pods.
	Kubelet bool `json:"kubelet"`
	// WithoutKubelet is why not.
	WithoutKubelet string `json:"withoutKubelet,omitempty"`
	// Helm: the chart was installed, upgraded and uninstalled with Helm.
	Helm bool `json:"helm"`
	// Flux is what the GitOps suite found, see build/gitops.json; false where it did not run.
	Flux  bool                   `json:"flux"`
	Kinds map[string]*kindResult `json:"kinds"`
	// UpgradeNewSecrets counts the published secrets that the upgrade changed; null where it did not come to that.
	UpgradeNewSecrets *int `json:"upgradeNewSecrets"`
	Passed            bool `json:"passed"`
	Specs             int  `json:"specs"`
	Failed            int  `json:"failed"`
	Seconds           int  `json:"seconds"`
}

// kindResult is what works of one kind of application.
type kindResult struct {
	// Ready: the application is Ready, with the permissions that ship.
	Ready bool `json:"ready"`
	// Token: the workload got an access token with what was published to it.
	Token bool `json:"token"`
	// API: the API accepted that token.
	API bool `json:"api"`
	// SignIn: a user signed in with a browser; null for a kind without users.
	SignIn *bool `json:"signIn"`
}

var result = report{Kinds: map[string]*kindResult{"service": {}, "web": {SignIn: new(false)}, "spa": {SignIn: new(false)}, "hybrid": {SignIn: new(false)}}}

var _ = ReportAfterSuite("build/e2e.json", func(suite Report) {
	result.Passed, result.Seconds = suite.SuiteSucceeded, int(suite.RunTime.Seconds())
	var failed []string
	for _, spec := range suite.SpecReports {
		if spec.LeafNodeType != types.NodeTypeIt {
			continue
		}
		result.Specs++
		if spec.State != types.SpecStatePassed {
			failed = append(failed, spec.FullText())
		}
	}
	result.Failed = len(failed)
	flux, err := readFlux()
	Expect(err).NotTo(HaveOccurred())
	result.Flux = flux
	raw, err := json.MarshalIndent(result, "", "  ")
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(repository("build/e2e.json"), append(raw, '\n'), 0o644)).To(Succeed())
	fmt.Print(table(result, failed))
})

// readFlux reads what the GitOps suite found.
func readFlux() (bool, error) {
	raw, err := os.ReadFile(repository("build/gitops.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var found struct {
		Flux bool `json:"flux"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &found)
	}
	return found.Flux, err
}

// table is the report for a person.
func table(r report, failed []string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	mark := func(ok bool) string {
		if ok {
			return "yes"
		}
		return "NO"
	}
	line("\n   kind      Ready   token   API   sign-in")
	for _, k := range kinds {
		found := r.Kinds[k.name]
		signIn := "-"
		if found.SignIn != nil {
			signIn = mark(*found.SignIn)
		}
		line("   %-9s %-7s %-7s %-5s %s", k.name, mark(found.Ready), mark(found.Token), mark(found.API), signIn)
	}
	line("")
	line("   in Pods on a real node: %s %s", mark(r.Kubelet), r.WithoutKubelet)
	line("   installed, upgraded and uninstalled with Helm: %s", mark(r.Helm))
	line("   deployed with Flux: %s", mark(r.Flux))
	if r.UpgradeNewSecrets != nil {
		line("   secrets that the upgrade changed: %d", *r.UpgradeNewSecrets)
	}
	for _, text := range failed {
		line("   NOT PASSED: %s", text)
	}
	line("   %d of %d specs passed in %d s; build/e2e.json", r.Specs-r.Failed, r.Specs, r.Seconds)
	return b.String()
}
