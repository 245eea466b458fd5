// Package docs keeps the documentation and the code together.
package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// Every reason that a condition can have is explained, and nothing else is.
func TestEveryReasonIsExplained(t *testing.T) {
	page := read(t, "docs/troubleshooting.md")
	reasons := constants(t, "api/v1alpha1/condition_types.go", "Reason")
	if len(reasons) < 20 {
		t.Fatalf("found only %d reasons", len(reasons))
	}
	known := map[string]bool{}
	for _, reason := range reasons {
		known[reason] = true
		if !strings.Contains(page, "\n| `"+reason+"` |") {
			t.Errorf("docs/troubleshooting.md has no row for the reason %s", reason)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\|").FindAllStringSubmatch(page, -1) {
		if !known[row[1]] {
			t.Errorf("docs/troubleshooting.md explains %s, which is not a reason", row[1])
		}
	}
}

// Every link to a file of the repository leads somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)`)
	found := 0
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			found++
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
			}
		}
	}
	if found < 5 {
		t.Fatalf("found only %d links", found)
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md", "hack/erpnet-standin/*.md"} {
		matches, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range matches {
			relative, err := filepath.Rel(root, m)
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, relative)
		}
	}
	return pages
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// constants returns the values of the string constants of a file whose names begin with prefix.
func constants(t *testing.T, path, prefix string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			t.Fatalf("%s is not a literal", spec.Names[0].Name)
		}
		value, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
		return true
	})
	return values
}
