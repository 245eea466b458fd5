package node_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/node"
)

func TestStartTellsWhyAPartFailed(t *testing.T) {
	skipWithoutNode(t)
	g := NewWithT(t)
	binaries, err := controlplane.AssetsDir()
	g.Expect(err).NotTo(HaveOccurred())
	assets := t.TempDir()
	for _, file := range entries(g, binaries) {
		g.Expect(os.Symlink(file, filepath.Join(assets, filepath.Base(file)))).To(Succeed())
	}
	kubelet := filepath.Join(assets, "kubelet")
	g.Expect(os.Remove(kubelet)).To(Succeed())
	g.Expect(os.WriteFile(kubelet, []byte("#!/bin/sh\necho the disk is on fire\nexit 3\n"), 0o700)).To(Succeed())
	plane, err := controlplane.Start(t.Context(), controlplane.Options{NodeAddress: node.Address, Assets: assets})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(plane.Stop()).To(Succeed()) })

	before := takeTraces(t)
	_, err = node.Start(t.Context(), plane, node.Options{})
	g.Expect(err).To(MatchError(And(ContainSubstring("starting kubelet"), ContainSubstring("exit status 3"),
		ContainSubstring("the disk is on fire"))))
	after := takeTraces(t)
	for _, kind := range []string{"mounts", "cgroups", "processes", "links", "scratch"} {
		g.Expect(after[kind]).To(Equal(before[kind]), kind)
	}
}

// TestWithoutANode runs this test binary where it finds no containerd.
func TestWithoutANode(t *testing.T) {
	for _, c := range []struct {
		name, required, want string
		ok                   bool
	}{
		{"the reason is printed", "", "NO NODE: no kubelet can run here: no", true},
		{"where a node is required, it is a failure", "1", "no node can run here, but REQUIRE_NODE=1: no", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNode$", "-test.v")
			cmd.Env = append(withoutRole(), "PATH="+t.TempDir(), node.RequiredVariable+"="+c.required)
			out, err := cmd.CombinedOutput()
			g.Expect(string(out)).To(ContainSubstring(c.want))
			if c.ok {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError("exit status 1"))
		})
	}
}
