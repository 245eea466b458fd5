package api_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

type schema = apiextensionsv1.JSONSchemaProps

// node is one place in the schema of a kind.
type node struct {
	kind, path string
	required   []string // the required properties of this object
	*schema
}

// read returns the schemas of all kinds as they are installed.
func read() map[string]*schema {
	schemas := map[string]*schema{}
	files, err := filepath.Glob(filepath.Join(crdDir, "*.yaml"))
	Expect(err).NotTo(HaveOccurred())
	for _, file := range files {
		data, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		var crd apiextensionsv1.CustomResourceDefinition
		Expect(yaml.UnmarshalStrict(data, &crd)).To(Succeed())
		Expect(crd.Spec.Versions).To(HaveLen(1))
		schemas[crd.Spec.Names.Kind] = crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	}
	Expect(schemas).To(And(HaveLen(3), HaveKey(application), HaveKey(server), HaveKey(applicationSet)))
	return schemas
}

// nodes lists every place of all schemas except those that all kinds share (apiVersion, kind, metadata).
func nodes() []node {
	var all []node
	for kind, root := range read() {
		var walk func(path string, s *schema)
		walk = func(path string, s *schema) {
			all = append(all, node{kind: kind, path: path, required: s.Required, schema: s})
			for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
				if path == "" && slices.Contains([]string{"apiVersion", "kind", "metadata"}, name) {
					continue
				}
				property := s.Properties[name]
				walk(strings.TrimPrefix(path+"."+name, "."), &property)
			}
			if s.Items != nil {
				walk(path+"[]", s.Items.Schema)
			}
			if s.AdditionalProperties != nil {
				walk(path+"{}", s.AdditionalProperties.Schema)
			}
		}
		walk("", root)
	}
	return all
}

// isStatus is true for what the operator writes and users only read.
func (n node) isStatus() bool { return n.path == "status" || strings.HasPrefix(n.path, "status.") }

// keys are the keys of all rules at this place, as rule.key makes them.
func (n node) keys() []string {
	var keys []string
	for _, v := range n.XValidations {
		keys = append(keys, rule{kind: n.kind, path: n.path, keyword: "cel", message: v.Message}.key())
	}
	structural := map[string]bool{
		"enum":          n.Enum != nil,
		"pattern":       n.Pattern != "",
		"format":        n.Format != "",
		"minLength":     n.MinLength != nil,
		"maxLength":     n.MaxLength != nil,
		"minItems":      n.MinItems != nil,
		"maxItems":      n.MaxItems != nil,
		"minProperties": n.MinProperties != nil,
		"maxProperties": n.MaxProperties != nil,
		"minimum":       n.Minimum != nil,
		"maximum":       n.Maximum != nil,
		"set":           n.XListType != nil && *n.XListType == "set",
		"map":           n.XListType != nil && *n.XListType == "map",
	}
	for keyword, present := range structural {
		if present {
			keys = append(keys, rule{kind: n.kind, path: n.path, keyword: keyword}.key())
		}
	}
	for _, name := range n.required {
		keys = append(keys, rule{kind: n.kind, path: strings.TrimPrefix(n.path+"."+name, "."), keyword: "required"}.key())
	}
	return keys
}

// describe names a place for a failure message.
func (n node) describe() string { return fmt.Sprintf("%s %s", n.kind, n.path) }
