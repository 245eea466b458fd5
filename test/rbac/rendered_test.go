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

// installation is a way to install the operator: the commands that render its objects.
type installation struct {
	commands [][]string
	// secrets are the places that the operator may work with Secrets in.
	secrets map[string]bool
}

const (
	ownPlace  = "namespace trustedapp-system"
	demoPlace = "namespace demo"
)

func helmTemplate(values ...string) [][]string {
	return [][]string{append([]string{
		repository("bin/helm"), "template", "trustedapp-operator", repository("charts/trustedapp-operator"), "--namespace", "trustedapp-system",
	}, values...)}
}

// installations are all that ship. The kustomizations are the chart with one namespace opened, which is with the samples.
var installations = map[string]installation{
	"kustomize": {
		[][]string{{repository("bin/kubectl"), "kustomize", repository("config/default")}, {repository("bin/kubectl"), "kustomize", repository("config/samples")}},
		map[string]bool{ownPlace: true, demoPlace: true},
	},
	"chart":            {helmTemplate(), map[string]bool{ownPlace: true}},
	"chart_namespaces": {helmTemplate("--set", "namespaces={demo}"), map[string]bool{ownPlace: true, demoPlace: true}},
	"chart_everywhere": {helmTemplate("--set", "namespaces={*}"), map[string]bool{ownPlace: true, everywhere: true}},
}

// rendered returns the objects of an installation.
func rendered(t *testing.T, of installation) []object {
	t.Helper()
	g := NewWithT(t)
	var objects []object
	for _, words := range of.commands {
		var complaint bytes.Buffer
		command := exec.CommandContext(t.Context(), words[0], words[1:]...)
		command.Stderr = &complaint
		out, err := command.Output()
		g.Expect(err).NotTo(HaveOccurred(), "%v: %s", words, &complaint)
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
			if o.Kind != "" { // a document of comments alone
				objects = append(objects, o)
			}
		}
	}
	g.Expect(objects).NotTo(BeEmpty())
	return objects
}
