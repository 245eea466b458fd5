package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

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

// Every condition is explained.
func TestEveryConditionIsExplained(t *testing.T) {
	page := read(t, "docs/troubleshooting.md")
	conditions := constants(t, "api/v1alpha1/condition_types.go", "Condition")
	if len(conditions) < 8 {
		t.Fatalf("found only %d conditions", len(conditions))
	}
	for _, condition := range conditions {
		if !strings.Contains(page, "\n| **"+condition+"** |") {
			t.Errorf("docs/troubleshooting.md has no row for the condition %s", condition)
		}
	}
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
