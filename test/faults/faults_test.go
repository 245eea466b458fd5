package faults

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/prometheus/client_golang/prometheus"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

// tolerant lets several operators run in one process, whose metrics would collide.
type tolerant struct{ metrics.RegistererGatherer }

func (tolerant) Register(prometheus.Collector) error  { return nil }
func (tolerant) Unregister(prometheus.Collector) bool { return true }

func newBed(t *testing.T) (*Bed, *http.Client) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	must(err)
	ctx := t.Context()
	plane, err := controlplane.Start(ctx, controlplane.Options{CRDDirs: []string{filepath.Join(root, "config/crd/bases")}})
	must(err)
	t.Cleanup(func() { _ = plane.Stop() })
	servers, err := standin.Start(context.WithoutCancel(ctx), os.Stderr)
	must(err)
	t.Cleanup(func() { _ = servers.Stop() })
	scheme := runtime.NewScheme()
	must(clientgoscheme.AddToScheme(scheme))
	must(v1alpha1.AddToScheme(scheme))
	fast := *plane.RESTConfig
	fast.QPS = -1
	admin, err := client.New(&fast, client.Options{Scheme: scheme})
	must(err)
	kubectl := func(args ...string) {
		t.Helper()
		out, err := exec.CommandContext(ctx, filepath.Join(root, "bin/kubectl"), append([]string{"--kubeconfig", plane.Kubeconfig}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %v: %s", args, out)
		}
	}
	kubectl("apply", "--validate=false", "-k", filepath.Join(root, "config/default"))
	kubectl("create", "clusterrolebinding", "publisher", "--clusterrole=trustedapp-operator-publisher",
		"--serviceaccount="+operatorNamespace+":trustedapp-operator")
	account, err := plane.ServiceAccountConfig(ctx, operatorNamespace, "trustedapp-operator")
	must(err)
	var system corev1.Namespace
	must(admin.Get(ctx, types.NamespacedName{Name: "kube-system"}, &system))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(servers.CA)
	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}, Timeout: 30 * time.Second}
	return &Bed{Admin: admin, Operator: account, Cluster: string(system.UID), Servers: servers}, browser
}

func TestFaults(t *testing.T) {
	metrics.Registry = tolerant{metrics.Registry}
	var log bytes.Buffer
	ctrl.SetLogger(zap.New(zap.WriteTo(&log), zap.Level(zapcore.ErrorLevel)))
	bed, browser := newBed(t)
	only := os.Getenv("WORKFLOW")
	parallel := 8
	for _, w := range workflows() {
		if only != "" && w.Name != only {
			continue
		}
		began := time.Now()
		plain := bed.Try(t.Context(), w, browser)
		if plain.Err != nil {
			t.Errorf("%s, without a fault: %v", w.Name, plain.Err)
			continue
		}
		fmt.Printf("%-30s %2d calls, %.1f s\n", w.Name, len(plain.Calls), time.Since(began).Seconds())
		if os.Getenv("PLAIN") != "" {
			for i, c := range plain.Calls {
				fmt.Printf("    %2d %s %s\n", i, c.Side, c.Op)
			}
			continue
		}
		var scripts []Strike
		for i, c := range plain.Calls {
			for _, f := range faultsOf(c) {
				scripts = append(scripts, Strike{i, f})
			}
		}
		began = time.Now()
		var wait sync.WaitGroup
		turns := make(chan struct{}, parallel)
		missed, failed := 0, 0
		var mu sync.Mutex
		for _, s := range scripts {
			wait.Go(func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				out := bed.Try(t.Context(), w, browser, s)
				mu.Lock()
				defer mu.Unlock()
				if out.Hits == 0 {
					missed++
				}
				if out.Err != nil {
					failed++
					t.Errorf("%s, %s at call %d (%s %s): %v", w.Name, s.Fault, s.At, plain.Calls[s.At].Side, plain.Calls[s.At].Op, out.Err)
				}
			})
		}
		wait.Wait()
		fmt.Printf("%-30s %3d runs, %d failed, %d not struck, %.0f s\n", w.Name, len(scripts), failed, missed, time.Since(began).Seconds())
	}
}
