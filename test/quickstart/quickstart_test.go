// Package quickstart holds no code: its test does on a real node what the README's quick start says, to the letter, and wants a token.
package quickstart

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/node"
)

const root = "../.."

// limit is the longest that all of it may take on a busy machine, with the building of two images.
const limit = 10 * time.Minute

func TestMain(m *testing.M) { os.Exit(node.Run(m)) }

func TestTheReadmeLeadsToAToken(t *testing.T) {
	switch reason := node.Available(t.Context()); {
	case reason == nil:
	case node.Required():
		t.Fatalf("no node can run here, but %s=1: %s", node.RequiredVariable, reason)
	default:
		fmt.Println("NO NODE: the quick start was not tried:", reason)
		t.Skip("no node can run here: ", reason)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	build, images, rest, output := quickstart(t)

	plane, err := controlplane.Start(ctx, controlplane.Options{NodeAddress: node.Address})
	if err != nil {
		t.Fatal(err)
	}
	running, err := node.Start(ctx, plane, node.Options{})
	if err == nil {
		err = try(ctx, t, plane, running, build, images, rest, output)
		err = errors.Join(err, running.Stop())
	}
	if err := errors.Join(err, plane.Stop()); err != nil {
		t.Fatal(err)
	}
}

// try runs the commands and looks for the output that the README shows.
func try(ctx context.Context, t *testing.T, plane *controlplane.ControlPlane, running *node.Node, build, images, rest, output []string) error {
	t.Helper()
	if out, err := bash(ctx, plane.Kubeconfig, build); err != nil {
		return fmt.Errorf("building: %w\n%s", err, out)
	}
	for _, image := range images {
		if err := running.ImportImage(ctx, filepath.Join(root, image)); err != nil {
			return err
		}
	}
	started := time.Now()
	out, err := bash(ctx, plane.Kubeconfig, rest)
	if err != nil {
		return fmt.Errorf("following the quick start: %w\n%s", err, redacted(out))
	}
	t.Logf("a token %.0f s after the images were there", time.Since(started).Seconds())
	for _, line := range output {
		for part := range strings.SplitSeq(line, "...") { // what the README leaves out
			if !strings.Contains(out, part) {
				t.Errorf("the README shows %q, which is not in the output:\n%s", part, redacted(out))
			}
		}
	}
	return nil
}

// quickstart takes the commands from the README: those before the images are loaded, the images, those after, and the output that is shown.
// kind itself is not there; the images are imported into the node instead.
func quickstart(t *testing.T) (build, images, rest, output []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(content), "**In a cluster,**")
	section, _, ended := strings.Cut(section, "\n## ")
	var command []string
	inside := false
	for line := range strings.Lines(section) {
		line = strings.TrimSuffix(line, "\n")
		text, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
			continue
		case !inside:
			continue
		case isCommand:
			command = []string{text}
		case command != nil:
			command = append(command, line)
		default:
			output = append(output, line)
			continue
		}
		if last := command[len(command)-1]; strings.HasSuffix(last, `\`) || strings.HasSuffix(last, "|") {
			continue // goes on in the next line
		}
		whole := strings.Join(command, "\n")
		command = nil
		switch image, loads := strings.CutPrefix(whole, "kind load image-archive "); {
		case loads:
			images = append(images, image)
		case images == nil:
			build = append(build, whole)
		default:
			rest = append(rest, whole)
		}
		if strings.HasSuffix(whole, "&") { // a person is slower than the port-forward
			rest = append(rest, "until (exec 3<>/dev/tcp/127.0.0.1/8443) 2>/dev/null; do kill -0 $!; sleep 0.1; done")
		}
	}
	if !ended || len(build) == 0 || len(images) != 2 || len(rest) < 5 || len(output) < 2 {
		t.Fatalf("the README's quick start is not as expected: %q, %q, %q, %q", build, images, rest, output)
	}
	return build, images, rest, output
}

// bash runs commands as one script, which ends at the first that fails, and all that it started with it.
func bash(ctx context.Context, kubeconfig string, commands []string) (string, error) {
	script := "set -euo pipefail\ntrap 'jobs -p | xargs -r kill' EXIT\n" + strings.Join(commands, "\n") + "\n"
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = root
	bin, err := filepath.Abs(filepath.Join(root, "bin"))
	if err != nil {
		return "", err
	}
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// redacted is output without the token.
func redacted(out string) string {
	before, after, found := strings.Cut(out, `"access_token":"`)
	if !found {
		return out
	}
	_, after, _ = strings.Cut(after, `"`)
	return before + `"access_token":"[redacted]"` + after
}
