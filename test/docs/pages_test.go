// Package docs keeps the documentation and the code together.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// pages are all Markdown pages of the repository, relative to its root.
func pages(t *testing.T) []string {
	t.Helper()
	var pages []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && relative != "." && (strings.HasPrefix(d.Name(), ".") || relative == "bin" || relative == "build") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, relative)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 15 {
		t.Fatalf("found only %d pages", len(pages))
	}
	return pages
}

func parsed(t *testing.T, path string) page {
	t.Helper()
	p, err := parse(read(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return p
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
