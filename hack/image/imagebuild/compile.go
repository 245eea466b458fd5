// Package imagebuild makes container images around static Go programs, without a container engine. The same commit, Go version and
// platform give the same image to the last bit, wherever and whenever it is built.
package imagebuild

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Program says what to build an image of.
type Program struct {
	// Dir is the directory of the Go module, in a git checkout.
	Dir string
	// Package is the main package, relative to Dir, such as "." or "./cmd/x".
	Package string
	// Name is the name of the image, without a tag.
	Name string
	// Binary is the name of the program in the image, which is its entry point: /Binary.
	Binary string
	// Title and Description are for the labels of the image.
	Title, Description string
}

// Binary is a program that was built.
type Binary struct {
	// Path is where it is.
	Path string
	// Platform is that which it runs on.
	Platform Platform
	// Info is what the Go toolchain wrote into it.
	Info *buildinfo.BuildInfo
}

// Platform is an operating system and an architecture, such as linux/amd64.
type Platform struct{ OS, Arch string }

// ParsePlatform reads "os/arch".
func ParsePlatform(s string) (Platform, error) {
	os, arch, ok := strings.Cut(s, "/")
	if !ok || os == "" || arch == "" || strings.Contains(arch, "/") {
		return Platform{}, fmt.Errorf("reading the platform %q: it is not of the form os/arch, such as linux/amd64", s)
	}
	return Platform{OS: os, Arch: arch}, nil
}

// Flags are those of every build of a program that ships; the Makefile and the Dockerfile use the same, see the test of this module.
var Flags = []string{"-trimpath", "-ldflags=-s -w"}

// Compile builds the program for a platform into a directory. The commit is stamped into it by the Go toolchain.
func Compile(ctx context.Context, p Program, platform Platform, into string) (Binary, error) {
	path, err := filepath.Abs(filepath.Join(into, p.Binary+"-"+platform.OS+"-"+platform.Arch))
	if err != nil {
		return Binary{}, fmt.Errorf("building %s: %w", p.Binary, err)
	}
	args := append([]string{"build", "-buildvcs=true", "-o", path}, Flags...)
	command := exec.CommandContext(ctx, "go", append(args, p.Package)...)
	command.Dir = p.Dir
	// What would change the result is set, not inherited.
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOWORK=off",
		"GOOS="+platform.OS, "GOARCH="+platform.Arch)
	if out, err := command.CombinedOutput(); err != nil {
		return Binary{}, fmt.Errorf("building %s for %s/%s: %w: %s", p.Binary, platform.OS, platform.Arch, err, out)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return Binary{}, fmt.Errorf("reading what was built: %w", err)
	}
	return Binary{Path: path, Platform: platform, Info: info}, nil
}

// Revision is the commit that the program was built from; "" where it was not built in a git checkout. A tree with changes that were
// not committed says so.
func (b Binary) Revision() string {
	revision := b.setting("vcs.revision")
	if revision != "" && b.setting("vcs.modified") == "true" {
		return revision + "-modified"
	}
	return revision
}

// Created is the time of that commit; the zero time of Unix where there is none.
func (b Binary) Created() time.Time {
	t, err := time.Parse(time.RFC3339, b.setting("vcs.time"))
	if err != nil {
		return time.Unix(0, 0).UTC()
	}
	return t.UTC()
}

func (b Binary) setting(key string) string {
	for _, s := range b.Info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
