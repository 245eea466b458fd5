package gitops

import (
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// gitRepository is a Git repository behind a server on loopback, and a working copy of it.
type gitRepository struct{ url, copy string }

// newGitRepository serves an empty repository over HTTP with Git's own program.
func newGitRepository() *gitRepository {
	GinkgoHelper()
	root := GinkgoT().TempDir()
	bare := filepath.Join(root, "team.git")
	git(root, "init", "--quiet", "--bare", "--initial-branch=main", bare)
	git(bare, "config", "http.receivepack", "true")
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(git(root, "--exec-path")), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null"},
	})
	DeferCleanup(server.Close)
	r := &gitRepository{url: server.URL + "/team.git", copy: filepath.Join(root, "copy")}
	git(root, "clone", "--quiet", r.url, r.copy)
	return r
}

// push writes files, removes those whose text is empty, and pushes. It returns the commit.
func (r *gitRepository) push(message string, files map[string]string) string {
	GinkgoHelper()
	for name, text := range files {
		path := filepath.Join(r.copy, name)
		if text == "" {
			Expect(os.Remove(path)).To(Succeed())
			continue
		}
		Expect(os.MkdirAll(filepath.Dir(path), 0o755)).To(Succeed())
		Expect(os.WriteFile(path, []byte(text), 0o644)).To(Succeed())
	}
	git(r.copy, "add", "--all")
	git(r.copy, "-c", "user.name=team", "-c", "user.email=team@example.com", "commit", "--quiet", "-m", message)
	git(r.copy, "push", "--quiet", "origin", "HEAD:main")
	return strings.TrimSpace(git(r.copy, "rev-parse", "HEAD"))
}

// git runs git without the configuration of whoever runs the tests.
func git(dir string, args ...string) string {
	GinkgoHelper()
	command := exec.Command("git", args...) //nolint:noctx // it ends by itself
	command.Dir = dir
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
	out, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "git %v: %s", args, out)
	return string(out)
}
