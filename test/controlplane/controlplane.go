// Package controlplane runs a real Kubernetes control plane - etcd, kube-apiserver and, on request,
// kube-controller-manager - on loopback, for tests and for the demo. The binaries come from `make controlplane`.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/rest"
)

// Options says what to start. The zero value is etcd and kube-apiserver in a temporary directory, silent.
type Options struct {
	// Dir keeps data, certificates, the admin kubeconfig. Empty: a temporary directory that Stop removes.
	Dir string
	// Assets is the directory of the binaries. Empty: $KUBEBUILDER_ASSETS, else bin/ of this repository.
	Assets string
	// CRDDirs are directories of CustomResourceDefinitions, installed before the controller manager starts, so that
	// its garbage collector knows their kinds from the beginning.
	CRDDirs []string
	// ControllerManager also starts kube-controller-manager: default ServiceAccounts, garbage collection by owner
	// reference, namespace deletion, Deployments.
	ControllerManager bool
	// AuditLog is a file that gets one audit.k8s.io/v1 JSON line per finished request: who, verb, object, code, never
	// a body. Empty: no audit log.
	AuditLog string
	// Log receives the output of the processes, each line with the name of its process. Nil: discarded.
	Log io.Writer
}

// ControlPlane is a running control plane. Stop must be called.
type ControlPlane struct {
	// RESTConfig is the administrator's (group system:masters).
	RESTConfig *rest.Config
	// Kubeconfig is the path of a kubeconfig file for the same administrator.
	Kubeconfig string
	// CA is the PEM certificate that signed the certificate of the API server.
	CA []byte
	// Dir is the directory of data, certificates and logs.
	Dir string

	ownsDir   bool
	etcdURL   string
	processes []*process // in the order in which they were started
}

// startLimit bounds each process's way to ready on a busy machine; a quiet one needs a few seconds for all.
const startLimit = 90 * time.Second

// Start starts the control plane and returns once all of it is ready. ctx bounds the start alone: a control plane that
// has started runs until Stop. If a process fails, its last log lines are part of the error and nothing stays behind.
func Start(ctx context.Context, opts Options) (_ *ControlPlane, err error) {
	cp := &ControlPlane{Dir: opts.Dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, cp.Stop())
		}
	}()

	assets, err := assetsDir(opts.Assets)
	if err != nil {
		return nil, err
	}
	if err := cp.makeDir(); err != nil {
		return nil, err
	}
	ports, err := reservePorts(4)
	if err != nil {
		return nil, err
	}
	defer ports.release()
	creds, err := newCredentials(cp.Dir)
	if err != nil {
		return nil, err
	}
	if err := cp.writeAccess(creds, ports.number(2)); err != nil {
		return nil, err
	}
	err = cp.startProcesses(ctx, opts, launch{
		assets: assets, dir: cp.Dir, log: opts.Log, etcdPort: ports.number(0), peerPort: ports.number(1),
		apiPort: ports.number(2), managerPort: ports.number(3), auditLog: opts.AuditLog,
		controllerManager: opts.ControllerManager, kubeconfig: cp.Kubeconfig, creds: creds,
	})
	if err != nil {
		return nil, err
	}
	return cp, nil
}

func (cp *ControlPlane) startProcesses(ctx context.Context, opts Options, l launch) error {
	cp.etcdURL = l.etcdURL()
	if err := cp.run(ctx, l.etcd()); err != nil {
		return err
	}
	apiserver, err := l.apiserver()
	if err != nil {
		return err
	}
	if err := cp.run(ctx, apiserver); err != nil {
		return err
	}
	for _, dir := range opts.CRDDirs {
		if err := cp.InstallCRDs(ctx, dir); err != nil {
			return err
		}
	}
	if opts.ControllerManager {
		return cp.run(ctx, l.controllerManagerProcess())
	}
	return nil
}

// run starts p and waits until it is ready. p is stopped by Stop whatever became of it.
func (cp *ControlPlane) run(ctx context.Context, p *process) error {
	if err := p.start(); err != nil {
		return err
	}
	cp.processes = append(cp.processes, p)
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return p.waitReady(ctx)
}

// Stop ends the processes, the last started first: kube-apiserver hangs for minutes if etcd goes before it. It removes
// the directory unless Options named it. Stop may be called more than once.
func (cp *ControlPlane) Stop() error {
	var errs []error
	for _, p := range slices.Backward(cp.processes) {
		errs = append(errs, p.stop())
	}
	cp.processes = nil
	if cp.ownsDir {
		errs = append(errs, os.RemoveAll(cp.Dir))
	}
	return errors.Join(errs...)
}

// PIDs returns the process ids of the running parts.
func (cp *ControlPlane) PIDs() []int {
	pids := make([]int, 0, len(cp.processes))
	for _, p := range cp.processes {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

func (cp *ControlPlane) makeDir() (err error) {
	if cp.Dir == "" {
		cp.ownsDir = true
		cp.Dir, err = os.MkdirTemp("", "controlplane-")
	} else {
		err = os.MkdirAll(cp.Dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("making the directory of the control plane: %w", err)
	}
	cp.Dir, err = filepath.Abs(cp.Dir)
	return err
}
