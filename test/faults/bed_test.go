package faults

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
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
	logger := zap.New(zap.WriteTo(file), zap.Level(zapcore.Level(-1)))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	b := &Bed{log: file, shared: newShared()}
	t.Cleanup(b.shared.stop)
	b.Bed, err = bed.Start(t.Context(), controlplane.Options{}, os.Stderr)
	t.Cleanup(func() { _ = b.Stop() })
	must(err)
	must(b.OpenCluster(t.Context()))
	b.access, err = b.Operator(t.Context())
	must(err)
	b.cluster, err = b.Cluster(t.Context())
	must(err)
	b.browser = b.Browser(30 * time.Second)
	return b
}

// searchAll looks for every secret of all runs in the log, and in everything in etcd but Secrets.
func (b *Bed) searchAll(t *testing.T) {
	t.Helper()
	b.secrets.Plant("the operator's own secret", bed.OperatorSecret)
	if b.secrets.Count() < 2 {
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
		if len(b.secrets.In(lines.Bytes())) > 0 {
			t.Error("invariant 4: a secret is in the log")
		}
	}
	if n == 0 || lines.Err() != nil {
		t.Errorf("invariant 4: the log has %d lines, %v", n, lines.Err())
	}
	dump, err := b.Plane.EtcdDump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range dump {
		if !strings.HasPrefix(key, controlplane.SecretsPrefix) && len(b.secrets.In(value)) > 0 {
			t.Errorf("invariant 4: a secret is in %s", key)
		}
	}
}
