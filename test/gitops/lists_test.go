package gitops

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// Server-side apply merges a list that says how; another it replaces as a whole, and two owners would fight.
func TestEveryListSaysHowItIsMerged(t *testing.T) {
	g := NewWithT(t)
	files, err := filepath.Glob(repository("config/crd/bases/*.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(files).To(HaveLen(3))
	lists := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		var crd apiextensions.CustomResourceDefinition
		g.Expect(yaml.UnmarshalStrict(text, &crd)).To(Succeed())
		for _, version := range crd.Spec.Versions {
			lists += checkLists(t, crd.Spec.Names.Kind, *version.Schema.OpenAPIV3Schema)
		}
	}
	g.Expect(lists).To(BeNumerically(">=", 9))
	results.Lists = lists
}

// checkLists checks all lists below a field and counts them.
func checkLists(t *testing.T, path string, field apiextensions.JSONSchemaProps) int {
	t.Helper()
	lists := 0
	if field.Type == "array" {
		lists++
		items := field.Items.Schema
		switch {
		case field.XListType == nil:
			t.Errorf("%s has no listType", path)
		case items.Type == "object" && (*field.XListType != "map" || len(field.XListMapKeys) == 0):
			t.Errorf("%s holds objects: it needs listType map and a listMapKey, and has %s", path, *field.XListType)
		case items.Type != "object" && *field.XListType != "set":
			t.Errorf("%s holds values whose order does not matter: it needs listType set, and has %s", path, *field.XListType)
		}
		lists += checkLists(t, path+"[]", *items)
	}
	for name, below := range field.Properties {
		lists += checkLists(t, path+"."+name, below)
	}
	if field.AdditionalProperties != nil {
		lists += checkLists(t, path+"{}", *field.AdditionalProperties.Schema)
	}
	return lists
}
