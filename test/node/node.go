// Package node runs one real Kubernetes node beside test/controlplane, without a container engine: containerd and runc of the
// machine, kubelet and kube-proxy of `make node`, and the bridge CNI plugin. All of it, the control plane and the test binary
// included, runs in network, mount and process namespaces of its own (see Run), so that nothing of it outlives the test.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
)

// Address is the node's address. It is that of the bridge which connects the Pods, so a server of a test that listens there is
// reached by Pods, and the test reaches Pods at their own addresses. Give it to controlplane.Options.NodeAddress.
const Address = "10.244.0.1"

// startLimit bounds each part's way to ready on a busy machine.
const startLimit = 90 * time.Second

// Options says how the node is. The zero value is a silent node of the name "node".
type Options struct {
	// Name of the Node object. Empty: node.
	Name string
	// Log receives the output of the parts, each line with the name of its program. Nil: discarded.
	Log io.Writer
}

// Node is a running node. Stop must be called, before the control plane is stopped.
type Node struct {
	// Name of the Node object.
	Name string

	plane     *controlplane.ControlPlane
	dir       string // everything that the parts write
	log       io.Writer
	processes []*process.Process // in the order in which they were started
}

// Start starts the node and returns once Pods can be scheduled on it. plane was started with NodeAddress: Address. There is
// at most one node at a time. ctx bounds the start alone. If a part fails, its last log lines are part of the error and nothing
// stays behind.
func Start(ctx context.Context, plane *controlplane.ControlPlane, opts Options) (_ *Node, err error) {
	if err := Available(ctx); err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	n := &Node{Name: opts.Name, plane: plane, log: opts.Log}
	if n.Name == "" {
		n.Name = "node"
	}
	if n.dir, err = os.MkdirTemp("", "node-"); err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Stop())
		}
	}()
	for _, start := range []func(context.Context) error{n.startContainerd, n.importPause, n.startKubelet, n.startProxy, n.waitSchedulable} {
		if err := start(ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Address is the address of the node; see the constant.
func (n *Node) Address() string { return Address }

// Stop ends the parts and all Pods, and removes what they left: mounts, network namespaces, cgroups, files. It may be called
// more than once. The bridge stays until the namespaces of Run end.
func (n *Node) Stop() error {
	var errs []error
	// kubelet must not bring back what is removed; containerd is the one that can remove it.
	if n.containerd() != nil {
		for _, p := range slices.Backward(n.processes[1:]) {
			errs = append(errs, p.Stop())
		}
		errs = append(errs, n.removeContainers(), n.processes[0].Stop())
	}
	n.processes = nil
	errs = append(errs, n.removeTraces())
	return errors.Join(errs...)
}

// run starts p and waits until it is ready. p is stopped by Stop whatever became of it.
func (n *Node) run(ctx context.Context, p *process.Process) error {
	if err := p.Start(); err != nil {
		return err
	}
	n.processes = append(n.processes, p)
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return p.WaitReady(ctx)
}
