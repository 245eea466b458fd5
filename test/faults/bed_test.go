package faults

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

// tolerant lets several operators run in one process, whose metrics would collide.
type tolerant struct{ metrics.RegistererGatherer }

func (tolerant) Register(prometheus.Collector) error  { return nil }
func (tolerant) Unregister(prometheus.Collector) bool { return true }

func newBed(t *testing.T) *Bed {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	metrics.Registry = tolerant{metrics.Registry}
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(err)
	bed := &Bed{log: file}
	logger := zap.New(zap.WriteTo(file), zap.Level(zapcore.Level(-1)))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	must(err)
	ctx := t.Context()
	bed.plane, err = controlplane.Start(ctx, controlplane.Options{CRDDirs: []string{filepath.Join(root, "config", "crd", "bases")}})
	must(err)
	t.Cleanup(func() { _ = bed.plane.Stop() })
	bed.Servers, err = standin.Start(context.WithoutCancel(ctx), os.Stderr)
	must(err)
	t.Cleanup(func() { _ = bed.Servers.Stop() })
	scheme := runtime.NewScheme()
	must(clientgoscheme.AddToScheme(scheme))
	must(v1alpha1.AddToScheme(scheme))
	fast := *bed.plane.RESTConfig
	fast.QPS = -1
	bed.Admin, err = client.New(&fast, client.Options{Scheme: scheme})
	must(err)
	kubectl := func(args ...string) {
		t.Helper()
		out, err := exec.CommandContext(ctx, filepath.Join(root, "bin", "kubectl"), append([]string{"--kubeconfig", bed.plane.Kubeconfig}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %v: %s", args, out)
		}
	}
	kubectl("apply", "--validate=false", "-k", filepath.Join(root, "config", "default"))
	kubectl("create", "clusterrolebinding", "publisher", "--clusterrole=trustedapp-operator-publisher",
		"--serviceaccount="+operatorNamespace+":trustedapp-operator")
	bed.Operator, err = bed.plane.ServiceAccountConfig(ctx, operatorNamespace, "trustedapp-operator")
	must(err)
	var system corev1.Namespace
	must(bed.Admin.Get(ctx, types.NamespacedName{Name: "kube-system"}, &system))
	bed.Cluster = string(system.UID)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(bed.Servers.CA)
	bed.Browser = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}, Timeout: 30 * time.Second}
	return bed
}

// searchAll looks for every secret of all runs in the log, and in everything in etcd but Secrets.
func (b *Bed) searchAll(t *testing.T) {
	t.Helper()
	b.secrets.add(operatorSecret)
	if b.secrets.count() < 2 {
		t.Error("invariant 4: no run published a secret to look for")
	}
	log, err := os.Open(b.log.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	n, lines := 0, bufio.NewScanner(log)
	lines.Buffer(nil, 16<<20)
	for ; lines.Scan(); n++ {
		if b.secrets.in(lines.Text()) {
			t.Error("invariant 4: a secret is in the log")
		}
	}
	if n == 0 || lines.Err() != nil {
		t.Errorf("invariant 4: the log has %d lines, %v", n, lines.Err())
	}
	dump, err := b.plane.EtcdDump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range dump {
		if !strings.HasPrefix(key, controlplane.SecretsPrefix) && b.secrets.in(string(value)) {
			t.Errorf("invariant 4: a secret is in %s", key)
		}
	}
}
