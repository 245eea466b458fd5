package node

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

// Image is an image of one layer, for programs of tests.
type Image struct {
	// Name with tag, for example localhost/client:test.
	Name string
	// Entrypoint of a container.
	Entrypoint []string
	// User of a container, as in a Dockerfile. Empty: root.
	User string
	// Files maps each absolute path in the image to the file of the machine that has its content. All are executable.
	Files map[string]string
}

// WriteImage writes a docker-archive for ImportImage.
func WriteImage(archive string, image Image) error {
	layer, err := image.layer()
	if err != nil {
		return fmt.Errorf("making the layer of %s: %w", image.Name, err)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": image.Entrypoint, "User": image.User},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{image.Name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	for _, file := range []struct {
		name    string
		content []byte
	}{{"manifest.json", manifest}, {"config.json", config}, {"layer.tar", layer}} {
		if err := writeFile(w, file.name, 0o644, file.content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := os.WriteFile(archive, content.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing image %s: %w", image.Name, err)
	}
	return nil
}

func (i Image) layer() ([]byte, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	made := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(i.Files)) {
		content, err := os.ReadFile(i.Files[name])
		if err != nil {
			return nil, err
		}
		inside := strings.TrimPrefix(path.Clean(name), "/")
		if err := writeDirs(w, path.Dir(inside), made); err != nil {
			return nil, err
		}
		if err := writeFile(w, inside, 0o755, content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return layer.Bytes(), err
}

// writeDirs writes a directory and those above it, each once.
func writeDirs(w *tar.Writer, dir string, made map[string]bool) error {
	if dir == "." || made[dir] {
		return nil
	}
	if err := writeDirs(w, path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755})
}

func writeFile(w *tar.Writer, name string, mode int64, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
