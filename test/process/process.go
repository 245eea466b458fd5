// Package process runs the programs that tests and the demo need beside them: it waits until they are ready, keeps their last
// lines for an error, and ends them, at the latest when it is killed itself.
package process

import (
	"context"
	"fmt"
	"io"
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

// Process is one program.
type Process struct {
	name   string
	cmd    *exec.Cmd
	log    *lineLog
	ready  Probe
	exited chan struct{} // closed once the process has ended
	exit   error         // how; valid after exited
}

// Probe tells whether a program is ready. It is asked again and again until it says yes.
type Probe func(context.Context) bool

// New describes the program at path; nothing runs before Start. log gets its lines, each with its name; nil: nobody.
func New(path string, args []string, ready Probe, log io.Writer) *Process {
	name := filepath.Base(path)
	p := &Process{name: name, log: newLineLog(name, log), ready: ready, exited: make(chan struct{})}
	p.cmd = exec.Command(path, args...) //nolint:noctx // Stop ends it; a context would kill it out of order.
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	// Own group: Ctrl-C reaches us alone, and we stop the parts in order. Pdeathsig: if we are killed, so are they.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// Only what the programs need: no proxy, which must not come between parts on loopback.
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}
	return p
}

// WithEnv adds variables, each as NAME=value, before Start.
func (p *Process) WithEnv(variables ...string) *Process {
	p.cmd.Env = append(p.cmd.Env, variables...)
	return p
}

// Start starts the program. After it, Stop must be called.
func (p *Process) Start() error {
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		p.exit = p.cmd.Wait()
		close(p.exited)
	}()
	return nil
}

// PID is the process id of a started program.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended tells whether a started program has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// WaitReady returns once the program is ready, or with an error that shows its last lines when it or ctx ends before.
func (p *Process) WaitReady(ctx context.Context) error {
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

// Stop asks the program to end, kills it if it does not, and waits until it has ended.
func (p *Process) Stop() error {
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
