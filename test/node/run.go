package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// roleVariable tells a process of the test binary what it is. cgroupVariable names the cgroup that holds all cgroups of the
// node; the supervisor makes and removes it.
const (
	roleVariable   = "TRUSTEDAPP_NODE_ROLE"
	cgroupVariable = "TRUSTEDAPP_NODE_CGROUP"
)

const (
	supervisorRole = "supervisor"
	initRole       = "init"
	probeRole      = "probe" // finds out whether init could do its work, and ends
	testRole       = "test"
)

// errUnavailable is why Run left the tests where they are.
var errUnavailable = errors.New("TestMain of this package does not call node.Run")

// Run is for TestMain: `os.Exit(node.Run(m))`. Where a node can run, it runs the tests of m in namespaces of their own; elsewhere
// it just runs them, and Available tells why. The processes, each started by the one before:
//
//   - the test binary as `go test` started it: passes signals on and waits;
//   - supervisor, outside the namespaces and in a session of its own: it survives whatever kills the first one, and then ends
//     the others and removes their cgroups, the only traces that do not end with the namespaces;
//   - init, the first process in the namespaces: prepares them and reaps orphans; its end kills all processes in them;
//   - the tests.
func Run(m interface{ Run() int }) int {
	var code int
	var err error
	switch os.Getenv(roleVariable) {
	case supervisorRole:
		code, err = supervise()
	case initRole:
		code, err = beInit()
	case probeRole:
		err = prepareNamespaces()
	case testRole:
		return m.Run()
	default:
		if errUnavailable = prerequisites(); errUnavailable != nil {
			return m.Run()
		}
		code, err = launch()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		return 1
	}
	return code
}

// again prepares another process of this test binary, with the same arguments, in another role.
func again(role string, env ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...) //nolint:noctx,gosec // Its end is ours, see Run; the arguments are our own.
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role), env...)
	return cmd
}

// launch runs a supervisor. The pipe between them tells it when we are gone.
func launch() (int, error) {
	signals := catchSignals()
	read, write, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("making a pipe to the supervisor: %w", err)
	}
	defer func() { _ = write.Close() }()
	cmd := again(supervisorRole)
	cmd.ExtraFiles = []*os.File{read}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting the supervisor: %w", err)
	}
	_ = read.Close()
	go forward(signals, cmd.Process)
	return exitCode(cmd.Wait())
}

// catchSignals receives the signals by which a user, `go test` or CI ends a test.
func catchSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	return signals
}

// forward passes signals on for the rest of our life.
func forward(signals <-chan os.Signal, to *os.Process) {
	for received := range signals {
		_ = to.Signal(received) // it may have ended by itself
	}
}

// exitCode turns what Wait returned into the code to exit with.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if exit.ExitCode() < 0 {
		return 0, fmt.Errorf("the tests ended by a signal: %w", err)
	}
	return exit.ExitCode(), nil
}
