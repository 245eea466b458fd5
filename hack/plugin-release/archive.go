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
	// Bin is the file that is the program, Files are all that are in it.
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
	a := archive{
		platform: p, revision: built.revision, Bin: "kubectl-trustedapp",
		Name: fmt.Sprintf("kubectl-trustedapp_%s_%s_%s.tar.gz", r.Version, p.OS, p.Arch),
	}
	// In the order of their names.
	files := []file{{"LICENSE", 0o644, licence}, {a.Bin, 0o755, built.content}, {"kubectl_complete-trustedapp", 0o755, completion}}
	write := tarball
	if p.OS == "windows" { // which has no sh for the completion, and opens a .zip by itself
		a.Bin += ".exe"
		a.Name = fmt.Sprintf("kubectl-trustedapp_%s_%s_%s.zip", r.Version, p.OS, p.Arch)
		files = []file{{"LICENSE", 0o644, licence}, {a.Bin, 0o755, built.content}}
		write = zipped
	}
	for _, f := range files {
		a.Files = append(a.Files, f.name)
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
