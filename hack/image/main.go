// Command image builds the container image of a program of this repository without a container engine. It writes
//
//	DIR/NAME.tar            the image of this machine's architecture, for `docker load` or `ctr images import`
//	DIR/NAME-oci/           an OCI image layout with all platforms, to push with crane, skopeo or oras
//	DIR/NAME-sbom-ARCH.json what is in it, as CycloneDX
//
// and prints the digests. `make image` runs it for the operator.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"trustedapps.dev/operator/hack/image/imagebuild"
)

func main() {
	var p imagebuild.Program
	var out, tag, platforms string
	flag.StringVar(&p.Dir, "module", ".", "The directory of the Go module.")
	flag.StringVar(&p.Package, "package", ".", "The main package, relative to the module.")
	flag.StringVar(&p.Name, "name", "trustedapp-operator", "The name of the image.")
	flag.StringVar(&p.Binary, "binary", "manager", "The name of the program in the image.")
	flag.StringVar(&p.Title, "title", "trustedapp operator", "The title, for a label.")
	flag.StringVar(&p.Description, "description", "Registers TrustedApplications at ERP.net identity servers", "The description, for a label.")
	flag.StringVar(&out, "out", "build/image", "The directory to write to.")
	flag.StringVar(&tag, "tag", "dev", "The tag in NAME.tar.")
	flag.StringVar(&platforms, "platforms", "linux/amd64,linux/arm64", "The platforms, separated by commas; the first that fits this machine is in NAME.tar.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, p, out, tag, strings.Split(platforms, ","))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, p imagebuild.Program, out, tag string, platforms []string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	var images []v1.Image
	archived := false
	for _, wanted := range platforms {
		platform, err := imagebuild.ParsePlatform(wanted)
		if err != nil {
			return err
		}
		image, err := build(ctx, p, platform, out)
		if err != nil {
			return err
		}
		images = append(images, image)
		if platform.OS == "linux" && platform.Arch == runtime.GOARCH && !archived {
			archived = true
			reference, path := p.Name+":"+tag, filepath.Join(out, p.Name+".tar")
			if err := imagebuild.WriteArchive(path, reference, image); err != nil {
				return err
			}
			fmt.Printf("  %s holds %s\n", path, reference)
		}
	}
	index, err := imagebuild.Index(images)
	if err != nil {
		return err
	}
	path := filepath.Join(out, p.Name+"-oci")
	if err := imagebuild.WriteLayout(path, index); err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return fmt.Errorf("reading the digest: %w", err)
	}
	fmt.Printf("  %s holds all platforms: %s\n", path, digest)
	return nil
}

// build builds the image of one platform, and its bill of materials.
func build(ctx context.Context, p imagebuild.Program, platform imagebuild.Platform, out string) (v1.Image, error) {
	binary, err := imagebuild.Compile(ctx, p, platform, out)
	if err != nil {
		return nil, err
	}
	image, err := imagebuild.Image(p, binary)
	if err != nil {
		return nil, err
	}
	sbom, err := os.Create(filepath.Join(out, p.Name+"-sbom-"+platform.Arch+".json"))
	if err != nil {
		return nil, fmt.Errorf("writing the bill of materials: %w", err)
	}
	if err := imagebuild.WriteSBOM(sbom, p, binary); err != nil {
		return nil, err
	}
	if err := sbom.Close(); err != nil {
		return nil, fmt.Errorf("writing the bill of materials: %w", err)
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading the digest: %w", err)
	}
	size, err := image.Size()
	if err != nil {
		return nil, fmt.Errorf("reading the size: %w", err)
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the layers: %w", err)
	}
	for _, layer := range layers {
		n, err := layer.Size()
		if err != nil {
			return nil, fmt.Errorf("reading the size: %w", err)
		}
		size += n
	}
	fmt.Printf("  %s/%s: %s, %.1f MB compressed, commit %s\n", platform.OS, platform.Arch, digest, float64(size)/1e6, binary.Revision())
	return image, nil
}
