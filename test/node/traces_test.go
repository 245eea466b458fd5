package node_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/node"
)

// asOther makes this test binary start a node with a Pod, tell so, and end in one of the ways of TestTheEndLeavesNoTrace.
const asOther = "NODE_TEST_OTHER"

// The node's own names of the variables, which a test binary that starts afresh must not have.
const (
	roleVariable   = "TRUSTEDAPP_NODE_ROLE"
	cgroupVariable = "TRUSTEDAPP_NODE_CGROUP"
)

func TestStopLeavesNoTrace(t *testing.T) {
	skipWithoutNode(t)
	g := NewWithT(t)
	before := takeTraces(t)
	for range 2 { // a second node finds nothing of the first in its way
		stop, err := startWithPod(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		during := takeTraces(t)
		g.Expect(stop()).To(Succeed())
		after := takeTraces(t)
		for _, kind := range []string{"mounts", "cgroups", "processes", "links", "scratch"} {
			g.Expect(len(during[kind])).To(BeNumerically(">", len(before[kind])), "the test would not notice what is left of: "+kind)
			g.Expect(after[kind]).To(Equal(before[kind]), kind)
		}
	}
}

// TestTheEndLeavesNoTrace runs this test binary as `go test` does, and compares all that can be seen around it before and after.
func TestTheEndLeavesNoTrace(t *testing.T) {
	skipWithoutNode(t)
	for _, c := range []struct {
		name string
		end  func(g Gomega, first *os.Process, test int)
	}{
		{"the tests exit without stopping the node", func(Gomega, *os.Process, int) {}},
		{"the first process is killed", func(g Gomega, first *os.Process, _ int) { g.Expect(first.Kill()).To(Succeed()) }},
		{"the first process is told to end", func(g Gomega, first *os.Process, _ int) {
			g.Expect(first.Signal(syscall.SIGTERM)).To(Succeed())
		}},
		{"the tests are killed", func(g Gomega, _ *os.Process, test int) {
			process, err := os.FindProcess(test)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(process.Kill()).To(Succeed())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			before := takeTraces(t)
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(withoutRole(), asOther+"=1")
			cmd.Stderr = os.Stderr
			stdin, err := cmd.StdinPipe()
			g.Expect(err).NotTo(HaveOccurred())
			stdout, err := cmd.StdoutPipe()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(cmd.Start()).To(Succeed())
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			line, err := bufio.NewReader(stdout).ReadString('\n')
			g.Expect(err).NotTo(HaveOccurred(), "it ended before its node was ready")
			inner, err := strconv.Atoi(strings.TrimSpace(line))
			g.Expect(err).NotTo(HaveOccurred(), line)
			during := takeTraces(t)
			g.Expect(len(during["cgroups"])).To(BeNumerically(">", len(before["cgroups"])))
			g.Expect(len(during["processes"])).To(BeNumerically(">", len(before["processes"])+10))
			for _, kind := range []string{"mounts", "links", "files", "scratch", "tunables"} {
				g.Expect(during[kind]).To(Equal(before[kind]), "not even for a moment: "+kind)
			}

			c.end(g, cmd.Process, outside(g, inner))
			g.Expect(stdin.Close()).To(Succeed()) // lets it exit if it still runs
			_ = cmd.Wait()                        // each way to end has another result
			g.Eventually(func(g Gomega) {
				for kind, want := range before {
					g.Expect(takeTraces(t)[kind]).To(Equal(want), kind)
				}
			}, longEnough, "100ms").Should(Succeed())
		})
	}
}

// other is what the test binary runs instead of tests if asOther is set.
type other struct{}

// Run starts a node with a Pod, tells its process id, and waits for the end of its input.
func (other) Run() int {
	if _, err := startWithPod(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(os.Getpid())
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// startWithPod starts a control plane and a node that runs a Pod.
func startWithPod(ctx context.Context) (stop func() error, err error) {
	plane, err := controlplane.Start(ctx, controlplane.Options{NodeAddress: node.Address})
	if err != nil {
		return nil, err
	}
	started, err := node.Start(ctx, plane, node.Options{})
	if err != nil {
		return nil, err
	}
	clients := kubernetes.NewForConfigOrDie(plane.RESTConfig)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pause"}, Spec: corev1.PodSpec{
		AutomountServiceAccountToken: new(true),
		Containers:                   []corev1.Container{{Name: "pause", Image: "localhost/pause:node", ImagePullPolicy: corev1.PullNever}},
	}}
	g := NewGomega(func(message string, _ ...int) { err = fmt.Errorf("%s", message) })
	g.Eventually(func() error { // the ServiceAccount is still to be made
		_, err := clients.CoreV1().Pods("default").Create(ctx, pod, metav1.CreateOptions{})
		return err
	}, longEnough, "50ms").Should(Succeed())
	g.Eventually(func() (corev1.PodPhase, error) {
		pod, err := clients.CoreV1().Pods("default").Get(ctx, "pause", metav1.GetOptions{})
		return pod.Status.Phase, err
	}, longEnough, "50ms").Should(Equal(corev1.PodRunning))
	return func() error {
		if err := started.Stop(); err != nil {
			return err
		}
		return plane.Stop()
	}, err
}

func withoutRole() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, roleVariable+"=") })
}

// outside finds the process id that a process of a namespace below this one has here.
func outside(g Gomega, inner int) int {
	statuses, err := filepath.Glob("/proc/[0-9]*/status")
	g.Expect(err).NotTo(HaveOccurred())
	for _, file := range statuses {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		for line := range strings.Lines(string(content)) {
			ids := strings.Fields(strings.TrimPrefix(line, "NSpid:"))
			if strings.HasPrefix(line, "NSpid:") && len(ids) == 2 && ids[1] == strconv.Itoa(inner) {
				id, err := strconv.Atoi(ids[0])
				g.Expect(err).NotTo(HaveOccurred())
				return id
			}
		}
	}
	g.Expect(inner).To(BeZero(), "no process has this id in a namespace below")
	return 0
}

// takeTraces lists what a node could leave behind, as seen from here.
func takeTraces(t *testing.T) map[string][]string {
	g := NewWithT(t)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	g.Expect(err).NotTo(HaveOccurred())
	links, err := exec.CommandContext(t.Context(), "ip", "-oneline", "-brief", "link").Output()
	g.Expect(err).NotTo(HaveOccurred())
	processes, err := filepath.Glob("/proc/[0-9]*")
	g.Expect(err).NotTo(HaveOccurred())
	traces := map[string][]string{
		"mounts": strings.Split(string(mounts), "\n"), "links": names(string(links)), "processes": processes,
		"scratch": entries(g, os.TempDir()), "files": nil, "cgroups": nil, "tunables": nil,
	}
	for _, dir := range []string{"/run", "/opt", "/etc/cni", "/usr/libexec/kubernetes", "/var/lib", "/var/log"} {
		traces["files"] = append(traces["files"], entries(g, dir)...)
	}
	hierarchies, err := filepath.Glob("/sys/fs/cgroup/*" + os.Getenv(cgroupVariable))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(hierarchies).NotTo(BeEmpty())
	for _, dir := range hierarchies {
		traces["cgroups"] = append(traces["cgroups"], directories(g, dir)...)
	}
	for _, name := range []string{"vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "net/netfilter/nf_conntrack_max"} {
		value, err := os.ReadFile("/proc/sys/" + name)
		g.Expect(err).NotTo(HaveOccurred())
		traces["tunables"] = append(traces["tunables"], name+"="+string(value))
	}
	return traces
}

// names are the first words of the lines.
func names(lines string) (found []string) {
	for line := range strings.Lines(lines) {
		found = append(found, strings.Fields(line)[0])
	}
	return found
}

// entries of a directory, which may not exist.
func entries(g Gomega, dir string) (found []string) {
	list, err := os.ReadDir(dir)
	if !os.IsNotExist(err) {
		g.Expect(err).NotTo(HaveOccurred())
	}
	for _, entry := range list {
		found = append(found, filepath.Join(dir, entry.Name()))
	}
	return found
}

// directories below dir, at any depth; one that has just gone is none.
func directories(g Gomega, dir string) (found []string) {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			found = append(found, path)
		}
		return nil
	})
	g.Expect(err).NotTo(HaveOccurred())
	return found
}
