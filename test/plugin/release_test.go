package plugin

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"trustedapps.dev/operator/internal/cli"
	"trustedapps.dev/operator/test/bed"
)

// manifestOfKrew is what of it is looked at here; the rest is krew's to judge.
type manifestOfKrew struct {
	Metadata struct{ Name string }
	Spec     struct {
		Version, ShortDescription string
		Platforms                 []platformOfKrew
	}
}

type platformOfKrew struct {
	Selector struct{ MatchLabels struct{ OS, Arch string } }
	URI      string
}

func (p platformOfKrew) String() string {
	return p.Selector.MatchLabels.OS + "/" + p.Selector.MatchLabels.Arch
}

// archive is the archive of the platform in a release.
func (p platformOfKrew) archive(release string) string {
	return filepath.Join(release, filepath.Base(p.URI))
}

// host is a machine with a kubectl of its own, krew, and nothing that was ever installed. It has neither an index of krew's nor git.
type host struct {
	*WithT
	t          *testing.T
	root, path string
	env        []string
}

func newHost(t *testing.T, env ...string) *host {
	t.Helper()
	h := &host{WithT: NewWithT(t), t: t, root: filepath.Join(t.TempDir(), "krew")}
	programs := t.TempDir()
	for name, file := range map[string]string{"kubectl": "bin/kubectl", "kubectl-krew": "bin/krew"} {
		file, err := filepath.Abs(bed.Path(file))
		h.Expect(err).NotTo(HaveOccurred())
		h.Expect(os.Symlink(file, filepath.Join(programs, name))).To(Succeed())
	}
	h.path = programs + string(filepath.ListSeparator) + filepath.Join(h.root, "bin")
	h.env = append([]string{"PATH=" + h.path, "HOME=" + t.TempDir(), "KREW_ROOT=" + h.root}, env...)
	return h
}

// run runs a program of the host, and returns all that it prints.
func (h *host) run(program string, args ...string) (string, error) {
	h.t.Helper()
	command := exec.CommandContext(h.t.Context(), program, args...)
	command.Env, command.Dir = h.env, h.t.TempDir()
	out, err := command.CombinedOutput()
	return string(out), err
}

func (h *host) kubectl(args ...string) (string, error) {
	return h.run(bed.Path("bin/kubectl"), args...)
}

func (h *host) install(manifest, archive string) (string, error) {
	return h.kubectl("krew", "install", "--manifest="+manifest, "--archive="+archive)
}

// release makes a release as `make plugin-release` does.
func release(t *testing.T, url string, platforms ...string) string {
	t.Helper()
	out := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "run", "./hack/plugin-release", "-version", "v0.1.0", "-url", url, "-out", out,
		"-platforms", strings.Join(platforms, ","))
	command.Dir = bed.Path("")
	output, err := command.CombinedOutput()
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), string(output))
	return out
}

func readManifest(t *testing.T, release string) (m manifestOfKrew) {
	t.Helper()
	g := NewWithT(t)
	content, err := os.ReadFile(filepath.Join(release, "trustedapp.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(yaml.Unmarshal(content, &m)).To(Succeed())
	return m
}

func (m manifestOfKrew) of(t *testing.T, platform string) platformOfKrew {
	t.Helper()
	i := slices.IndexFunc(m.Spec.Platforms, func(p platformOfKrew) bool { return p.String() == platform })
	NewWithT(t).Expect(i).NotTo(Equal(-1), platform)
	return m.Spec.Platforms[i]
}

// TestRelease makes a release for this platform and for Windows, whose archive is of the other kind. `make plugin-release` makes one for all.
func TestRelease(t *testing.T) {
	g := NewWithT(t)
	var dir string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.FileServer(http.Dir(dir)).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	here := runtime.GOOS + "/" + runtime.GOARCH
	dir = release(t, server.URL, here, "windows/amd64")
	again := release(t, server.URL, here, "windows/amd64")
	files, err := os.ReadDir(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(files).To(HaveLen(4))
	for _, f := range files {
		one, err := os.ReadFile(filepath.Join(dir, f.Name()))
		g.Expect(err).NotTo(HaveOccurred())
		other, err := os.ReadFile(filepath.Join(again, f.Name()))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(bytes.Equal(one, other)).To(BeTrue(), "%s is not the same the second time", f.Name())
	}
	manifest, archive := filepath.Join(dir, "trustedapp.yaml"), readManifest(t, dir).of(t, here).archive(dir)
	t.Run("is installed, used and uninstalled", func(t *testing.T) { isInstalled(t, manifest, archive) })
	t.Run("is refused with another archive", func(t *testing.T) { isRefused(t, manifest, archive) })
	t.Run("follows the rules of the index", func(t *testing.T) { followsTheRules(t, manifest) })
}

func isInstalled(t *testing.T, manifest, archive string) {
	h := newHost(t)
	_, err := h.kubectl("trustedapp", "--help")
	h.Expect(err).To(HaveOccurred(), "there is one already")

	out, err := h.install(manifest, archive)
	h.Expect(err).NotTo(HaveOccurred(), out)
	h.Expect(out).To(ContainSubstring("Installed plugin: trustedapp"))
	// To list and to uninstall, krew asks for an index; that there is one, be it empty, is enough.
	h.Expect(os.MkdirAll(filepath.Join(h.root, "index", "default", ".git"), 0o755)).To(Succeed())
	out, err = h.kubectl("krew", "list")
	h.Expect(err).NotTo(HaveOccurred(), out)
	h.Expect(out).To(ContainSubstring("trustedapp"))

	var help bytes.Buffer
	h.Expect(cli.Run(t.Context(), []string{"--help"}, cli.Streams{In: strings.NewReader(""), Out: &help, Err: &help})).To(BeZero())
	out, err = h.kubectl("trustedapp", "--help")
	h.Expect(err).NotTo(HaveOccurred(), out)
	h.Expect(out).To(Equal(help.String()))

	// As the caveats say.
	h.Expect(h.completes()).NotTo(ContainSubstring("status"))
	store, err := filepath.Glob(filepath.Join(h.root, "store", "trustedapp", "*", "kubectl_complete-trustedapp"))
	h.Expect(err).NotTo(HaveOccurred())
	h.Expect(store).To(HaveLen(1))
	completion, err := os.ReadFile(store[0])
	h.Expect(err).NotTo(HaveOccurred())
	h.Expect(os.WriteFile(filepath.Join(h.root, "bin", filepath.Base(store[0])), completion, 0o755)).To(Succeed())
	h.Expect(h.completes()).To(ContainSubstring("status"))

	out, err = h.kubectl("krew", "uninstall", "trustedapp")
	h.Expect(err).NotTo(HaveOccurred(), out)
	_, err = h.kubectl("trustedapp", "--help")
	h.Expect(err).To(HaveOccurred(), "it is still there")
}

// completes is what kubectl proposes after "kubectl trustedapp sta".
func (h *host) completes() string {
	h.t.Helper()
	out, err := h.kubectl("__complete", "trustedapp", "sta")
	h.Expect(err).NotTo(HaveOccurred(), out)
	return out
}

// isRefused sees that krew takes an archive only if it is that of the manifest.
func isRefused(t *testing.T, manifest, archive string) {
	h := newHost(t)
	content, err := os.ReadFile(archive)
	h.Expect(err).NotTo(HaveOccurred())
	content[len(content)/2] ^= 1
	tampered := filepath.Join(t.TempDir(), filepath.Base(archive))
	h.Expect(os.WriteFile(tampered, content, 0o600)).To(Succeed())
	out, err := h.install(manifest, tampered)
	h.Expect(err).To(HaveOccurred(), out)
	h.Expect(out).To(ContainSubstring("checksum does not match"))
	_, err = h.kubectl("trustedapp", "--help")
	h.Expect(err).To(HaveOccurred(), "it is there all the same")
}

// followsTheRules asks the program that krew's index asks, which downloads and installs what is for each platform.
func followsTheRules(t *testing.T, manifest string) {
	h := newHost(t)
	validator, err := filepath.Abs(bed.Path("bin/validate-krew-manifest"))
	h.Expect(err).NotTo(HaveOccurred())
	out, err := h.run(validator, "-manifest", manifest)
	h.Expect(err).NotTo(HaveOccurred(), out)
	h.Expect(out).To(ContainSubstring("all 2 spec.platforms installed fine"))
	h.Expect(out).NotTo(ContainSubstring("exceeds"), "a line is too long")

	content, err := os.ReadFile(manifest)
	h.Expect(err).NotTo(HaveOccurred())
	for _, wrong := range [][2]string{ // each breaks a rule, so that each is seen to hold
		{"name: trustedapp", "name: other"},
		{"version: v0.1.0", "version: 0.1"},
		{"shortDescription: ", "shortDescription: ''#"},
		{"sha256: ", "sha256: x"},
		{"os: windows", "os: " + runtime.GOOS},
		{"os: windows", "os: none"},
	} {
		h.Expect(string(content)).To(ContainSubstring(wrong[0]))
		broken := filepath.Join(t.TempDir(), filepath.Base(manifest))
		h.Expect(os.WriteFile(broken, []byte(strings.Replace(string(content), wrong[0], wrong[1], 1)), 0o600)).To(Succeed())
		out, err := h.run(validator, "-manifest", broken)
		h.Expect(err).To(HaveOccurred(), "%s was taken: %s", wrong[1], out)
	}
}

// TestReleaseOfAllPlatforms looks at a release that was made for all platforms: the last step of `make plugin-release`.
func TestReleaseOfAllPlatforms(t *testing.T) {
	dir := os.Getenv("RELEASE")
	if dir == "" {
		t.Skip("there is no release to look at: RELEASE=DIR names one, `make plugin-release` makes one")
	}
	g := NewWithT(t)
	manifest := readManifest(t, dir)
	g.Expect(manifest.Metadata.Name).To(Equal("trustedapp"))
	g.Expect(len(manifest.Spec.ShortDescription)).To(BeNumerically("<=", 50))
	var platforms []string
	for _, p := range manifest.Spec.Platforms {
		platforms = append(platforms, p.String())
	}
	g.Expect(platforms).To(ConsistOf("linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64"))
	for _, p := range manifest.Spec.Platforms {
		h := newHost(t, "KREW_OS="+p.Selector.MatchLabels.OS, "KREW_ARCH="+p.Selector.MatchLabels.Arch)
		out, err := h.install(filepath.Join(dir, "trustedapp.yaml"), p.archive(dir))
		h.Expect(err).NotTo(HaveOccurred(), out)
		t.Logf("krew installs %s", filepath.Base(p.URI))
	}
}
