// Package overlay compiles the operator with edits, in the place of checks that tests want to see the absence of.
package overlay

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Edit replaces a text in a file, which it has to hold once.
type Edit struct{ File, Old, New string }

// Write makes the file for `go build -overlay` in a directory. root is the repository.
func Write(dir, root string, edits []Edit) (path string, err error) {
	replaced := map[string]string{}
	for i, e := range edits {
		name := filepath.Join(root, e.File)
		source := name
		if earlier, ok := replaced[name]; ok {
			source = earlier
		}
		content, err := os.ReadFile(source)
		if err != nil {
			return "", fmt.Errorf("reading what is to be edited: %w", err)
		}
		if n := strings.Count(string(content), e.Old); n != 1 {
			return "", fmt.Errorf("what is to be replaced occurs %d times in %s: the edit has to follow the code", n, e.File)
		}
		replaced[name] = filepath.Join(dir, fmt.Sprintf("replaced%d.go", i))
		if err := os.WriteFile(replaced[name], []byte(strings.Replace(string(content), e.Old, e.New, 1)), 0o600); err != nil {
			return "", fmt.Errorf("writing the edit: %w", err)
		}
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": replaced})
	if err != nil {
		return "", fmt.Errorf("writing the overlay: %w", err)
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}
