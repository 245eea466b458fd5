package e2e

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/zap/zapcore"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"trustedapps.dev/operator/controllers"
	"trustedapps.dev/operator/test/bed"
)

// running stops the operator that runs; nil where none does.
var running func()

// startOperator starts a manager with new caches, as a restart of the process would.
func startOperator() {
	GinkgoHelper()
	ctrl.SetLogger(zap.New(zap.WriteTo(logs), zap.UseDevMode(false), zap.Level(zapcore.DebugLevel)))
	yes := true
	mgr, err := ctrl.NewManager(rest.CopyConfig(operator), ctrl.Options{
		Scheme:     admin.Scheme(),
		Metrics:    metricsserver.Options{BindAddress: metricsAddress},
		Cache:      controllers.CacheOptions(bed.OperatorNamespace),
		Client:     controllers.ClientOptions(),
		Controller: config.Controller{SkipNameValidation: &yes},
	})
	Expect(err).NotTo(HaveOccurred())
	setup := controllers.Setup{
		Namespace: bed.OperatorNamespace, ServiceAccount: bed.OperatorAccount, PublisherRole: bed.PublisherRole, Cluster: cluster, Workers: 16, ProbeInterval: time.Hour, Dial: controllers.Dial("trustedapp-operator/e2e", nil),
	}
	Expect(setup.AddTo(mgr)).To(Succeed())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	running = func() {
		cancel()
		Eventually(ended).Should(Receive(BeNil()))
		running = nil
	}
}

// withoutOperator stops the operator, and starts it again after something was done, also where that failed.
func withoutOperator(do func()) {
	GinkgoHelper()
	stopOperator()
	defer startOperator()
	do()
}

func stopOperator() {
	if running != nil {
		running()
	}
}

// errCut is what the operator sees of a connection that a spec cut.
var errCut = errors.New("cut by a spec")

// writeCounter counts the operator's writes to Kubernetes, without Leases, and apart from them its events and its reads of single objects. It
// can cut some writes off.
type writeCounter struct {
	mu                    sync.Mutex
	writes, events, reads []string
	cutPath               string
}

// cut fails all creations at a path from now on; none where it is empty.
func (c *writeCounter) cut(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutPath = path
}

func (c *writeCounter) cuts(r *http.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cutPath != "" && r.Method == http.MethodPost && r.URL.Path == "/api/v1"+c.cutPath
}

func (c *writeCounter) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if c.cuts(r) {
			return nil, errCut
		}
		c.aside(r)
		if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") && !strings.Contains(r.URL.Path, "/leases") &&
			!strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews") { // a question in the form of a POST: it stores nothing
			c.mu.Lock()
			c.writes = append(c.writes, r.Method+" "+r.URL.Path)
			c.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

// aside counts what is no write.
func (c *writeCounter) aside(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/events"):
		c.events = append(c.events, r.URL.Path)
	case r.Method == http.MethodGet && r.URL.RawQuery == "":
		c.reads = append(c.reads, r.URL.Path)
	}
}

// asides are the reads and the events in a namespace since the first of each.
func (c *writeCounter) asides(namespace string, reads, events int) (readsIn, eventsIn []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	elsewhere := func(path string) bool { return !strings.Contains(path, "/namespaces/"+namespace+"/") }
	return slices.DeleteFunc(slices.Clone(c.reads[reads:]), elsewhere), slices.DeleteFunc(slices.Clone(c.events[events:]), elsewhere)
}

// counts are those of reads and events.
func (c *writeCounter) counts() (reads, events int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.reads), len(c.events)
}

// since returns the writes after the first n.
func (c *writeCounter) since(n int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.writes[n:]...)
}

func (c *writeCounter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.writes)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
