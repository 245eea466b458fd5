package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
)

// kubectl runs the real kubectl as the administrator and returns its output.
func kubectl(ctx context.Context, args ...string) (string, error) {
	return command(ctx, "kubectl", append([]string{"--kubeconfig=" + plane.Kubeconfig}, args...)...)
}

// helm runs the real Helm as the administrator.
func helm(ctx context.Context, args ...string) (string, error) {
	return command(ctx, "helm", append([]string{"--kubeconfig=" + plane.Kubeconfig, "--namespace=" + operatorNamespace}, args...)...)
}

func command(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(plane.Assets, name), args...)
	home := "HOME=" + GinkgoT().TempDir() // Helm writes there
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), home}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_, _ = fmt.Fprintf(GinkgoWriter, "$ %s %s\n", name, strings.Join(args[1:], " "))
	if err := cmd.Run(); err != nil {
		_, _ = fmt.Fprintf(GinkgoWriter, "%s%v\n", stderr.String(), err)
		return "", fmt.Errorf("%s %s: %w: %s%s", name, strings.Join(args[1:], " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// poll tries until something succeeds, at most as long as anything may take here.
func poll(ctx context.Context, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, longEnough)
	defer cancel()
	tick := time.NewTicker(often)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
