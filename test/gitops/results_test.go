package gitops

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

// results is what build/gitops.json says. Each part is set by the test that saw it hold.
var results struct {
	Passed        bool    `json:"passed"`
	KstatusStates int     `json:"kstatusStates"`
	ArgoStates    int     `json:"argoStates"`
	Lists         int     `json:"lists"`
	Live          bool    `json:"live"`
	Samples       int     `json:"samples"`
	Flux          bool    `json:"flux"`
	FluxSeconds   float64 `json:"fluxSeconds"`
	Seconds       float64 `json:"seconds"`
}

func TestMain(m *testing.M) {
	began := time.Now()
	code := m.Run()
	results.Passed = code == 0
	results.Seconds = time.Since(began).Round(time.Second / 10).Seconds()
	if err := report(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func report() error {
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	if err := os.MkdirAll(repository("build"), 0o755); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	if err := os.WriteFile(repository("build/gitops.json"), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	fmt.Printf("\n  %-52s %v\n  %-52s %d\n  %-52s %d\n  %-52s %d\n  %-52s %v\n  %-52s %d\n  %-52s %v (%.0f s)\n\n",
		"passed", results.Passed, "states read by kstatus", results.KstatusStates, "states read by Argo CD's script", results.ArgoStates,
		"lists that say how they are merged", results.Lists, "a life on a real API server", results.Live,
		"samples that kubectl diff has nothing to say about", results.Samples, "Flux: a push deploys, a removed file prunes", results.Flux, results.FluxSeconds)
	return nil
}
