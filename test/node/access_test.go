package node_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// kubectl runs the real kubectl as the administrator and returns its output.
func kubectl(ctx context.Context, args ...string) (string, error) {
	cmd := kubectlCommand(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %v: %w: %s", args, err, stderr.String())
	}
	return stdout.String(), nil
}

func kubectlCommand(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(plane.Assets, "kubectl"), append([]string{"--kubeconfig=" + plane.Kubeconfig}, args...)...)
}

// kubectlExec runs the workload once more in its container.
func kubectlExec(ctx context.Context, ns, pod string, args ...string) (string, error) {
	return kubectl(ctx, append([]string{"-n", ns, "exec", pod, "--", "/workload"}, args...)...)
}

// forward runs `kubectl port-forward` until the spec ends, and returns the port of loopback that it chose.
func forward(ctx context.Context, ns, pod string, port int) string {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cmd := kubectlCommand(ctx, "-n", ns, "port-forward", "pod/"+pod, fmt.Sprintf(":%d", port))
	stdout, err := cmd.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	cmd.Stderr = GinkgoWriter
	Expect(cmd.Start()).To(Succeed())
	DeferCleanup(func() {
		cancel()
		Expect(cmd.Wait()).To(MatchError(ContainSubstring("killed")))
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	found := regexp.MustCompile(`127\.0\.0\.1:(\d+) ->`).FindStringSubmatch(line)
	Expect(found).To(HaveLen(2), line)
	return found[1]
}

// ask gets a URL from the test itself.
func ask(ctx context.Context, url string) (string, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // past any proxy of the environment
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	content, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, content)
	}
	return string(content), err
}
