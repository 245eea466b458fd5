package controlplane

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// AssetsDir is where Start finds the binaries unless Options says otherwise.
func AssetsDir() (string, error) { return assetsDir("") }

// assetsDir is where the binaries are: the given directory, else $KUBEBUILDER_ASSETS, else bin/ of this repository.
func assetsDir(given string) (string, error) {
	dir := given
	if dir == "" {
		dir = os.Getenv("KUBEBUILDER_ASSETS")
	}
	if dir == "" {
		root, err := repositoryRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "bin")
	}
	if _, err := os.Stat(filepath.Join(dir, "kube-apiserver")); err != nil {
		return "", fmt.Errorf("finding the control plane's binaries (`make controlplane` builds them): %w", err)
	}
	return filepath.Abs(dir)
}

// repositoryRoot walks up from the working directory: `go test` runs in the directory of the package.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module trustedapps.dev/operator\n")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the repository: no parent directory holds its go.mod; set KUBEBUILDER_ASSETS")
		}
		dir = parent
	}
}
