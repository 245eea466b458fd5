package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// archive is what is downloaded for one platform.
type archive struct {
	platform
	Name string
	// Bin is the file that is the program, Files are all that are in it, in the order of their names.
	Bin      string
	Files    []string
	content  []byte
	revision string
}

// Sum is the checksum in the manifest.
func (a archive) Sum() string {
	sum := sha256.Sum256(a.content)
	return hex.EncodeToString(sum[:])
}

// file is one of an archive.
type file struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// archive is that of a platform, still empty.
func (r release) archive(p platform) archive {
	name := fmt.Sprintf("kubectl-trustedapp_%s_%s_%s", r.Version, p.OS, p.Arch)
	if p.OS == "windows" { // which has no sh for the completion, and opens a .zip by itself
		return archive{platform: p, Name: name + ".zip", Bin: "kubectl-trustedapp.exe", Files: []string{"LICENSE", "kubectl-trustedapp.exe"}}
	}
	return archive{
		platform: p, Name: name + ".tar.gz", Bin: "kubectl-trustedapp",
		Files: []string{"LICENSE", "kubectl-trustedapp", "kubectl_complete-trustedapp"},
	}
}

// pack builds the plugin for a platform, and packs it.
func (r release) pack(ctx context.Context, p platform) (archive, error) {
	built, err := compile(ctx, p)
	if err != nil {
		return archive{}, err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return archive{}, fmt.Errorf("reading the licence: %w", err)
	}
	completion, err := os.ReadFile("hack/kubectl-trustedapp/kubectl_complete-trustedapp")
	if err != nil {
		return archive{}, fmt.Errorf("reading the program for completion: %w", err)
	}
	a := r.archive(p)
	a.revision = built.revision
	write := tarball
	if p.OS == "windows" {
		write = zipped
	}
	var files []file
	for _, name := range a.Files {
		f := file{name: name, mode: 0o755, content: built.content}
		switch name {
		case "LICENSE":
			f.mode, f.content = 0o644, licence
		case "kubectl_complete-trustedapp":
			f.content = completion
		}
		files = append(files, f)
	}
	a.content, err = write(files, built.created)
	return a, err
}

// tarball packs files; nothing of the machine, its user or the time gets into it.
func tarball(files []file, created time.Time) ([]byte, error) {
	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("writing the archive: %w", err)
	}
	w := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.content)), Mode: int64(f.mode), ModTime: created, Format: tar.FormatUSTAR,
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("writing the archive: %w", err)
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, fmt.Errorf("writing the archive: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("writing the archive: %w", err)
	}
	if err := compressed.Close(); err != nil {
		return nil, fmt.Errorf("writing the archive: %w", err)
	}
	return out.Bytes(), nil
}

// zipped is tarball for Windows. A .zip has the time of a zone.
func zipped(files []file, created time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: created.UTC()}
		header.SetMode(f.mode)
		entry, err := w.CreateHeader(header)
		if err != nil {
			return nil, fmt.Errorf("writing the archive: %w", err)
		}
		if _, err := entry.Write(f.content); err != nil {
			return nil, fmt.Errorf("writing the archive: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("writing the archive: %w", err)
	}
	return out.Bytes(), nil
}
