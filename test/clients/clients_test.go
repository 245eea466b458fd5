// Package clients tries the clients of docs/clients against the stand-in, in every state that a rotation brings: what is published and what the
// server accepts at that moment.
package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	credentials "trustedapps.dev/operator/docs/clients/go"
	"trustedapps.dev/operator/test/standin"
)

const (
	id, other       = "com.example.orders/sync", "com.example.orders/sync.alternate"
	present, coming = "the-present-secret-0123456789", "the-coming-secret-0123456789"
)

// language is one client: its command line takes the mounted directory as its last argument.
type language struct {
	command []string
	env     []string
	// plain: it reaches the server through a proxy without TLS. Mono, which stands for .NET here, knows no elliptic curves.
	plain bool
}

// languages builds what has to be built. One whose tools are missing is left out, and said so; REQUIRE_CLIENTS=1 makes that a failure.
func languages(t *testing.T, ca string) map[string]language {
	t.Helper()
	g := NewWithT(t)
	root, err := filepath.Abs(filepath.Join("..", "..", "docs", "clients"))
	g.Expect(err).NotTo(HaveOccurred())
	built := t.TempDir()
	has := func(tool string) bool {
		_, err := exec.LookPath(tool)
		if err != nil && os.Getenv("REQUIRE_CLIENTS") != "" {
			t.Fatalf("%s is not installed", tool)
		}
		if err != nil {
			t.Logf("left out, because %s is not installed", tool)
		}
		return err == nil
	}
	run := func(dir string, command ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), command[0], command[1:]...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		g.Expect(err).NotTo(HaveOccurred(), "%v: %s", command, out)
	}
	run(filepath.Join(root, "go"), "go", "build", "-o", filepath.Join(built, "token"), "./cmd/token")
	all := map[string]language{"go": {command: []string{filepath.Join(built, "token")}, env: []string{"SSL_CERT_FILE=" + ca}}}
	if has("python3") {
		all["python"] = language{command: []string{"python3", filepath.Join(root, "python", "token_source.py")}, env: []string{"SSL_CERT_FILE=" + ca}}
	}
	if has("node") {
		all["node"] = language{command: []string{"node", filepath.Join(root, "node", "token-source.mjs")}, env: []string{"NODE_EXTRA_CA_CERTS=" + ca}}
	}
	if has("mcs") && has("mono") {
		exe := filepath.Join(built, "token.exe")
		run(filepath.Join(root, "csharp"), "mcs", "-warnaserror", "-r:System.Net.Http", "-out:"+exe, "TokenSource.cs")
		all["csharp"] = language{command: []string{"mono", exe}, plain: true}
	}
	return all
}

// token runs a client and returns what it printed.
func (l language) token(ctx context.Context, dir string) (stdout, stderr string, err error) {
	c := exec.CommandContext(ctx, l.command[0], append(l.command[1:], dir)...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}, l.env...)
	var out, complaints strings.Builder
	c.Stdout, c.Stderr = &out, &complaints
	err = c.Run()
	return strings.TrimSpace(out.String()), complaints.String(), err
}

// mount writes files as the kubelet does: in a directory of their own, which the link ..data leads to.
func mount(dir string, n int, files map[string]string) error {
	refresh := fmt.Sprintf("..%d", n)
	if err := os.Mkdir(filepath.Join(dir, refresh), 0o700); err != nil {
		return err
	}
	for name, value := range files {
		if err := os.WriteFile(filepath.Join(dir, refresh, name), []byte(value), 0o600); err != nil {
			return err
		}
	}
	link := filepath.Join(dir, "..data_tmp")
	if err := errors.Join(os.Symlink(refresh, link), os.Rename(link, filepath.Join(dir, "..data"))); err != nil {
		return err
	}
	for _, name := range []string{"client_id", "client_secret", "client_secret_next", "token_endpoint"} {
		err := os.Remove(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if _, there := files[name]; there {
			if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// scene is an instance with the two registrations of an application.
type scene struct {
	instance *standin.Instance
	ca       string
	// proxy leads to the instance without TLS.
	proxy string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	g := NewWithT(t)
	servers, err := standin.Start(context.WithoutCancel(t.Context()), io.Discard)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(servers.Stop()).To(Succeed()) })
	spec := standin.Spec{Name: "acme", Version: "26.2.1.66", Users: []standin.User{{Login: "svc.orders", Active: true, UserType: "InternalUser"}}}
	for _, uri := range []string{id, other} {
		spec.Applications = append(spec.Applications, standin.Application{
			ApplicationURI: uri, Name: uri, IsEnabled: true, ClientType: "Confidential", Secret: present, SystemUserAllowed: true, SystemUser: "svc.orders",
			Scope: new("read"),
		})
	}
	instance, err := servers.NewInstance(t.Context(), spec)
	g.Expect(err).NotTo(HaveOccurred())
	ca := filepath.Join(t.TempDir(), "ca.pem")
	g.Expect(os.WriteFile(ca, servers.CA, 0o600)).To(Succeed())
	pool := x509.NewCertPool()
	g.Expect(pool.AppendCertsFromPEM(servers.CA)).To(BeTrue())
	target, err := url.Parse(instance.URL)
	g.Expect(err).NotTo(HaveOccurred())
	through := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
	}
	proxy := httptest.NewServer(through)
	t.Cleanup(proxy.Close)
	return &scene{instance: instance, ca: ca, proxy: proxy.URL}
}

// plain are files with the server as it is reached without TLS.
func (s *scene) plain(files map[string]string) map[string]string {
	changed := maps.Clone(files)
	changed["token_endpoint"] = strings.Replace(files["token_endpoint"], s.instance.URL, s.proxy, 1)
	return changed
}

// accept makes the server accept a secret of a client, and no other.
func (s *scene) accept(t *testing.T, clientID, secret string) {
	t.Helper()
	g := NewWithT(t)
	app, ok, err := s.instance.Application(t.Context(), clientID)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ok).To(BeTrue())
	g.Expect(s.instance.EditApplication(t.Context(), app.ID, map[string]any{"secret": secret})).To(Succeed())
}

func (s *scene) files(clientID, secret, next string) map[string]string {
	files := map[string]string{"client_id": clientID, "client_secret": secret, "token_endpoint": s.instance.Identity + "/connect/token"}
	if next != "" {
		files["client_secret_next"] = next
	}
	return files
}

func TestEveryStateOfARotation(t *testing.T) {
	s := newScene(t)
	all := languages(t, s.ca)
	if len(all) < 2 {
		t.Fatal("there are tools for no language but Go")
	}
	for name, state := range map[string]struct {
		mounted  map[string]string
		accepted string // of id
		works    bool
	}{
		"at rest":                                     {s.files(id, present, ""), present, true},
		"announced":                                   {s.files(id, present, coming), present, true},
		"announced, and the server was told":          {s.files(id, present, coming), coming, true},
		"the new one is published":                    {s.files(id, coming, ""), coming, true},
		"the other registration is published":         {s.files(other, present, ""), coming, true},
		"in place, and not refreshed yet":             {s.files(id, present, ""), coming, false},
		"neither of two works":                        {s.files(id, present, coming), "something else", false},
		"a client that does not exist, with an error": {s.files("com.example.nobody", present, ""), present, false},
	} {
		t.Run(name, func(t *testing.T) {
			s.accept(t, id, state.accepted)
			for language, l := range all {
				g := NewWithT(t)
				dir, files := t.TempDir(), state.mounted
				if l.plain {
					files = s.plain(files)
				}
				g.Expect(mount(dir, 1, files)).To(Succeed())
				out, complaints, err := l.token(t.Context(), dir)
				if state.works {
					g.Expect(err).NotTo(HaveOccurred(), "%s: %s", language, complaints)
					g.Expect(strings.Count(out, ".")).To(Equal(2), "%s: a JWT", language)
					continue
				}
				g.Expect(err).To(HaveOccurred(), language)
				g.Expect(complaints).To(ContainSubstring("invalid_client"), language)
				g.Expect(out+complaints).NotTo(Or(ContainSubstring(present), ContainSubstring(coming)), language)
			}
		})
	}
}

func TestWhatIsNotMountedIsTold(t *testing.T) {
	s := newScene(t)
	for language, l := range languages(t, s.ca) {
		_, complaints, err := l.token(t.Context(), t.TempDir())
		g := NewWithT(t)
		g.Expect(err).To(HaveOccurred(), language)
		g.Expect(complaints).To(ContainSubstring("client_id"), language)
	}
}

// The Go client is a library as well: it follows refreshes within one process, from many goroutines.
func TestTheTokenSourceFollowsTheMountedDirectory(t *testing.T) {
	g := NewWithT(t)
	s := newScene(t)
	t.Setenv("SSL_CERT_FILE", s.ca)
	dir := t.TempDir()
	g.Expect(mount(dir, 1, s.files(id, present, ""))).To(Succeed())
	source := credentials.TokenSource(t.Context(), dir)
	first, err := source.Token()
	g.Expect(err).NotTo(HaveOccurred())
	again, err := source.Token()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.AccessToken).To(Equal(first.AccessToken), "it is kept until it expires")
	g.Expect(time.Until(first.Expiry)).To(BeNumerically(">", 10*time.Minute))

	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var swapping, asking sync.WaitGroup
	swapping.Go(func() { // the two pairs of Alternate, both of which work
		for n := 2; ctx.Err() == nil; n++ {
			g.Expect(mount(dir, n, s.files([]string{id, other}[n%2], present, ""))).To(Succeed())
		}
	})
	for range 4 {
		asking.Go(func() {
			for ctx.Err() == nil {
				_, err := credentials.TokenSource(t.Context(), dir).Token()
				g.Expect(err).NotTo(HaveOccurred())
			}
		})
	}
	asking.Wait()
	swapping.Wait()
}
