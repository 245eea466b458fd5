package imagebuild

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// WriteSBOM writes what is in a program as a CycloneDX 1.6 document: the modules that were linked into it, with their versions and the
// hashes of go.sum. It is read from the program itself, so it cannot say anything else than what ships.
func WriteSBOM(w io.Writer, p Program, b Binary) error {
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: b.Created().Format("2006-01-02T15:04:05Z"),
		Component: &cdx.Component{
			BOMRef: p.Name, Type: cdx.ComponentTypeContainer, Name: p.Name, Version: b.Info.Main.Version,
			Properties: &[]cdx.Property{{Name: "vcs.revision", Value: b.Revision()}, {Name: "platform", Value: b.Platform.OS + "/" + b.Platform.Arch}},
		},
	}
	goVersion := strings.TrimPrefix(b.Info.GoVersion, "go")
	components := []cdx.Component{component("std", goVersion), component(b.Info.Main.Path, b.Info.Main.Version)}
	for _, module := range b.Info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		components = append(components, withHash(component(module.Path, module.Version), module))
	}
	bom.Components = &components
	encoder := cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON)
	if err := encoder.SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return fmt.Errorf("writing the bill of materials: %w", err)
	}
	return nil
}

func component(path, version string) cdx.Component {
	purl := "pkg:golang/" + path + "@" + version
	return cdx.Component{BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: purl}
}

// withHash notes the h1 hash of go.sum, which is none of CycloneDX's own kinds.
func withHash(c cdx.Component, module *debug.Module) cdx.Component {
	if module.Sum != "" {
		c.Properties = &[]cdx.Property{{Name: "go.sum", Value: module.Sum}}
	}
	return c
}
