package controlplane_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/test/controlplane"
)

// asParent makes this test binary start a control plane, print its process ids and wait to be killed.
const asParent = "CONTROLPLANE_TEST_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asParent); dir != "" {
		beParent(dir)
	}
	os.Exit(m.Run())
}

func TestStartTellsWhyAProcessFailed(t *testing.T) {
	g := NewWithT(t)
	assets, dir := t.TempDir(), filepath.Join(t.TempDir(), "plane")
	for _, name := range []string{"etcd", "kube-apiserver"} {
		script := "#!/bin/sh\necho the disk is on fire\nexit 3\n"
		g.Expect(os.WriteFile(filepath.Join(assets, name), []byte(script), 0o700)).To(Succeed())
	}
	_, err := controlplane.Start(t.Context(), controlplane.Options{Assets: assets, Dir: dir})
	g.Expect(err).To(MatchError(And(ContainSubstring("starting etcd"), ContainSubstring("exit status 3"),
		ContainSubstring("the disk is on fire"))))
}

func TestStartWithoutBinariesSaysHowToGetThem(t *testing.T) {
	_, err := controlplane.Start(t.Context(), controlplane.Options{Assets: t.TempDir()})
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("make controlplane")))
}

func TestAKilledParentLeavesNoProcess(t *testing.T) {
	g := NewWithT(t)
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), asParent+"="+t.TempDir())
	parent.Stderr = os.Stderr
	stdout, err := parent.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(parent.Start()).To(Succeed())
	t.Cleanup(func() { _ = parent.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	g.Expect(err).NotTo(HaveOccurred(), "the parent ended before its control plane was ready")

	var etcd, apiserver int
	_, err = fmt.Sscanf(strings.TrimSpace(line), "[%d %d]", &etcd, &apiserver)
	g.Expect(err).NotTo(HaveOccurred(), line)
	g.Expect(running(etcd) && running(apiserver)).To(BeTrue())

	g.Expect(parent.Process.Kill()).To(Succeed())
	g.Expect(parent.Wait()).To(MatchError(ContainSubstring("killed")))
	g.Eventually(func() bool { return ended(etcd) && ended(apiserver) }, patience, often).Should(BeTrue())
}

// ended tells whether a process has ended; where nobody reaps orphans, a zombie is one that has.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func beParent(dir string) {
	cp, err := controlplane.Start(context.Background(), controlplane.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(cp.PIDs())
	select {}
}
