package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"trustedapps.dev/operator/test/controlplane"
)

// RequiredVariable is the environment variable that, set to 1, says that this machine must be able to run a node: a suite that
// would go on without one fails instead.
const RequiredVariable = "REQUIRE_NODE"

// Required tells whether RequiredVariable is set.
func Required() bool { return os.Getenv(RequiredVariable) == "1" }

// bridgeFilter shows the packets that pass between two Pods to kube-proxy's rules, without which a Pod gets the answer of a Service
// from an address that it never asked.
const bridgeFilter = "bridge/bridge-nf-call-iptables"

// Available returns nil where Start can run a node, else the reason why it cannot, in words for the output of a test.
func Available(context.Context) error {
	if os.Getenv(roleVariable) == testRole {
		return nil // Run found out, and all else is as it was then
	}
	return errUnavailable
}

// prerequisites looks for everything that a node needs.
func prerequisites() error {
	if os.Geteuid() != 0 {
		return errors.New("not root")
	}
	for _, command := range []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "nft", "ip", "mount"} {
		if _, err := exec.LookPath(command); err != nil {
			return fmt.Errorf("no command %s", command)
		}
	}
	if _, err := cniPlugins(); err != nil {
		return err
	}
	assets, err := controlplane.AssetsDir()
	if err != nil {
		return err
	}
	for _, binary := range []string{"kube-scheduler", "kubelet", "kube-proxy", "pause"} {
		if _, err := os.Stat(filepath.Join(assets, binary)); err != nil {
			return fmt.Errorf("no %s in %s: `make node` builds it", binary, assets)
		}
	}
	if _, err := os.Stat(filepath.Join(networkSettings, bridgeFilter)); err != nil {
		return errors.New("the kernel module br_netfilter is not loaded")
	}
	if err := usableCgroups(); err != nil {
		return err
	}
	return tryNamespaces()
}

// cniPlugins is the directory of the CNI plugins: Debian's, or where others put them.
func cniPlugins() (string, error) {
	dirs := []string{"/usr/lib/cni", "/opt/cni/bin"}
	for _, dir := range dirs {
		complete := !slices.ContainsFunc([]string{"bridge", "host-local", "loopback"}, func(plugin string) bool {
			_, err := os.Stat(filepath.Join(dir, plugin))
			return err != nil
		})
		if complete {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no CNI plugins in %s", strings.Join(dirs, " or "))
}

// tryNamespaces makes the namespaces of Run for a moment and prepares them.
func tryNamespaces() error {
	cmd := again(probeRole)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	cmd.Stdout, cmd.Stderr = nil, nil
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("no namespaces of our own: %w %s", err, bytes.TrimSpace(out))
	}
	return nil
}
