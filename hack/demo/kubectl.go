package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// kubectl runs bin/kubectl as the administrator, and shows the command and its output.
type kubectl struct {
	console    *console
	kubeconfig string
	home       string // for its caches, so that none are left behind
}

// run must succeed.
func (k *kubectl) run(ctx context.Context, args ...string) error {
	return k.pipe(ctx, nil, "", args...)
}

// pipe gives it standard input, which is described rather than shown.
func (k *kubectl) pipe(ctx context.Context, input []byte, described string, args ...string) error {
	line := "kubectl " + quoted(args)
	if described != "" {
		line += "   # standard input: " + described
	}
	k.console.command(line)
	out, err := k.exec(ctx, input, args)
	k.console.output(out)
	if err != nil {
		return fmt.Errorf("running kubectl %s: %w", args[0], err)
	}
	return nil
}

// refused must fail; it returns what the API server said.
func (k *kubectl) refused(ctx context.Context, args ...string) (string, error) {
	k.console.command("kubectl " + quoted(args))
	out, err := k.exec(ctx, nil, args)
	k.console.output(out)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out, errors.New("it was accepted")
	case !errors.As(err, &exit):
		return out, fmt.Errorf("running kubectl %s: %w", args[0], err)
	}
	return out, nil
}

func (k *kubectl) exec(ctx context.Context, input []byte, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, "bin/kubectl", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = []string{"KUBECONFIG=" + k.kubeconfig, "HOME=" + k.home}
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// quoted writes arguments the way a shell needs them.
func quoted(args []string) string {
	out := make([]string, 0, len(args))
	for _, a := range args {
		if strings.ContainsAny(a, " {}\"*$") {
			a = "'" + a + "'"
		}
		out = append(out, a)
	}
	return strings.Join(out, " ")
}
