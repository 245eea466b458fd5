// Package standin runs the stand-in ERP.net instances of bin/erpnet-standin and talks to their control endpoint. It knows
// nothing of tests, so that the demo can use it too.
package standin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// BinaryVariable is the environment variable that names the binary; without it, it is bin/erpnet-standin of the repository.
const BinaryVariable = "ERPNET_STANDIN"

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
)

// Process is a running erpnet-standin. It ends with Stop, with the context that it was started with, and with the process
// that started it.
type Process struct {
	// CA holds the PEM certificate of the authority that all its instances are trusted by.
	CA []byte

	control string
	client  *http.Client
	command *exec.Cmd
	stdin   io.Closer
	ended   chan struct{}
}

// Start runs the binary on loopback and waits until it serves. log gets what it writes to standard error; nil: nobody.
func Start(ctx context.Context, log io.Writer) (*Process, error) {
	return StartOn(ctx, "127.0.0.1", log)
}

// StartOn is Start with instances at another address of this machine, from where Pods reach them. Control stays on loopback.
func StartOn(ctx context.Context, host string, log io.Writer) (*Process, error) {
	binary, err := findBinary()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, binary, "serve", "--exit-with-stdin", "--address="+net.JoinHostPort(host, "0"))
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = stopTimeout
	command.Stderr = log
	stdin, err := command.StdinPipe() // its end, also by our own sudden one, stops the child
	if err != nil {
		return nil, fmt.Errorf("preparing the stand-in: %w", err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("preparing the stand-in: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the stand-in: %w", err)
	}
	p := &Process{
		client: &http.Client{Timeout: startTimeout}, command: command, stdin: stdin, ended: make(chan struct{}),
	}
	if err := p.ready(stdout); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// ready reads the line that the process prints when it serves, and from then on waits for its end.
func (p *Process) ready(stdout io.Reader) error {
	lines := make(chan string, 1)
	go func() {
		reader := bufio.NewReader(stdout)
		line, _ := reader.ReadString('\n')
		lines <- line
		_, _ = io.Copy(io.Discard, reader)
		_ = p.command.Wait() // its state is not ours to judge: it was told to end
		close(p.ended)
	}()
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	var line string
	select {
	case line = <-lines:
	case <-timer.C:
		return errors.New("starting the stand-in: it did not get ready in time")
	}
	var told struct {
		Control string `json:"control"`
		CAFile  string `json:"caFile"`
	}
	if err := json.Unmarshal([]byte(line), &told); err != nil {
		return errors.New("starting the stand-in: it ended, or did not tell where it serves")
	}
	p.control = told.Control
	ca, err := os.ReadFile(told.CAFile)
	if err != nil {
		return fmt.Errorf("reading the stand-in's CA: %w", err)
	}
	p.CA = ca
	return nil
}

// Stop ends the process and all its instances. It may be called more than once.
func (p *Process) Stop() error {
	_ = p.stdin.Close() // it may have ended by itself
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.ended:
		return nil
	case <-timer.C:
	}
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the stand-in: %w", err)
	}
	<-p.ended
	return nil
}

// findBinary looks where BinaryVariable says, else in bin/ of the repository around the working directory.
func findBinary() (string, error) {
	if path := os.Getenv(BinaryVariable); path != "" {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("looking for the stand-in: %w", err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		module, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err != nil || !strings.HasPrefix(string(module), "module trustedapps.dev/operator\n") {
			continue
		}
		path := filepath.Join(dir, "bin", "erpnet-standin")
		if _, err := os.Stat(path); err != nil {
			return "", errors.New("bin/erpnet-standin is missing: run `make standin`")
		}
		return path, nil
	}
	return "", errors.New("looking for the stand-in: the working directory is not in the repository; set " + BinaryVariable)
}
