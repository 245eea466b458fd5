package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
)

// report is build/demo.json.
type report struct {
	Apps []*appReport `json:"apps"`
	// KillSwitch tells that enabled: false was answered with invalid_client, and that enabled: true helped.
	KillSwitch bool `json:"killSwitch"`
	// Seconds is how long the tour took.
	Seconds float64 `json:"seconds"`
	// Failures says what did not hold.
	Failures []string `json:"failures,omitempty"`
}

// appReport is what came of one application.
type appReport struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	ClientID string `json:"clientId"`
	// SecondsToReady is the time from its creation to Ready.
	SecondsToReady float64 `json:"secondsToReady"`
	// TokenOK tells that it got a token by every flow of its kind; APIOK that the Domain API accepted each.
	TokenOK bool `json:"tokenOk"`
	APIOK   bool `json:"apiOk"`
}

// fail records what did not hold.
func (r *report) fail(what string) { r.Failures = append(r.Failures, what) }

// add records an application that is Ready.
func (r *report) add(app *v1alpha1.TrustedApplication, after time.Duration) {
	kind := ""
	for _, a := range tourists {
		if a.name == app.Name {
			kind = a.kind
		}
	}
	r.Apps = append(r.Apps, &appReport{Name: app.Name, Kind: kind, ClientID: app.Status.ClientID, SecondsToReady: round(after)})
}

// app finds an application; the tour asks only for those that are Ready.
func (r *report) app(name string) *appReport {
	i := slices.IndexFunc(r.Apps, func(a *appReport) bool { return a.Name == name })
	return r.Apps[i]
}

// write writes the file.
func (r *report) write(path string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// verdict is nil only if everything held.
func (r *report) verdict() error {
	failures := slices.Clone(r.Failures)
	for _, a := range r.Apps {
		if !a.TokenOK || !a.APIOK {
			failures = append(failures, fmt.Sprintf("%s: token %s, API %s", a.Name, worked(a.TokenOK), worked(a.APIOK)))
		}
	}
	if len(r.Apps) != len(tourists) {
		failures = append(failures, fmt.Sprintf("%d of %d applications became Ready", len(r.Apps), len(tourists)))
	}
	if len(failures) == 0 {
		return nil
	}
	return fmt.Errorf("this did not hold:\n  %s", strings.Join(failures, "\n  "))
}

// summary tells a newcomer what was seen.
func (t *tour) summary() {
	t.step("Summary")
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "APPLICATION\tKIND\tCLIENT ID\tREADY AFTER\tTOKEN\tAPI")
	for _, tourist := range tourists {
		a := t.report.app(tourist.name)
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%.2f s\t%s\t%s\n", a.Name, a.Kind, a.ClientID, a.SecondsToReady, worked(a.TokenOK), worked(a.APIOK))
	}
	_ = w.Flush() // it writes to memory
	for line := range strings.Lines(table.String()) {
		t.note("%s", strings.TrimRight(line, " \n"))
	}
	t.note("")
	t.note("Each team wrote one TrustedApplication. The operator registered it at the instance, proved that its credentials work,")
	t.note("and published them: a Secret for what runs on a server, a ConfigMap for what runs in a browser.")
	t.note("Kill switch: %s. The tour took %.0f s. Result: %s; the operator's log: %s.", worked(t.report.KillSwitch), t.report.Seconds, reportFile, operatorLog)
	if t.report.verdict() == nil {
		t.holds("everything held")
	}
}

func worked(ok bool) string {
	if ok {
		return "works"
	}
	return "FAILED"
}

// round gives seconds to the hundredth.
func round(d time.Duration) float64 { return math.Round(d.Seconds()*100) / 100 }
