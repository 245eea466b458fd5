// Package controlplane runs a real Kubernetes control plane - etcd, kube-apiserver and, on request,
// kube-controller-manager - on loopback, for tests and for the demo. The binaries come from `make controlplane`. With a node
// (see test/node) it is reachable for Pods, and kube-scheduler is part of it; `make node` builds that one.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/rest"

	"trustedapps.dev/operator/test/process"
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
	// NodeAddress is the IPv4 address of the node that will run Pods (node.Address). The API server then listens there, where
	// Pods and the kubelet reach it, and is the endpoint of the Service `kubernetes`; kube-scheduler and all controllers of a
	// real cluster run, whatever ControllerManager says. Empty: no node, loopback only.
	NodeAddress string
	// OwnerPermissions: an owner that blocks a deletion takes the permission to set the owner's finalizers. Off by default in Kubernetes, and on in
	// OpenShift.
	OwnerPermissions bool
	// AuditLog is a file that gets one audit.k8s.io/v1 JSON line per finished request: who, verb, object, code, never
	// a body. Empty: no audit log.
	AuditLog string
	// Durable: etcd makes sure that what it stores survives a crash of the machine, as in a real cluster. Off by default: it takes time.
	Durable bool
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
	// Assets is the directory of the binaries.
	Assets string

	ownsDir   bool
	etcdURL   string
	authority *authority
	processes []*process.Process // in the order in which they were started
}

// startLimit bounds each process's way to ready on a busy machine; a quiet one needs a few seconds for all.
const startLimit = 90 * time.Second

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// Start starts the control plane and returns once all of it is ready. ctx bounds the start alone: a control plane that
// has started runs until Stop. If a process fails, its last log lines are part of the error and nothing stays behind.
func Start(ctx context.Context, opts Options) (_ *ControlPlane, err error) {
	cp := &ControlPlane{Dir: opts.Dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, cp.Stop())
		}
	}()

	apiAddress, err := opts.apiAddress()
	if err != nil {
		return nil, err
	}
	if cp.Assets, err = assetsDir(opts.Assets); err != nil {
		return nil, err
	}
	if err := cp.makeDir(); err != nil {
		return nil, err
	}
	ports, err := reservePorts(loopback, loopback, apiAddress, loopback, loopback)
	if err != nil {
		return nil, err
	}
	defer ports.release()
	if cp.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	creds, err := newCredentials(cp.authority, cp.Dir, apiAddress)
	if err != nil {
		return nil, err
	}
	if err := cp.writeAccess(creds, netip.AddrPortFrom(apiAddress, ports.number(2))); err != nil {
		return nil, err
	}
	err = cp.startProcesses(ctx, opts, launch{
		assets: cp.Assets, dir: cp.Dir, log: opts.Log, etcdPort: ports.number(0), peerPort: ports.number(1),
		api: netip.AddrPortFrom(apiAddress, ports.number(2)), managerPort: ports.number(3), schedulerPort: ports.number(4),
		auditLog: opts.AuditLog, durable: opts.Durable, ownerPermissions: opts.OwnerPermissions, node: opts.NodeAddress != "",
		controllerManager: opts.ControllerManager || opts.NodeAddress != "",
		kubeconfig:        cp.Kubeconfig, creds: creds,
	})
	if err != nil {
		return nil, err
	}
	return cp, nil
}

// apiAddress is where the API server listens.
func (o Options) apiAddress() (netip.Addr, error) {
	if o.NodeAddress == "" {
		return loopback, nil
	}
	address, err := netip.ParseAddr(o.NodeAddress)
	if err == nil && !address.Is4() {
		err = errors.New("it is not an IPv4 address")
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("reading the address of the node: %w", err)
	}
	return address, nil
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
	if l.controllerManager {
		if err := cp.run(ctx, l.controllerManagerProcess()); err != nil {
			return err
		}
	}
	if l.node {
		return cp.run(ctx, l.scheduler())
	}
	return nil
}

// run starts p and waits until it is ready. p is stopped by Stop whatever became of it.
func (cp *ControlPlane) run(ctx context.Context, p *process.Process) error {
	if err := p.Start(); err != nil {
		return err
	}
	cp.processes = append(cp.processes, p)
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return p.WaitReady(ctx)
}

// Stop ends the processes, the last started first: kube-apiserver hangs for minutes if etcd goes before it. It removes
// the directory unless Options named it. Stop may be called more than once.
func (cp *ControlPlane) Stop() error {
	var errs []error
	for _, p := range slices.Backward(cp.processes) {
		errs = append(errs, p.Stop())
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
		pids = append(pids, p.PID())
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
