package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const (
	alertsFile    = "charts/trustedapp-operator/files/alerts.yaml"
	dashboardFile = "charts/trustedapp-operator/files/dashboard.json"
)

type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	if err := yaml.Unmarshal([]byte(read(t, alertsFile)), &file); err != nil {
		t.Fatal(err)
	}
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 10 {
		t.Fatalf("found only %d alerts", len(all))
	}
	return all
}

// Every alert says all that whoever is woken by it needs.
func TestEveryAlertIsComplete(t *testing.T) {
	for _, a := range alerts(t) {
		if a.For == "" || !slices.Contains([]string{"critical", "warning"}, a.Labels["severity"]) {
			t.Errorf("%s has no time or no severity", a.Alert)
		}
		for _, name := range []string{"summary", "description"} {
			if !strings.HasSuffix(a.Annotations[name], ".") {
				t.Errorf("%s: its %s is no sentence", a.Alert, name)
			}
		}
		if want := "docs/runbooks.md#" + strings.ToLower(a.Alert); a.Annotations["runbook_url"] != want {
			t.Errorf("%s: its runbook_url is not %s", a.Alert, want)
		}
	}
}

// Every alert has a runbook with the same four parts, and every runbook an alert.
func TestEveryAlertHasARunbook(t *testing.T) {
	sections := map[string]string{}
	for _, section := range strings.Split(read(t, "docs/runbooks.md"), "\n## ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		sections[name] = text
	}
	for _, a := range alerts(t) {
		text, ok := sections[a.Alert]
		if !ok {
			t.Errorf("%s has no runbook", a.Alert)
		}
		last := -1
		for _, part := range []string{"**Meaning.**", "**Impact.**", "**Diagnosis.**", "**Remedy.**"} {
			at := strings.Index(text, part)
			if at <= last {
				t.Errorf("the runbook of %s has no %s, or not in its place", a.Alert, part)
			}
			last = at
		}
		delete(sections, a.Alert)
	}
	for name := range sections {
		t.Errorf("the runbook %s is of no alert", name)
	}
}

// Alerts, the dashboard and the documents speak of metrics that exist; an end-to-end spec compares the table with a real scrape.
func TestOnlyKnownMetricsAreSpokenOf(t *testing.T) {
	known := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(trustedapp_\\w+)` \\| (\\w+) ").FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		known[row[1]] = true
		if row[2] == "histogram" {
			known[row[1]+"_bucket"] = true
		}
	}
	for _, path := range []string{alertsFile, dashboardFile, "test/alerts/alerts_test.yaml", "docs/runbooks.md", "docs/metrics.md"} {
		for _, name := range regexp.MustCompile(`\btrustedapp_[a-z_]+`).FindAllString(read(t, path), -1) {
			if !known[name] {
				t.Errorf("%s speaks of %s, which docs/metrics.md does not know", path, name)
			}
		}
	}
}

// Every key that the code logs by is explained.
func TestEveryKeyOfTheLogIsExplained(t *testing.T) {
	keys := constants(t, "controllers/logging.go", "key")
	if len(keys) < 6 {
		t.Fatalf("found only %d keys", len(keys))
	}
	page := read(t, "docs/logs.md")
	for _, key := range keys {
		if !strings.Contains(page, "`"+key+"`") {
			t.Errorf("docs/logs.md does not explain %s", key)
		}
	}
}

// A link to a section leads to a heading.
func TestSectionsOfRunbooksExist(t *testing.T) {
	page := strings.ToLower(read(t, "docs/runbooks.md"))
	for _, m := range regexp.MustCompile(`\]\(#([a-z]+)\)`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, "\n## "+m[1]+"\n") {
			t.Errorf("the link #%s leads nowhere", m[1])
		}
	}
	if _, err := os.Stat(filepath.Join(root, "docs", "images", "dashboard.png")); err != nil {
		t.Errorf("the picture of the dashboard: %v", err)
	}
}
