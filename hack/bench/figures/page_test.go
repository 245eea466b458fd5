package figures

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const docs = "../../../docs"

// edited are the files of a documentation that are not what its figures make of them.
func edited(t *testing.T, docs string) (names []string) {
	t.Helper()
	files, err := made(docs)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1+len(pictures) {
		t.Fatalf("%d files are made", len(files))
	}
	for name, want := range files {
		if have, err := os.ReadFile(filepath.Join(docs, name)); err != nil || string(have) != want {
			names = append(names, name)
		}
	}
	return names
}

func TestThePageIsMadeOfItsFigures(t *testing.T) {
	for _, name := range edited(t, docs) {
		t.Errorf("docs/%s is not what docs/performance.json makes of it: run `make bench-plots`", name)
	}
	text, err := os.ReadFile(filepath.Join(docs, page))
	if err != nil {
		t.Fatal(err)
	}
	for name := range pictures {
		if file := fmt.Sprintf(picture, name); !strings.Contains(string(text), "]("+file+")") {
			t.Errorf("the page does not show %s", file)
		}
	}
}

// The check of the page can fail.
func TestEditsByHandAreFound(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "images"), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := sample(t).Write(filepath.Join(dir, data)); err != nil {
		t.Fatal(err)
	}
	write(page, "# A page\n"+begin+"old\n"+end+"The end\n")
	if names := edited(t, dir); len(names) != 1+len(pictures) {
		t.Errorf("before it was published, only %v differ", names)
	}
	if err := Publish(dir); err != nil {
		t.Fatal(err)
	}
	if names := edited(t, dir); len(names) > 0 {
		t.Errorf("just published, %v differ", names)
	}
	text, err := os.ReadFile(filepath.Join(dir, page))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(text); strings.Contains(s, "old") || !strings.HasPrefix(s, "# A page\n") || !strings.HasSuffix(s, end+"The end\n") {
		t.Errorf("the page became %s", s)
	}
	write(page, strings.Replace(string(text), "| 1.10 x |", "| 1.01 x |", 1))
	write("images/performance-growth.svg", "<svg/>")
	if names := edited(t, dir); len(names) != 2 {
		t.Errorf("of two edits, %v were found", names)
	}
	write(page, "# A page\n")
	if err := Publish(dir); err == nil {
		t.Error("a page without a place for the tables was written")
	}
}

func TestPicturesAreWellFormed(t *testing.T) {
	for name, draw := range pictures {
		decoder, elements := xml.NewDecoder(strings.NewReader(draw(sample(t)))), 0
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			elements++
			for _, a := range start.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s: %s has %s=%q", name, start.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
		if elements < 20 {
			t.Errorf("%s has only %d elements", name, elements)
		}
	}
}
