// Package manifests holds no code: its test tries every manifest of the documentation at a real API server.
package manifests

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
)

const root = "../../.."

// example is a block of YAML of a page. The word after "yaml" says what it is: nothing for an object that the API server takes, "wrong" for
// one that it refuses with the text of the block that follows, "fragment" for a part of an object.
type example struct {
	page, mark, content, refusal string
}

var block = regexp.MustCompile("(?s)\n```yaml ?(\\w*)\n(.*?)\n```\n(?:\\s*```text\n(.*?)\n```\n)?")

func examples(t *testing.T) []example {
	t.Helper()
	var found []example
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") && name != ".." || name == "bin" || name == "build") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".md") {
			return nil
		}
		content, err := os.ReadFile(path)
		for _, m := range block.FindAllStringSubmatch(string(content), -1) {
			found = append(found, example{page: strings.TrimPrefix(path, root+"/"), mark: m[1], content: m[2], refusal: m[3]})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestManifestsAreWhatTheyAreSaidToBe(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	plane, err := controlplane.Start(ctx, controlplane.Options{CRDDirs: []string{filepath.Join(root, "config", "crd", "bases")}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	}()
	api, err := client.New(plane.RESTConfig, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// As namespaces should be that applications live in.
	restricted := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	for _, name := range []string{"demo", "orders", "trustedapp-system"} {
		if err := api.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: restricted}}); err != nil {
			t.Fatal(err)
		}
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: name}}
		if err := api.Create(ctx, account); err != nil { // Pods need one, and no controller manager makes it
			t.Fatal(err)
		}
	}
	taken, refused := 0, 0
	for _, e := range examples(t) {
		switch e.mark {
		case "":
			taken += e.isTaken(ctx, t, api)
		case "wrong":
			refused++
			e.isRefused(ctx, t, api)
		case "fragment":
		default:
			t.Errorf("%s: a block of YAML is marked %q", e.page, e.mark)
		}
	}
	if taken < 10 || refused < 5 {
		t.Errorf("only %d manifests were taken and %d refused: the check is broken", taken, refused)
	}
}

// isTaken tries all objects of an example, and returns how many are of a kind that the API server knows.
func (e example) isTaken(ctx context.Context, t *testing.T, api client.Client) int {
	t.Helper()
	known := 0
	for _, object := range e.objects(t) {
		err := api.Create(ctx, object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
		switch {
		case meta.IsNoMatchError(err) && object.GroupVersionKind().Group != v1alpha1.GroupVersion.Group:
			t.Logf("%s: %s is not checked: its kind is of another project", e.page, object.GroupVersionKind())
		case err != nil && !apierrors.IsAlreadyExists(err):
			t.Errorf("%s: %s %s: %v", e.page, object.GetKind(), object.GetName(), err)
		default:
			known++
		}
	}
	return known
}

// isRefused wants the refusal that the page shows.
func (e example) isRefused(ctx context.Context, t *testing.T, api client.Client) {
	t.Helper()
	for _, object := range e.objects(t) {
		err := api.Create(ctx, object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
		wanted := strings.Join(strings.Fields(e.refusal), " ")
		if !apierrors.IsInvalid(err) || wanted == "" || !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), wanted) {
			t.Errorf("%s: %s is to be refused with %q, the answer was: %v", e.page, object.GetName(), wanted, err)
		}
	}
}

func (e example) objects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(e.content), 4096)
	for {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Errorf("%s: %v\n%s", e.page, err, e.content)
			return nil
		case object.GetKind() == "" || object.GetAPIVersion() == "":
			t.Errorf("%s: no object: mark the block as a fragment\n%s", e.page, e.content)
			return nil
		}
		objects = append(objects, object)
	}
}
