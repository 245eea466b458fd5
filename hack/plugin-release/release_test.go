package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

func TestWrongInputIsRefusedBeforeTheBuild(t *testing.T) {
	right := release{Version: "v0.1.0", URL: "https://git.example.com/v0.1.0"}
	if err := right.check(); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []release{
		{Version: "", URL: right.URL},
		{Version: "0.1.0", URL: right.URL},
		{Version: "v0.1", URL: right.URL},
		{Version: "latest", URL: right.URL},
		{Version: right.Version, URL: ""},
		{Version: right.Version, URL: "downloads/v0.1.0"},
		{Version: right.Version, URL: "file:///downloads"},
	} {
		if err := run(t.Context(), wrong, t.TempDir(), nil); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
	for _, wrong := range []string{"", "linux", "linux/", "linux/arm/v7"} {
		if _, err := parsePlatform(wrong); err == nil {
			t.Errorf("the platform %q was taken", wrong)
		}
	}
}

func TestTheZoneOfTheMachineIsNotInAnArchive(t *testing.T) {
	here := time.Date(2026, 11, 28, 12, 0, 0, 0, time.FixedZone("", 7200))
	files := []file{{"LICENSE", 0o644, []byte("a licence")}, {"program", 0o755, []byte("a program")}}
	for name, write := range map[string]func([]file, time.Time) ([]byte, error){"tar.gz": tarball, "zip": zipped} {
		one, err := write(files, here)
		if err != nil {
			t.Fatal(err)
		}
		other, err := write(files, here.UTC())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("%s: the zone makes a difference", name)
		}
	}
}

func TestTheManifestNamesWhereTheArchiveOfEachPlatformIs(t *testing.T) {
	var archives []archive
	for _, name := range strings.Split(allPlatforms, ",") {
		p, err := parsePlatform(name)
		if err != nil {
			t.Fatal(err)
		}
		a := release{Version: "v0.1.0"}.archive(p)
		a.content = []byte(name)
		archives = append(archives, a)
	}
	// With and without the slash at its end.
	for _, url := range []string{"https://git.example.com/v0.1.0", "https://git.example.com/v0.1.0/"} {
		content, err := release{Version: "v0.1.0", URL: url}.manifest(archives)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Spec struct {
				Version, ShortDescription string
				Platforms                 []struct {
					Selector         struct{ MatchLabels struct{ OS, Arch string } }
					URI, Sha256, Bin string
				}
			}
		}
		if err := yaml.Unmarshal(content, &got); err != nil {
			t.Fatalf("%v\n%s", err, content)
		}
		if got.Spec.Version != "v0.1.0" || got.Spec.ShortDescription == "" || len(got.Spec.ShortDescription) > 50 || len(got.Spec.Platforms) != len(archives) {
			t.Fatalf("%s", content)
		}
		for i, p := range got.Spec.Platforms {
			if p.URI != strings.TrimSuffix(url, "/")+"/"+archives[i].Name || p.Sha256 != archives[i].Sum() || p.Bin != archives[i].Bin ||
				p.Selector.MatchLabels != struct{ OS, Arch string }(archives[i].platform) {
				t.Errorf("%+v", p)
			}
		}
	}
}
