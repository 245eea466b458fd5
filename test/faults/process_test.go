package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/controllers"
	"trustedapps.dev/operator/test/bed"
)

// process is an operator that can be killed: nothing that it calls arrives any more then.
type process struct {
	wire    *Wire
	streams *streams
	dead    atomic.Bool
	// bases are the transports below the wire.
	bases sync.Map
	stop  context.CancelFunc
	ended chan error
}

// start starts an operator that sees one run only. older is what its watches begin with; nil: what there is. resync is how often its
// caches tell it again of what they hold; 0: never in a run.
func (r *Run) start(older map[string][]byte, resync time.Duration) (*process, error) {
	ctx, stop := context.WithCancel(context.Background())
	p := &process{wire: r.wire, streams: newStreams(older), stop: stop, ended: make(chan error, 1)}
	cfg := rest.CopyConfig(r.access)
	cfg.QPS = -1
	cfg.ContentType = "application/json" // so that the events of watches are lines
	cfg.Wrap(p.transport(kube))
	caches := controllers.CacheOptions(bed.OperatorNamespace)
	caches.ByObject[&v1alpha1.TrustedApplication{}] = cache.ByObject{Namespaces: map[string]cache.Config{r.namespace: {}}}
	caches.ByObject[&v1alpha1.IdentityServer{}] = cache.ByObject{Field: fields.OneTermEqualSelector("metadata.name", r.name)}
	if resync > 0 {
		caches.SyncPeriod = &resync
	}
	yes, grace := true, 10*time.Second
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: r.Admin.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}, Cache: caches, Client: controllers.ClientOptions(),
		Controller: config.Controller{SkipNameValidation: &yes}, GracefulShutdownTimeout: &grace,
	})
	if err != nil {
		stop()
		return nil, fmt.Errorf("making a manager: %w", err)
	}
	setup := controllers.Setup{ // runs share servers, and each is a cluster of its own there
		Namespace: bed.OperatorNamespace, ServiceAccount: "trustedapp-operator", PublisherRole: "trustedapp-operator-publisher", Cluster: r.cluster + "-" + r.namespace,
		Workers: 4, ProbeInterval: time.Hour, Dial: controllers.Dial("faults", p.transport(server)),
	}
	if err := setup.AddTo(mgr); err != nil {
		stop()
		return nil, err
	}
	go func() { p.ended <- mgr.Start(ctx) }()
	return p, nil
}

// die ends the process; it does not wait for that.
func (p *process) die() {
	p.dead.Store(true)
	p.stop()
}

// kill ends the process and waits until it is gone.
func (p *process) kill() error {
	p.die()
	select {
	case <-p.ended: // whatever a killed process says
		p.bases.Range(func(base, _ any) bool { // a process that ends closes its connections
			if c, ok := base.(interface{ CloseIdleConnections() }); ok {
				c.CloseIdleConnections()
			}
			return true
		})
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("the operator does not end")
	}
}
