package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"trustedapps.dev/operator/test/process"
)

const (
	pauseImage = "localhost/pause:node"
	// unmanaged filters images that kubelet cannot use yet: containerd labels them a moment after the import.
	unmanaged = `labels."io.cri-containerd.image"!=managed`
)

// containerdConfig keeps every file below the directory of the node. Images are unpacked onto memory, where overlayfs works.
// restrict_oom_score_adj: runc fails where it may not make a process less likely to be killed than itself.
const containerdConfig = `version = 2
root = "%[1]s/containerd"
state = "%[1]s/containerd-state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "%[1]s/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "%[1]s/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%[2]s"
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "%[3]s"
    conf_dir = "%[1]s/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`

const cniConfig = `{
  "cniVersion": "1.0.0", "name": "node",
  "plugins": [{
    "type": "bridge", "bridge": "%s", "isGateway": true, "hairpinMode": true,
    "ipam": {"type": "host-local", "dataDir": "%s", "ranges": [[{"subnet": "%s"}]], "routes": [{"dst": "0.0.0.0/0"}]}
  }]
}
`

func (n *Node) path(name string) string { return filepath.Join(n.dir, name) }

func (n *Node) socket() string { return n.path("containerd.sock") }

// containerd is the first process that runs.
func (n *Node) containerd() *process.Process {
	if len(n.processes) == 0 {
		return nil
	}
	return n.processes[0]
}

func (n *Node) startContainerd(ctx context.Context) error {
	plugins, err := cniPlugins()
	if err != nil {
		return err
	}
	err = n.writeFiles(map[string]string{
		"containerd.toml":   fmt.Sprintf(containerdConfig, n.dir, pauseImage, plugins),
		"cni/node.conflist": fmt.Sprintf(cniConfig, bridge, n.path("addresses"), podRange),
	})
	if err != nil {
		return err
	}
	binary, err := exec.LookPath("containerd")
	if err != nil {
		return err
	}
	serves := func(ctx context.Context) bool {
		_, err := n.ctr(ctx, "version")
		return err == nil
	}
	return n.run(ctx, process.New(binary, []string{"--config=" + n.path("containerd.toml")}, serves, n.log))
}

// ctr runs containerd's own client in the namespace of kubelet's images and containers.
func (n *Node) ctr(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "ctr", append([]string{"--address=" + n.socket(), "--namespace=k8s.io"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// ImportImage loads the images of a tar archive (docker-archive, or OCI layout with full names). It returns once Pods can use
// them, with imagePullPolicy: Never.
func (n *Node) ImportImage(ctx context.Context, tarPath string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if _, err := n.ctr(ctx, "images", "import", tarPath); err != nil {
		return fmt.Errorf("importing %s: %w", tarPath, err)
	}
	return poll(ctx, func() error {
		unknown, err := n.ctr(ctx, "images", "list", "--quiet", unmanaged)
		if err == nil && strings.TrimSpace(unknown) != "" {
			err = fmt.Errorf("importing %s: kubelet does not know yet: %s", tarPath, unknown)
		}
		return err
	})
}

func (n *Node) importPause(ctx context.Context) error {
	archive := n.path("pause.tar")
	image := Image{Name: pauseImage, Entrypoint: []string{"/pause"}, Files: map[string]string{"/pause": filepath.Join(n.plane.Assets, "pause")}}
	if err := WriteImage(archive, image); err != nil {
		return err
	}
	return n.ImportImage(ctx, archive)
}

// removeContainers kills every container and returns once none is left; the shim that watched it ends with it.
func (n *Node) removeContainers() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return poll(ctx, func() error {
		tasks, err := n.ctr(ctx, "tasks", "list", "--quiet")
		ids := strings.Fields(tasks)
		if err != nil || len(ids) == 0 {
			return err
		}
		// containerd also removes what ended by itself; who comes second gets an error, so the list decides.
		_, err = n.ctr(ctx, append([]string{"tasks", "delete", "--force"}, ids...)...)
		return errors.Join(fmt.Errorf("%d containers are left", len(ids)), err)
	})
}

// writeFiles writes files below the directory of the node that only root may read.
func (n *Node) writeFiles(files map[string]string) error {
	var errs []error
	for name, content := range files {
		path := n.path(name)
		errs = append(errs, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600))
	}
	return errors.Join(errs...)
}
