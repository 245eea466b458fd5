package node

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
)

// lifeline is the descriptor of the pipe whose other end only the first process holds.
const lifeline = 3

const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// supervise runs init in new namespaces, ends it when the first process is gone, and removes the cgroups.
func supervise() (_ int, err error) {
	signals := catchSignals()
	runtime.LockOSThread() // Pdeathsig is about the thread that started the child
	syscall.CloseOnExec(lifeline)
	cgroup, err := makeCgroup(os.Getenv(cgroupVariable))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, removeCgroup(cgroup)) }()
	cmd := again(initRole, cgroupVariable+"="+cgroup)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting a process in new namespaces: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(lifeline, "lifeline")) // nothing is ever written: it returns at the end
		_ = cmd.Process.Kill()
	}()
	go forward(signals, cmd.Process)
	return exitCode(cmd.Wait()) // returns once every process in the namespaces is gone
}
