package docs

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Inline code that begins with "--" is a flag of the operator: those of other programs are written with the program.
func TestFlagsExist(t *testing.T) {
	help := exec.CommandContext(t.Context(), "go", "run", ".", "--help")
	help.Dir = root
	out, err := help.CombinedOutput()
	if err != nil {
		t.Fatalf("asking the operator for its flags: %v\n%s", err, out)
	}
	var flags []string
	for _, m := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(string(out), -1) {
		flags = append(flags, m[1])
	}
	check(t, regexp.MustCompile("`--([a-z-]+)[^`]*`"), 5, func(flag string) bool { return slices.Contains(flags, flag) })
}

// Inline code that begins with "spec." or "status." is a field of one of our kinds.
func TestFieldsExist(t *testing.T) {
	fields := map[string]bool{}
	for _, kind := range []string{"identityservers", "trustedapplications", "trustedapplicationsets"} {
		var crd apiextensionsv1.CustomResourceDefinition
		content := read(t, "config/crd/bases/trustedapps.dev_"+kind+".yaml")
		if err := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(content)), 4096).Decode(&crd); err != nil {
			t.Fatal(err)
		}
		collect(fields, "", *crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
	}
	check(t, regexp.MustCompile("`((?:spec|status)\\.[a-zA-Z.]+)(?:\\[\\])?(?::[^`]*)?`"), 20, func(field string) bool { return fields[field] })
}

// Every metric that the pages name is one of internal/metrics.
func TestMetricsExist(t *testing.T) {
	sources, err := filepath.Glob(filepath.Join(root, "internal", "metrics", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string]bool{}
	for _, source := range sources {
		content, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"(trustedapp_[a-z_]+)"`).FindAllStringSubmatch(string(content), -1) {
			metrics[m[1]] = true
		}
	}
	check(t, regexp.MustCompile(`\b(trustedapp_[a-z_]+[a-z])\b`), 10, func(name string) bool { return metrics[name] })
}

func collect(fields map[string]bool, path string, schema apiextensionsv1.JSONSchemaProps) {
	for name, property := range schema.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		fields[at] = true
		collect(fields, at, property)
		if property.Items != nil && property.Items.Schema != nil {
			collect(fields, at, *property.Items.Schema)
		}
	}
}

// check checks each name that the pages mention, beside decisions, which tell of their day, and pages of other programs.
func check(t *testing.T, mention *regexp.Regexp, least int, exists func(string) bool) {
	t.Helper()
	found := map[string]bool{}
	for _, path := range pages(t) {
		if strings.HasPrefix(path, "docs/decisions/") || strings.HasPrefix(path, "hack/") {
			continue
		}
		for number, line := range parsed(t, path).prose {
			for _, m := range mention.FindAllStringSubmatch(line, -1) {
				found[m[1]] = true
				if !exists(m[1]) {
					t.Errorf("%s:%d: there is no %s", path, number+1, m[1])
				}
			}
		}
	}
	if len(found) < least {
		t.Fatalf("found only %d names: the check is broken", len(found))
	}
}

// Every Go program of the pages compiles, with the standard library alone.
func TestProgramsCompile(t *testing.T) {
	found := 0
	for _, path := range pages(t) {
		for _, b := range parsed(t, path).blocks {
			if b.info != "go" {
				continue
			}
			found++
			dir := t.TempDir()
			for name, content := range map[string]string{"main.go": b.text, "go.mod": "module example.com/recipe\n\ngo 1.26.0\n"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), fs.FileMode(0o600)); err != nil {
					t.Fatal(err)
				}
			}
			vet := exec.CommandContext(t.Context(), "go", "vet", "./...")
			vet.Dir = dir
			if out, err := vet.CombinedOutput(); err != nil {
				t.Errorf("%s:%d: %v\n%s", path, b.line, err, out)
			}
		}
	}
	if found == 0 {
		t.Fatal("found no program")
	}
}
