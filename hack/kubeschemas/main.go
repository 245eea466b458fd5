// Command kubeschemas writes JSON schemas for kubeconform, from what this repository is built with: the OpenAPI document of the very
// Kubernetes version that tests run, and our own CustomResourceDefinitions. No schema is downloaded, and none is older than the code.
//
//	kubeschemas SWAGGER_JSON CRD_DIRECTORY DESTINATION
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// schema is any JSON schema.
type schema = map[string]any

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kubeschemas:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: kubeschemas SWAGGER_JSON CRD_DIRECTORY DESTINATION")
	}
	if err := os.MkdirAll(args[2], 0o755); err != nil {
		return fmt.Errorf("making the destination: %w", err)
	}
	builtIn, err := writeBuiltIn(args[0], args[2])
	if err != nil {
		return err
	}
	own, err := writeOwn(args[1], args[2])
	if err != nil {
		return err
	}
	if builtIn < 100 || own == 0 {
		return fmt.Errorf("found only %d kinds of Kubernetes and %d of ours", builtIn, own)
	}
	return nil
}

// writeBuiltIn writes the kinds of Kubernetes, each as a reference into one file with all definitions.
func writeBuiltIn(swagger, destination string) (int, error) {
	raw, err := os.ReadFile(swagger)
	if err != nil {
		return 0, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	// References between definitions stay inside of the one file.
	var document struct{ Definitions map[string]schema }
	if err := json.Unmarshal(raw, &document); err != nil {
		return 0, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	written := 0
	for name, definition := range document.Definitions {
		tighten(definition)
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 {
			continue // options and the like, which nobody writes into a file
		}
		kind, ok := kinds[0].(schema)
		if !ok {
			return 0, fmt.Errorf("%s: its kind is no object", name)
		}
		group, _ := kind["group"].(string)
		reference := schema{"$ref": "definitions.json#/definitions/" + name}
		if err := write(destination, fileName(text(kind["kind"]), group, text(kind["version"])), reference); err != nil {
			return 0, err
		}
		written++
	}
	return written, write(destination, "definitions.json", schema{"definitions": document.Definitions})
}

// writeOwn writes the kinds of the CustomResourceDefinitions.
func writeOwn(directory, destination string) (written int, err error) {
	files, err := filepath.Glob(filepath.Join(directory, "*.yaml"))
	if err != nil {
		return 0, fmt.Errorf("looking for CustomResourceDefinitions: %w", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return 0, fmt.Errorf("reading a CustomResourceDefinition: %w", err)
		}
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema schema `json:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.Unmarshal(raw, &crd); err != nil {
			return 0, fmt.Errorf("reading %s: %w", file, err)
		}
		for _, version := range crd.Spec.Versions {
			tighten(version.Schema.OpenAPIV3Schema)
			// kubeconform does not know what the API server adds to every kind.
			if properties, ok := version.Schema.OpenAPIV3Schema["properties"].(schema); ok {
				properties["metadata"] = schema{"type": "object"}
			}
			if err := write(destination, fileName(crd.Spec.Names.Kind, crd.Spec.Group, version.Name), version.Schema.OpenAPIV3Schema); err != nil {
				return 0, err
			}
			written++
		}
	}
	return written, nil
}

// tighten lets no object have other members than those that are declared, as the API server does with fieldValidation Strict. It also says
// what OpenAPI says in its own words: "int-or-string".
func tighten(node any) {
	switch n := node.(type) {
	case []any:
		for _, item := range n {
			tighten(item)
		}
	case schema:
		for _, item := range n {
			tighten(item)
		}
		if properties, ok := n["properties"].(schema); ok && len(properties) > 0 && n["additionalProperties"] == nil {
			if _, isSchema := n["type"].(string); isSchema {
				n["additionalProperties"] = false
			}
		}
		if n["format"] == "int-or-string" || n["x-kubernetes-int-or-string"] == true {
			n["type"] = []any{"integer", "string"}
			delete(n, "format")
		}
		if n["$ref"] == "#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity" {
			delete(n, "$ref")
			n["type"] = []any{"integer", "number", "string"}
		}
	}
}

// fileName is the one that kubeconform is told to look for, see hack/verify.sh.
func fileName(kind, group, version string) string {
	if group, _, _ = strings.Cut(group, "."); group != "" {
		kind += "-" + group
	}
	return strings.ToLower(kind + "-" + version + ".json")
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func write(directory, name string, content schema) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := os.WriteFile(filepath.Join(directory, name), raw, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
