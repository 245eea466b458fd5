package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// stopLimit is how long the operator may take to end.
const stopLimit = 15 * time.Second

// operator is the running bin/manager.
type operator struct {
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
}

// startOperator runs it with a kubeconfig file; lost is called if it ends before stop.
func startOperator(kubeconfig, logPath string, args []string, lost context.CancelCauseFunc) (*operator, error) {
	log, err := os.Create(logPath)
	if err != nil {
		return nil, fmt.Errorf("making the operator's log: %w", err)
	}
	o := &operator{log: log, ended: make(chan struct{})}
	o.cmd = exec.Command("bin/manager", args...) //nolint:noctx // stop ends it, after what needs it
	o.cmd.Stdout, o.cmd.Stderr = log, log
	o.cmd.Env = []string{"KUBECONFIG=" + kubeconfig, "HOME=" + os.TempDir()}
	// Own group: Ctrl-C reaches us alone. Pdeathsig: if we are killed, so is it.
	o.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := o.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the operator: %w", err), log.Close())
	}
	go func() {
		err := o.cmd.Wait()
		close(o.ended)
		lost(fmt.Errorf("the operator ended (%v); its log is %s", err, logPath)) //nolint:errorlint // nil where it chose to end
	}()
	return o, nil
}

// stop ends it and waits until it has ended.
func (o *operator) stop() error {
	_ = o.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-o.ended:
		return o.log.Close()
	case <-timer.C:
	}
	_ = o.cmd.Process.Kill()
	<-o.ended
	return errors.Join(fmt.Errorf("stopping the operator: it ignored SIGTERM for %s and was killed", stopLimit), o.log.Close())
}
