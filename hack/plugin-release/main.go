// Command plugin-release makes a release of the plugin of kubectl, for krew and for people without it. It writes
//
//	DIR/kubectl-trustedapp_VERSION_OS_ARCH.tar.gz   the program for a platform, and the licence; .zip for Windows
//	DIR/SHA256SUMS                                  the checksums of the archives
//	DIR/trustedapp.yaml                             the manifest for krew
//
// The same commit, Go version, VERSION and URL give the same bytes, wherever and whenever. `make plugin-release` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
)

const allPlatforms = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64"

// release is what the archives and the manifest have in common.
type release struct {
	Version string
	// URL is where the archives will be, without their names.
	URL string
}

func main() {
	var r release
	var out, platforms string
	flag.StringVar(&r.Version, "version", "", "The version, such as v0.1.0.")
	flag.StringVar(&r.URL, "url", "", "The URL of the directory where the archives will be.")
	flag.StringVar(&out, "out", "build/krew", "The directory to write to.")
	flag.StringVar(&platforms, "platforms", allPlatforms, "The platforms, separated by commas.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, r, out, strings.Split(platforms, ","))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "plugin-release:", err)
		os.Exit(1)
	}
}

// check refuses what krew would refuse, before minutes are spent on builds.
func (r release) check() error {
	if _, err := version.ParseSemantic(r.Version); err != nil || !strings.HasPrefix(r.Version, "v") {
		return fmt.Errorf("the version %q is none for krew: it has to be of the form v0.1.0", r.Version)
	}
	if u, err := url.Parse(r.URL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return fmt.Errorf("%q is not the URL of a directory: where will the archives be?", r.URL)
	}
	return nil
}

func run(ctx context.Context, r release, out string, platforms []string) error {
	if err := r.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	var archives []archive
	var sums strings.Builder
	for _, name := range platforms {
		p, err := parsePlatform(name)
		if err != nil {
			return err
		}
		a, err := r.pack(ctx, p)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, a.Name), a.content, 0o644); err != nil {
			return fmt.Errorf("writing the archive: %w", err)
		}
		fmt.Printf("  %s: %.1f MB, commit %s\n", a.Name, float64(len(a.content))/1e6, a.revision)
		archives = append(archives, a)
		fmt.Fprintf(&sums, "%s  %s\n", a.Sum(), a.Name)
	}
	manifest, err := r.manifest(archives)
	if err != nil {
		return err
	}
	path := filepath.Join(out, "trustedapp.yaml")
	if err := errors.Join(os.WriteFile(path, manifest, 0o644), os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(sums.String()), 0o644)); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	fmt.Printf("  %s: %s for %d platforms\n", path, r.Version, len(archives))
	return nil
}
