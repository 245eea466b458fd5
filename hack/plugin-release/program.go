package main

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

// platform is an operating system and an architecture, such as linux/amd64.
type platform struct{ OS, Arch string }

func parsePlatform(s string) (platform, error) {
	system, arch, ok := strings.Cut(s, "/")
	if !ok || system == "" || arch == "" || strings.Contains(arch, "/") {
		return platform{}, fmt.Errorf("reading the platform %q: it is not of the form os/arch, such as linux/amd64", s)
	}
	return platform{OS: system, Arch: arch}, nil
}

// program is the plugin, built for a platform.
type program struct {
	content []byte
	// revision is the commit that it was built from, created the time of that. Go finds none where .git is no directory, as in a worktree.
	revision string
	created  time.Time
}

// earliest is the first time that a .zip can tell.
var earliest = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// compile builds the plugin for a platform as `make plugin` does, and shows how far it is. The Go toolchain stamps the commit into it.
func compile(ctx context.Context, p platform) (program, error) {
	if err := os.MkdirAll("build", 0o755); err != nil {
		return program{}, fmt.Errorf("making the directory: %w", err)
	}
	scratch, err := os.MkdirTemp("build", "plugin-release-")
	if err != nil {
		return program{}, fmt.Errorf("making the directory: %w", err)
	}
	defer os.RemoveAll(scratch)
	path := filepath.Join(scratch, p.OS+"-"+p.Arch)
	command := exec.CommandContext(ctx, "hack/build-binary.sh", ".", "./hack/kubectl-trustedapp", path, "-buildvcs=true", "-ldflags", "-s -w")
	// What would change the result is set, not inherited.
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOWORK=off",
		"GOOS="+p.OS, "GOARCH="+p.Arch)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return program{}, fmt.Errorf("building for %s/%s: %w", p.OS, p.Arch, err)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return program{}, fmt.Errorf("reading what was built: %w", err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	built := program{revision: "unknown", created: earliest}
	if revision := settings["vcs.revision"]; revision != "" {
		built.revision = revision
		if settings["vcs.modified"] == "true" {
			built.revision += "-modified"
		}
		if built.created, err = time.Parse(time.RFC3339, settings["vcs.time"]); err != nil {
			return program{}, fmt.Errorf("reading the time of the commit: %w", err)
		}
	}
	if built.content, err = os.ReadFile(path); err != nil {
		return program{}, fmt.Errorf("reading what was built: %w", err)
	}
	return built, nil
}
