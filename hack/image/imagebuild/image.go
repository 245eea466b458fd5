package imagebuild

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// User is the numeric user and group that programs run as: a name would need /etc/passwd, and runAsNonRoot needs a number.
const User = "65532:65532"

// Image makes the image of a program: one layer with one file, for a user without rights.
func Image(p Program, b Binary) (v1.Image, error) {
	content, err := os.ReadFile(b.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the program: %w", err)
	}
	archive, err := archive(p.Binary, content, b)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, fmt.Errorf("making the layer: %w", err)
	}
	image := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{
		CreatedBy: "COPY " + p.Binary + " /" + p.Binary, Created: v1.Time{Time: b.Created()},
	}})
	if err != nil {
		return nil, fmt.Errorf("adding the layer: %w", err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = b.Platform.OS, b.Platform.Arch, v1.Time{Time: b.Created()}
	file.Config = v1.Config{User: User, Entrypoint: []string{"/" + p.Binary}, WorkingDir: "/", Labels: labels(p, b)}
	return mutate.ConfigFile(image, file)
}

// labels are those of the OCI image specification, https://github.com/opencontainers/image-spec/blob/main/annotations.md.
func labels(p Program, b Binary) map[string]string {
	out := map[string]string{
		"org.opencontainers.image.title":       p.Title,
		"org.opencontainers.image.description": p.Description,
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     b.Info.Main.Version,
	}
	if revision := b.Revision(); revision != "" {
		out["org.opencontainers.image.revision"] = revision
		out["org.opencontainers.image.created"] = b.Created().Format("2006-01-02T15:04:05Z")
	}
	return out
}

// archive is the tar file of the layer.
func archive(name string, content []byte, b Binary) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o555, ModTime: b.Created(), Format: tar.FormatPAX}
	if err := w.WriteHeader(header); err != nil {
		return nil, fmt.Errorf("writing the layer: %w", err)
	}
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("writing the layer: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("writing the layer: %w", err)
	}
	return out.Bytes(), nil
}

// WriteArchive writes an image as a file that `docker load` and `ctr images import` take, named NAME:TAG.
func WriteArchive(path, reference string, image v1.Image) error {
	tag, err := name.NewTag(reference, name.WithDefaultRegistry(""))
	if err != nil {
		return fmt.Errorf("naming the image: %w", err)
	}
	if err := tarball.WriteToFile(path, tag, image); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Index joins the images of several platforms.
func Index(images []v1.Image) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, image := range images {
		file, err := image.ConfigFile()
		if err != nil {
			return nil, fmt.Errorf("reading the configuration: %w", err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: file.OS, Architecture: file.Architecture}},
		})
	}
	return index, nil
}

// WriteLayout writes an index as an OCI image layout, replacing what is there.
func WriteLayout(dir string, index v1.ImageIndex) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing %s: %w", dir, err)
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	if err := path.AppendIndex(index); err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	return nil
}
