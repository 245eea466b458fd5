package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed trustedapp.yaml.tmpl
var manifestTemplate string

// manifest is what krew reads: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/.
func (r release) manifest(archives []archive) ([]byte, error) {
	t, err := template.New("trustedapp.yaml").Option("missingkey=error").Parse(manifestTemplate)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, map[string]any{"Version": r.Version, "URL": strings.TrimSuffix(r.URL, "/"), "Archives": archives}); err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return out.Bytes(), nil
}
