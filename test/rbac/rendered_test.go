// Package rbac keeps what every ServiceAccount may do: as it is written down, and as the apiserver understands it.
package rbac

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// object is one rendered object, as far as it is about permissions.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
	Rules   []rule `json:"rules"`
	RoleRef struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"roleRef"`
	Subjects []subject `json:"subjects"`
	Spec     struct {
		Template struct {
			Spec struct {
				ServiceAccountName string `json:"serviceAccountName"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

// rule is an rbac.authorization.k8s.io/v1 PolicyRule.
type rule struct {
	APIGroups       []string `json:"apiGroups,omitempty"`
	Resources       []string `json:"resources,omitempty"`
	ResourceNames   []string `json:"resourceNames,omitempty"`
	NonResourceURLs []string `json:"nonResourceURLs,omitempty"`
	Verbs           []string `json:"verbs"`
}

type subject struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

func repository(path string) string { return filepath.Join("..", "..", path) }

// rendered returns the objects of the kustomizations that ship: the installation, and the samples with their namespace.
func rendered(t *testing.T) []object {
	t.Helper()
	g := NewWithT(t)
	var objects []object
	for _, kustomization := range []string{"config/default", "config/samples"} {
		var complaint bytes.Buffer
		command := exec.CommandContext(t.Context(), repository("bin/kubectl"), "kustomize", repository(kustomization))
		command.Stderr = &complaint
		out, err := command.Output()
		g.Expect(err).NotTo(HaveOccurred(), "%s: %s", kustomization, &complaint)
		documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(out)))
		for {
			document := make([]byte, len(out))
			n, err := documents.Read(document)
			if errors.Is(err, io.EOF) {
				break
			}
			g.Expect(err).NotTo(HaveOccurred())
			var o object
			g.Expect(yaml.Unmarshal(document[:n], &o)).To(Succeed())
			g.Expect(o.Kind).NotTo(BeEmpty())
			objects = append(objects, o)
		}
	}
	return objects
}
