package node

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// networkNamespaces is where containerd keeps those of Pods.
const networkNamespaces = "/run/netns"

// removeTraces removes what the parts left when they ended: cgroups, mounts, network namespaces with their interfaces, files.
func (n *Node) removeTraces() error {
	errs := []error{
		removeCgroup(os.Getenv(cgroupVariable) + "/kubepods"),
		unmountBelow(n.dir + "/"),
		unmountBelow(networkNamespaces + "/"),
	}
	names, err := filepath.Glob(networkNamespaces + "/cni-*")
	errs = append(errs, err)
	for _, name := range names {
		errs = append(errs, os.Remove(name))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("removing what the node left: %w", err)
	}
	return os.RemoveAll(n.dir)
}

// unmountBelow unmounts what is mounted below a directory, the last mounted first.
func unmountBelow(prefix string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var targets []string
	for lines := bufio.NewScanner(bytes.NewReader(mounts)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); strings.HasPrefix(fields[4], prefix) {
			targets = append(targets, fields[4])
		}
	}
	var errs []error
	for _, target := range slices.Backward(targets) {
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) { // went with the one it was on
			errs = append(errs, fmt.Errorf("unmounting %s: %w", target, err))
		}
	}
	return errors.Join(errs...)
}
