package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
)

// processes is the platform without a kubelet: what would be in Pods are processes of this machine. Those of the operator have
// the arguments of its Deployment and the permissions of its ServiceAccount; a workload has the entries of what it mounts as files.
type processes struct {
	dir string
	// binaries are the programs in the images, by their names.
	binaries map[string]string
	// generation of the Deployment that the replicas run for.
	generation int64
	replicas   []*replica
	workloads  []*process.Process
	started    int

	// refreshing ends with the platform.
	refreshing sync.WaitGroup
	end        chan struct{}
}

// replica is a process of the operator.
type replica struct {
	process *process.Process
	leads   *atomic.Bool
}

func startProcesses() (platform, error) {
	dir, err := os.MkdirTemp("", "e2e-processes-")
	return &processes{dir: dir, binaries: map[string]string{}, end: make(chan struct{})}, err
}

func (p *processes) kubelet() bool { return false }
func (p *processes) host() string  { return "127.0.0.1" }

func (p *processes) provide(_ context.Context, image, dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "*-linux-"+runtime.GOARCH))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("looking for the program of %s: %d files in %s", image, len(found), dir)
	}
	p.binaries[image] = found[0]
	return nil
}

func (p *processes) settle(ctx context.Context) error {
	d, err := deployment(ctx)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if err == nil && d.Generation == p.generation {
		return nil
	}
	before := p.replicas
	p.replicas, p.generation = nil, 0
	if !apierrors.IsNotFound(err) { // the new ones first, as in a rollout
		container := d.Spec.Template.Spec.Containers[0]
		for range int(*d.Spec.Replicas) {
			if err := p.startReplica(ctx, d.Spec.Template.Spec.ServiceAccountName, container); err != nil {
				return err
			}
		}
		p.generation = d.Generation
	}
	return stopAll(before)
}

func (p *processes) startReplica(ctx context.Context, account string, container corev1.Container) error {
	binary, ok := p.binaries[container.Image]
	if !ok {
		return fmt.Errorf("no image %s", container.Image)
	}
	cfg, err := plane.ServiceAccountConfig(ctx, operatorNamespace, account)
	if err != nil {
		return err
	}
	p.started++
	kubeconfig := filepath.Join(p.dir, fmt.Sprintf("operator-%d.kubeconfig", p.started))
	if err := controlplane.WriteKubeconfig(kubeconfig, cfg); err != nil {
		return err
	}
	probes, err := freeAddress()
	if err != nil {
		return err
	}
	// What a Pod gives it, and ports that two of them can have on one machine.
	args := append(slices.Clone(container.Args), "--kubeconfig="+kubeconfig, "--operator-namespace="+operatorNamespace,
		"--health-probe-bind-address="+probes, "--metrics-bind-address=0")
	r := &replica{leads: &atomic.Bool{}}
	ready := process.Answers(&http.Client{Transport: &http.Transport{}}, "http://"+probes+"/readyz")
	r.process = process.New(binary, args, ready, leaderLog{out: GinkgoWriter, leads: r.leads})
	p.replicas = append(p.replicas, r)
	return start(ctx, r.process)
}

// leaderLog passes a log on and notices that its process became the leader: all of them have the host name of this machine.
type leaderLog struct {
	out   io.Writer
	leads *atomic.Bool
}

func (l leaderLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("Successfully acquired lease")) {
		l.leads.Store(true)
	}
	return l.out.Write(line)
}

// endLeader ends it and starts another one in its place, as the Deployment does.
func (p *processes) endLeader(ctx context.Context) error {
	i := slices.IndexFunc(p.replicas, func(r *replica) bool { return r.leads.Load() })
	if i < 0 {
		return errors.New("no replica says that it leads")
	}
	old := p.replicas[i]
	p.replicas = slices.Delete(p.replicas, i, i+1)
	if err := old.process.Stop(); err != nil {
		return err
	}
	d, err := deployment(ctx)
	if err != nil {
		return err
	}
	return p.startReplica(ctx, d.Spec.Template.Spec.ServiceAccountName, d.Spec.Template.Spec.Containers[0])
}

func (p *processes) run(ctx context.Context, w workload) (string, error) {
	root := filepath.Join(p.dir, w.name)
	for dir, source := range w.mounts() {
		if err := p.mount(ctx, root+dir, source); err != nil {
			return "", err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(plane.CA)
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	binary, ok := p.binaries[workloadImage]
	if !ok {
		return "", fmt.Errorf("no image %s", workloadImage)
	}
	program := process.New(binary, w.args(root, address), process.Answers(trusting, "https://"+address+"/healthz"), GinkgoWriter)
	p.workloads = append(p.workloads, program)
	p.refreshing.Go(func() { p.refresh(context.WithoutCancel(ctx), root, w) })
	return address, start(ctx, program)
}

// refresh brings changes of what a workload mounts to its files, as kubelet does. What was deleted stays mounted.
func (p *processes) refresh(ctx context.Context, root string, w workload) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-p.end:
			return
		case <-tick.C:
		}
		for dir, source := range w.mounts() {
			if err := p.mount(ctx, root+dir, source); err != nil {
				_, _ = fmt.Fprintf(GinkgoWriter, "refreshing what %s mounts: %v\n", w.name, err)
			}
		}
	}
}

// mount writes the entries of an object as files; each changes in one piece.
func (p *processes) mount(ctx context.Context, dir string, source corev1.VolumeSource) error {
	files := map[string][]byte{}
	if source.Secret != nil {
		var secret corev1.Secret
		if err := admin.Get(ctx, client.ObjectKey{Namespace: appNamespace, Name: source.Secret.SecretName}, &secret); err != nil {
			return err
		}
		files = secret.Data
	} else {
		var configMap corev1.ConfigMap
		if err := admin.Get(ctx, client.ObjectKey{Namespace: appNamespace, Name: source.ConfigMap.Name}, &configMap); err != nil {
			return err
		}
		for name, value := range configMap.Data {
			files[name] = []byte(value)
		}
	}
	errs := []error{os.MkdirAll(dir, 0o700)}
	for name, value := range files {
		path := filepath.Join(dir, name)
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, value) {
			continue
		}
		errs = append(errs, os.WriteFile(path+".new", value, 0o600), os.Rename(path+".new", path))
	}
	return errors.Join(errs...)
}

func (p *processes) stop() error {
	close(p.end)
	p.refreshing.Wait()
	errs := []error{stopAll(p.replicas)}
	for _, w := range p.workloads {
		errs = append(errs, w.Stop())
	}
	p.replicas, p.workloads = nil, nil
	return errors.Join(append(errs, os.RemoveAll(p.dir))...)
}

func stopAll(replicas []*replica) error {
	var errs []error
	for _, r := range replicas {
		errs = append(errs, r.process.Stop())
	}
	return errors.Join(errs...)
}

func start(ctx context.Context, p *process.Process) error {
	if err := p.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, longEnough)
	defer cancel()
	return p.WaitReady(ctx)
}

// freeAddress is one on loopback that nobody listens at.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return strings.Clone(listener.Addr().String()), listener.Close()
}
