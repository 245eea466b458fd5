package bed

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
	"trustedapps.dev/operator/test/prometheus"
)

// Manager is bin/manager, with the ServiceAccount and the permissions that ship.
type Manager struct {
	*process.Process
	// Metrics is the address that serves them.
	Metrics string
}

// Manager starts the operator; log gets what it prints. Who waits for it calls WaitReady.
func (b *Bed) Manager(ctx context.Context, log io.Writer, flags ...string) (*Manager, error) {
	return b.ManagerOf(ctx, Build{Binary: Path("bin/manager")}, log, flags...)
}

// Build is another build of the operator, or one with more in its environment, as NAME=value. Account is a ServiceAccount in the operator's
// namespace; by default that which ships.
type Build struct {
	Binary  string
	Env     []string
	Account string
}

// ManagerOf starts another build of the operator, or one with another account.
func (b *Bed) ManagerOf(ctx context.Context, build Build, log io.Writer, flags ...string) (*Manager, error) {
	account := cmp.Or(build.Account, OperatorAccount)
	access, err := b.Plane.ServiceAccountConfig(ctx, OperatorNamespace, account)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(b.Plane.Dir, account+".kubeconfig")
	if err := controlplane.WriteKubeconfig(kubeconfig, access); err != nil {
		return nil, err
	}
	metrics, err := prometheus.FreeAddress()
	if err != nil {
		return nil, err
	}
	health, err := prometheus.FreeAddress()
	if err != nil {
		return nil, err
	}
	args := append([]string{
		"--operator-namespace=" + OperatorNamespace, "--health-probe-bind-address=" + health, "--metrics-bind-address=" + metrics,
	}, flags...)
	m := &Manager{Metrics: metrics, Process: process.New(build.Binary, args, process.Answers(http.DefaultClient, "http://"+health+"/readyz"), log).
		WithEnv(append(build.Env, "KUBECONFIG="+kubeconfig)...)}
	if err := m.Start(); err != nil {
		return nil, fmt.Errorf("starting the operator: %w", err)
	}
	return m, nil
}
