package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"trustedapps.dev/operator/hack/image/imagebuild"
)

const root = "../.."

var linux = imagebuild.Platform{OS: "linux", Arch: "amd64"}

// clone makes a checkout of the present commit in a folder of its own.
func clone(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "somewhere", "else")
	out, err := exec.CommandContext(t.Context(), "git", "clone", "-q", root, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("cloning: %v: %s", err, out)
	}
	return dir
}

func buildIn(ctx context.Context, t *testing.T, dir string) (imagebuild.Program, imagebuild.Binary, v1.Image) {
	t.Helper()
	p := imagebuild.Program{Dir: dir, Package: ".", Name: "trustedapp-operator", Binary: "manager", Title: "t", Description: "d"}
	binary, err := imagebuild.Compile(ctx, p, linux, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	image, err := imagebuild.Image(p, binary)
	if err != nil {
		t.Fatal(err)
	}
	return p, binary, image
}

func digest(t *testing.T, image v1.Image) string {
	t.Helper()
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func TestTheSameCommitGivesTheSameImage(t *testing.T) {
	one, other := clone(t), clone(t)
	_, binary, first := buildIn(t.Context(), t, one)
	_, _, second := buildIn(t.Context(), t, other)
	if digest(t, first) != digest(t, second) {
		t.Errorf("%s in one folder, %s in another", digest(t, first), digest(t, second))
	}
	if !regexp.MustCompile("^[0-9a-f]{40}$").MatchString(binary.Revision()) {
		t.Errorf("the revision of a clean checkout is %q", binary.Revision())
	}
	if err := os.WriteFile(filepath.Join(other, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, changed, third := buildIn(t.Context(), t, other)
	if digest(t, third) == digest(t, first) || !strings.HasSuffix(changed.Revision(), "-modified") {
		t.Errorf("another program has the digest %s and the revision %s", digest(t, third), changed.Revision())
	}
}

func TestWhatIsInTheImage(t *testing.T) {
	p, binary, image := buildIn(t.Context(), t, root)
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	if c.User != "65532:65532" || len(c.Entrypoint) != 1 || c.Entrypoint[0] != "/manager" || len(c.Env) != 0 || len(c.Cmd) != 0 {
		t.Errorf("unexpected configuration: %+v", c)
	}
	if c.Labels["org.opencontainers.image.revision"] != binary.Revision() {
		t.Errorf("the labels are %v", c.Labels)
	}
	content := tar.NewReader(mutate.Extract(image))
	header, err := content.Next()
	if err != nil || header.Name != "manager" || header.Mode != 0o555 || header.Uid != 0 {
		t.Fatalf("the first file is %+v (%v)", header, err)
	}
	program, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	built, err := os.ReadFile(binary.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(program, built) {
		t.Error("the program in the image is another one")
	}
	if _, err := content.Next(); err != io.EOF {
		t.Errorf("there is more than the program: %v", err)
	}

	path := filepath.Join(t.TempDir(), "image.tar")
	if err := imagebuild.WriteArchive(path, p.Name+":dev", image); err != nil {
		t.Fatal(err)
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
	if err != nil || len(manifest) != 1 || len(manifest[0].RepoTags) != 1 || manifest[0].RepoTags[0] != "trustedapp-operator:dev" {
		t.Errorf("the archive is named %+v (%v)", manifest, err)
	}
}

// What `go version -m` tells of the program is in its bill of materials, and nothing else.
func TestTheBillOfMaterialsIsComplete(t *testing.T) {
	p, binary, _ := buildIn(t.Context(), t, root)
	var out bytes.Buffer
	if err := imagebuild.WriteSBOM(&out, p, binary); err != nil {
		t.Fatal(err)
	}
	var bom struct {
		BOMFormat  string `json:"bomFormat"`
		Components []struct{ Name, Version, Purl string }
	}
	if err := json.Unmarshal(out.Bytes(), &bom); err != nil || bom.BOMFormat != "CycloneDX" {
		t.Fatalf("reading it: %v, format %q", err, bom.BOMFormat)
	}
	listed := map[string]string{}
	for _, c := range bom.Components {
		listed[c.Name] = c.Version
	}
	told, err := exec.CommandContext(t.Context(), "go", "version", "-m", binary.Path).Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := 0
	for _, line := range strings.Split(string(told), "\n") {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "dep" {
			continue
		}
		modules++
		if listed[words[1]] != words[2] {
			t.Errorf("%s %s is listed with the version %q", words[1], words[2], listed[words[1]])
		}
	}
	if modules < 20 || len(bom.Components) != modules+2 {
		t.Errorf("%d modules in the program, %d components listed", modules, len(bom.Components))
	}
}

// The Dockerfile makes the same image: the same flags, user and entry point.
func TestTheDockerfileSaysTheSame(t *testing.T) {
	file, err := os.Open(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	parsed, err := parser.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("the Dockerfile: %s", w.Short)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || stages[1].BaseName != "scratch" {
		t.Fatalf("%d stages", len(stages))
	}
	found := map[string]string{}
	for _, stage := range stages {
		for _, command := range stage.Commands {
			switch c := command.(type) {
			case *instructions.UserCommand:
				found["user"] = c.User
			case *instructions.EntrypointCommand:
				found["entrypoint"] = strings.Join(c.CmdLine, " ")
			case *instructions.RunCommand:
				found["run"] += strings.Join(c.CmdLine, " ")
			}
		}
	}
	if found["user"] != imagebuild.User || found["entrypoint"] != "/manager" {
		t.Errorf("the Dockerfile says %v", found)
	}
	for _, flag := range append(imagebuild.Flags, "-buildvcs=true") {
		if !strings.Contains(found["run"], flag) {
			t.Errorf("the Dockerfile builds without %s: %s", flag, found["run"])
		}
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(makefile), "CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/manager .") {
		t.Error("the Makefile builds bin/manager with other flags")
	}
}
