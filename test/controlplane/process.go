package controlplane

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	pollEvery = 50 * time.Millisecond
	// stopLimit is how long a process may take after SIGTERM before it is killed.
	stopLimit = 15 * time.Second
	// shownLines of a process's log are part of the error when it fails.
	shownLines = 15
)

// process is one program of the control plane.
type process struct {
	name     string
	cmd      *exec.Cmd
	log      *lineLog
	readyURL string
	client   *http.Client
	exited   chan struct{} // closed once the process has ended
	exit     error         // how; valid after exited
}

func newProcess(assets, name string, args []string, log io.Writer) *process {
	p := &process{name: name, log: newLineLog(name, log), exited: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(assets, name), args...) //nolint:noctx // Stop ends it; a context would kill it out of order.
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	// Own group: Ctrl-C reaches us alone, and we stop the parts in order. Pdeathsig: if we are killed, so are they.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// Only what the programs need: no proxy, which must not come between parts on loopback.
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}
	return p
}

func (p *process) start() error {
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		p.exit = p.cmd.Wait()
		close(p.exited)
	}()
	return nil
}

// waitReady polls the readiness URL until it answers 200, the process ends, or ctx does.
func (p *process) waitReady(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if p.ready(ctx) {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("starting %s: it ended (%w); its last lines:\n%s", p.name, p.exit, p.log.tail())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to be ready: %w; its last lines:\n%s", p.name, context.Cause(ctx), p.log.tail())
		case <-tick.C:
		}
	}
}

func (p *process) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.readyURL, http.NoBody)
	if err != nil {
		return false
	}
	res, err := p.client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode == http.StatusOK
}

// stop asks the process to end, kills it if it does not, and waits until it has ended.
func (p *process) stop() error {
	p.client.CloseIdleConnections()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopLimit):
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
	return fmt.Errorf("stopping %s: it ignored SIGTERM for %s and was killed", p.name, stopLimit)
}
