package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	bridge = "cni0"
	// podRange holds the addresses of Pods, Address and its network.
	podRange      = "10.244.0.0/24"
	bridgeAddress = Address + "/24"
	serviceRoute  = "10.96.0.0/24"  // controlplane.ServiceRange
	scratch       = "/run/scratch"  // in the private /run
	copies        = "/run/tunables" // the same

	settings        = "/proc/sys"
	networkSettings = settings + "/net"
)

// tunables are settings of the whole machine that kubelet changes.
var tunables = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

// beInit is the first process in the namespaces: it prepares them, runs the tests and reaps every process whose parent has ended.
func beInit() (int, error) {
	signals := catchSignals()
	if err := prepareNamespaces(); err != nil {
		return 0, err
	}
	cmd := again(testRole, "TMPDIR="+scratch)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting the tests: %w", err)
	}
	go forward(signals, cmd.Process)
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, fmt.Errorf("waiting for the tests: %w", err)
		case pid == cmd.Process.Pid && status.Signaled():
			return 0, fmt.Errorf("the tests ended by a signal: %s", status.Signal())
		case pid == cmd.Process.Pid && status.Exited():
			return status.ExitStatus(), nil
		}
	}
}

func prepareNamespaces() error {
	if err := prepareMounts(); err != nil {
		return fmt.Errorf("preparing the mounts of the namespace: %w", err)
	}
	if err := prepareNetwork(); err != nil {
		return fmt.Errorf("preparing the network of the namespace: %w", err)
	}
	return nil
}

// prepareMounts gives the namespace its own /proc, a /run in memory, and a /var whose changes are kept there, too; so nothing
// that containerd and kubelet write outlives the namespace. The rest of the file system is the machine's.
func prepareMounts() error {
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}{
		{target: "/", flags: unix.MS_REC | unix.MS_PRIVATE},
		{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"},
	} {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mounting %s: %w", m.target, err)
		}
	}
	for _, dir := range []string{scratch, "/run/lock", "/run/var/upper", "/run/var/work"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("overlay", "/var", "overlay", 0, "lowerdir=/var,upperdir=/run/var/upper,workdir=/run/var/work"); err != nil {
		return fmt.Errorf("mounting /var: %w", err)
	}
	return hideTunables()
}

// hideTunables puts a file of the same content over each tunable, which kubelet then changes instead.
func hideTunables() error {
	for _, name := range tunables {
		path, copied := filepath.Join(settings, name), filepath.Join(copies, name)
		value, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(copied, value, 0o644); err != nil {
			return err
		}
		if err := unix.Mount(copied, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("hiding %s: %w", path, err)
		}
	}
	return nil
}

// prepareNetwork makes the bridge that Pods will be connected to, and lets packets pass between them and Services.
func prepareNetwork() error {
	for _, args := range []string{
		"link set lo up",
		"link add " + bridge + " type bridge",
		"address add " + bridgeAddress + " dev " + bridge,
		"link set " + bridge + " up",
		"route add " + serviceRoute + " dev " + bridge, // kube-proxy sends the packets elsewhere; without a route there are none
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil { //nolint:noctx // local and short
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
	}
	for _, setting := range []string{"ipv4/ip_forward", bridgeFilter} {
		if err := os.WriteFile(filepath.Join(networkSettings, setting), []byte("1"), 0o644); err != nil {
			return err
		}
	}
	return nil
}
