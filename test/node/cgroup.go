package node

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// removalLimit is how long the kernel may take to empty a cgroup whose processes were killed.
const removalLimit = 15 * time.Second

// hierarchy is one mounted hierarchy of cgroups. That of version 2 has no controllers beside those of version 1, but runc
// makes its cgroups there, too.
type hierarchy struct {
	mount       string
	controllers []string
}

// hierarchies reads the mounts of this process.
func hierarchies() ([]hierarchy, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []hierarchy
	for lines := bufio.NewScanner(bytes.NewReader(mounts)); lines.Scan(); {
		left, right, _ := strings.Cut(lines.Text(), " - ")
		about, kind := strings.Fields(left), strings.Fields(right)
		if len(about) < 5 || len(kind) < 3 || (kind[0] != "cgroup" && kind[0] != "cgroup2") {
			continue
		}
		found = append(found, hierarchy{mount: about[4], controllers: strings.Split(kind[2], ",")}) // version 2: only options
	}
	return found, nil
}

// usableCgroups returns an error where kubelet and runc lack a controller.
func usableCgroups() error {
	found, err := hierarchies()
	if err != nil {
		return err
	}
	for _, controller := range []string{"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids"} {
		has := func(h hierarchy) bool { return slices.Contains(h.controllers, controller) }
		if !slices.ContainsFunc(found, has) {
			return fmt.Errorf("no version 1 cgroup controller %s (version 2 was not tried)", controller)
		}
	}
	return nil
}

// makeCgroup makes a cgroup of a new name in every hierarchy, below parent, and returns its path.
func makeCgroup(parent string) (string, error) {
	cgroup := parent + "/trustedapp-node-" + strings.ToLower(rand.Text()[:10])
	found, err := hierarchies()
	if err != nil {
		return "", err
	}
	for _, h := range found {
		dir := filepath.Join(h.mount, cgroup)
		err := os.Mkdir(dir, 0o755)
		if err == nil && slices.Contains(h.controllers, "cpuset") {
			err = inheritCPUs(dir)
		}
		if err != nil {
			return "", errors.Join(fmt.Errorf("making a cgroup: %w", err), removeCgroup(cgroup))
		}
	}
	return cgroup, nil
}

// inheritCPUs gives a cpuset the CPUs and memory nodes of its parent; a new one has none.
func inheritCPUs(dir string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), value, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroup kills all processes in the cgroup and below, and removes it from every hierarchy.
func removeCgroup(cgroup string) error {
	found, err := hierarchies()
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range found {
		errs = append(errs, removeTree(filepath.Join(h.mount, cgroup)))
	}
	return errors.Join(errs...)
}

func removeTree(dir string) error {
	deadline := time.Now().Add(removalLimit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := tryRemoveTree(dir)
		if err == nil || !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

func tryRemoveTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := tryRemoveTree(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	if err := killMembers(dir); err != nil {
		return err
	}
	err = syscall.Rmdir(dir) // os.Remove tries to unlink first and hides which error was which
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

func killMembers(dir string) error {
	members, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, member := range strings.Fields(string(members)) {
		pid, err := strconv.Atoi(member)
		if err != nil {
			return fmt.Errorf("reading the processes of %s: %w", dir, err)
		}
		if pid != 0 { // of another process namespace: its end is not ours
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
	}
	return nil
}
