package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every link to a file of the repository leads somewhere, its fragment to a heading.
func TestLinksLeadSomewhere(t *testing.T) {
	found, fragments := 0, 0
	for _, path := range pages(t) {
		page := parsed(t, path)
		for _, l := range page.links() {
			if strings.Contains(l.target, "://") || strings.HasPrefix(l.target, "mailto:") {
				continue
			}
			found++
			if strings.Contains(l.target, "#") {
				fragments++
			}
			if problem := follow(root, path, l.target); problem != "" {
				t.Errorf("%s:%d: the link %s leads nowhere: %s", path, l.line, l.target, problem)
			}
		}
	}
	if found < 40 || fragments < 5 {
		t.Fatalf("found only %d links, %d with a fragment", found, fragments)
	}
}

// follow returns what is wrong with a link of a page; "" if nothing is.
func follow(dir, path, target string) string {
	file, fragment, _ := strings.Cut(target, "#")
	at := path
	if file != "" {
		at = filepath.Join(filepath.Dir(path), file)
	}
	content, err := os.ReadFile(filepath.Join(dir, at))
	if info, statErr := os.Stat(filepath.Join(dir, at)); statErr == nil && info.IsDir() && fragment == "" {
		return ""
	}
	if err != nil {
		return "there is no " + at
	}
	if fragment == "" || !strings.HasSuffix(at, ".md") {
		return ""
	}
	page, err := parse(string(content))
	if err != nil {
		return err.Error()
	}
	if !page.anchors[fragment] {
		return fmt.Sprintf("%s has no heading #%s", at, fragment)
	}
	return ""
}

// The check of links can fail.
func TestBrokenLinksAreFound(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.md":     "# One `two`: three\n## Same\n## Same\n[x](sub/b.md)\n```\n# no heading\n[x](no.md)\n```\n`[x](no.md)`\n",
		"sub/b.md": "# B\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for target, want := range map[string]string{
		"sub/b.md": "", "#one-two-three": "", "#same": "", "#same-1": "", "sub/b.md#b": "", "sub": "",
		"b.md": "there is no b.md", "#same-2": "no heading", "#no-heading": "no heading", "sub/b.md#c": "no heading",
	} {
		if got := follow(dir, "a.md", target); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "a.md"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := parse(string(content))
	if err != nil {
		t.Fatal(err)
	}
	if got := page.links(); !slices.Equal(got, []link{{target: "sub/b.md", line: 4}}) {
		t.Errorf("found the links %v", got)
	}
	if _, err := parse("```\nnever closed\n"); err == nil {
		t.Error("a block that is never closed is not found")
	}
}

// Every page of docs/ can be reached from its index, and the index from the README.
func TestIndexNamesEveryPage(t *testing.T) {
	const index = "docs/README.md"
	var named []string
	for _, l := range parsed(t, index).links() {
		file, _, _ := strings.Cut(l.target, "#")
		named = append(named, filepath.Join("docs", file))
	}
	for _, page := range pages(t) {
		decision := strings.HasPrefix(page, "docs/decisions/") && page != "docs/decisions/README.md"
		if strings.HasPrefix(page, "docs/") && page != index && !decision && !slices.Contains(named, page) {
			t.Errorf("%s does not name %s", index, page)
		}
	}
	if !slices.ContainsFunc(parsed(t, "README.md").links(), func(l link) bool { return l.target == index }) {
		t.Errorf("README.md does not lead to %s", index)
	}
}
