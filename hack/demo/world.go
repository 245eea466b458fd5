package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

// Logs stay after the demo.
const (
	operatorLog     = "build/demo-operator.log"
	controlPlaneLog = "build/demo-controlplane.log"
	standinLog      = "build/demo-standin.log"
)

// world is everything that runs. The zero value is nothing, which close accepts.
type world struct {
	dir      string // removed by close
	plane    *controlplane.ControlPlane
	standin  *standin.Process
	instance *standin.Instance
	operator *operator
	logs     []*os.File

	kube    client.WithWatch // the administrator's
	kubectl *kubectl
	// trusting is how applications call the instance: it trusts the stand-in's CA alone.
	trusting *http.Transport

	operatorSecret idserver.Secret // of the operator's own trusted application
	annasPassword  idserver.Secret
	published      map[string]idserver.Secret // client secrets by application, as they were first seen

	lost context.CancelCauseFunc // called when a part ends that must run
}

// startPlane starts the control plane and makes the clients of its administrator.
func (w *world) startPlane(ctx context.Context, c *console) (err error) {
	if _, err := os.Stat("config/default"); err != nil {
		return fmt.Errorf("finding config/default (run `make demo` in the root of the repository): %w", err)
	}
	if w.dir, err = os.MkdirTemp("", "trustedapp-demo-"); err != nil {
		return fmt.Errorf("making a directory for the demo: %w", err)
	}
	log, err := w.logFile(controlPlaneLog)
	if err != nil {
		return err
	}
	w.plane, err = controlplane.Start(ctx, controlplane.Options{
		Dir: filepath.Join(w.dir, "controlplane"), ControllerManager: true, Log: log,
	})
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return fmt.Errorf("making the scheme: %w", err)
	}
	if w.kube, err = client.NewWithWatch(w.plane.RESTConfig, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	w.kubectl = &kubectl{console: c, kubeconfig: w.plane.Kubeconfig, home: w.dir}
	return nil
}

// startInstance starts the stand-in with one instance.
func (w *world) startInstance(ctx context.Context) error {
	log, err := w.logFile(standinLog)
	if err != nil {
		return err
	}
	// Not ctx: the operator and the applications are stopped before the instance that they talk to.
	if w.standin, err = standin.Start(context.WithoutCancel(ctx), log); err != nil {
		return err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(w.standin.CA) {
		return errors.New("reading the stand-in's CA: it is no PEM certificate")
	}
	w.trusting = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}}
	if err := os.WriteFile(w.caFile(), w.standin.CA, 0o644); err != nil {
		return fmt.Errorf("writing the stand-in's CA: %w", err)
	}
	w.instance, err = w.standin.NewInstance(ctx, w.instanceSpec())
	return err
}

// caFile holds the CA of the instance, for programs that a person starts.
func (w *world) caFile() string { return filepath.Join(w.dir, "acme-ca.pem") }

// startOperator runs the operator as its ServiceAccount.
func (w *world) startOperator(ctx context.Context, args []string) error {
	access, err := w.plane.ServiceAccountConfig(ctx, operatorNamespace, operatorAccount)
	if err != nil {
		return err
	}
	kubeconfig := filepath.Join(w.dir, "operator.kubeconfig")
	if err := controlplane.WriteKubeconfig(kubeconfig, access); err != nil {
		return err
	}
	w.operator, err = startOperator(kubeconfig, operatorLog, args, w.lost)
	return err
}

// client is an HTTP client of an application.
func (w *world) client() *http.Client { return &http.Client{Transport: w.trusting, Timeout: patience} }

func (w *world) logFile(path string) (*os.File, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("making a log: %w", err)
	}
	w.logs = append(w.logs, file)
	return file, nil
}

// await asks until the condition holds.
func await(ctx context.Context, what string, holds func(context.Context) (bool, error)) error {
	if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, holds); err != nil {
		return fmt.Errorf("waiting until %s: %w", what, cause(ctx, err))
	}
	return nil
}

// close stops everything, what depends on others first, and leaves no file but the logs.
func (w *world) close() error {
	var errs []error
	if w.operator != nil {
		errs = append(errs, w.operator.stop())
	}
	if w.trusting != nil {
		w.trusting.CloseIdleConnections()
	}
	if w.standin != nil {
		errs = append(errs, w.standin.Stop())
	}
	if w.plane != nil {
		errs = append(errs, w.plane.Stop())
	}
	for _, log := range w.logs {
		errs = append(errs, log.Close())
	}
	if w.dir != "" {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	return errors.Join(errs...)
}
