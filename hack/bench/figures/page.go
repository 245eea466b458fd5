package figures

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The page and its parts, in the directory of the documentation.
const (
	data    = "performance.json"
	page    = "performance.md"
	picture = "images/performance-%s.svg"
	// What is between these lines of the page is made here.
	begin = "<!-- bench begin -->\n"
	end   = "<!-- bench end -->\n"
)

// Read reads a report.
func Read(path string) (*Report, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the figures: %w", err)
	}
	var r Report
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("reading the figures of %s: %w", path, err)
	}
	return &r, nil
}

// Write writes a report.
func (r *Report) Write(path string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	if err := os.WriteFile(path, append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	return nil
}

// Publish writes the tables of the page and its pictures from the figures beside it.
func Publish(docs string) error {
	files, err := made(docs)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(docs, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("writing the page: %w", err)
		}
	}
	return nil
}

// made is what the page and its pictures have to be, by file.
func made(docs string) (map[string]string, error) {
	r, err := Read(filepath.Join(docs, data))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(docs, page))
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return nil, errors.New("the page lacks the lines between which its tables belong")
	}
	files := map[string]string{page: before + begin + "\n" + r.markdown() + "\n" + end + after}
	for name, draw := range pictures {
		files[fmt.Sprintf(picture, name)] = draw(r)
	}
	return files, nil
}
