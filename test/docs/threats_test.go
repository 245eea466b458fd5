package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	threatSpec = regexp.MustCompile(`It\("([^"]+)", Label\(threat\)`)
	threatLink = regexp.MustCompile(`\[([^\]]+)\]\(\.\./(test/security/[a-z_]+\.go)\)`)
)

// TestEachThreatHasItsTest holds the threat model against the specs: each spec about a threat is in the table, and each link of the table
// names a spec that is there.
func TestEachThreatHasItsTest(t *testing.T) {
	text := read(t, "docs/security.md")
	_, section, ok := strings.Cut(text, "## The threats\n")
	if !ok {
		t.Fatal("docs/security.md has no threats")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	links := map[string]bool{}
	for _, link := range threatLink.FindAllStringSubmatch(section, -1) {
		links[link[1]] = true
		if link[1] == "without the checks" {
			continue // it is about the tour, not about a threat
		}
		if !strings.Contains(read(t, link[2]), `It("`+link[1]+`", Label(threat)`) {
			t.Errorf("%s has no spec %q", link[2], link[1])
		}
	}
	files, err := filepath.Glob(root + "/test/security/*_test.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	specs := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range threatSpec.FindAllStringSubmatch(string(content), -1) {
			specs++
			if !links[spec[1]] {
				t.Errorf("docs/security.md does not tell of %q in %s", spec[1], file)
			}
		}
	}
	if specs < 15 {
		t.Errorf("only %d specs are about threats", specs)
	}
}
