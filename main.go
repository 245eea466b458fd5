// Command manager is the trustedapp operator: it registers TrustedApplications at their identity servers and publishes
// their credentials.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	_ "golang.org/x/crypto/x509roots/fallback" // the image holds nothing but this program, so no certificate authorities either
	corev1 "k8s.io/api/core/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/controllers"
	"trustedapps.dev/operator/internal/shard"
)

// namespaceFile is where Kubernetes tells a Pod its namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// options are the flags.
type options struct {
	namespace      string
	serviceAccount string
	publisherRole  string
	metricsAddress string
	probeAddress   string
	pprofAddress   string
	leaderElect    bool
	lease          string
	shard          string
	workers        int
	probeInterval  time.Duration
	inUseDetection bool
	version        bool
	log            zap.Options
}

func parse() options {
	var o options
	flag.StringVar(&o.namespace, "operator-namespace", "", "The operator's own namespace: ledgers are kept there, "+
		"and the credentials of IdentityServers are read from there. Default: the namespace of the Pod.")
	flag.StringVar(&o.serviceAccount, "service-account", "trustedapp-operator", "The name of the operator's ServiceAccount, for the remedy that an "+
		"application shows in whose namespace the operator may not publish.")
	flag.StringVar(&o.publisherRole, "publisher-role", "trustedapp-operator-publisher", "The ClusterRole that allows to publish Secrets and "+
		"ConfigMaps wherever it is bound to the ServiceAccount, for the same remedy.")
	flag.StringVar(&o.metricsAddress, "metrics-bind-address", "0", "The address of the metrics endpoint, such as 127.0.0.1:8080; 0 for none.")
	flag.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "The address of /healthz and /readyz; 0 for none.")
	flag.StringVar(&o.pprofAddress, "pprof-bind-address", "0", "The address of Go's profiles under /debug/pprof, such as 127.0.0.1:6060; 0 for none. "+
		"They hold no values, but whoever reaches them can keep the operator busy: use a loopback address and kubectl port-forward.")
	flag.BoolVar(&o.leaderElect, "leader-elect", false, "Work only while holding the Lease of --leader-election-id in the operator's namespace. "+
		"Needed with more than one replica.")
	flag.StringVar(&o.lease, "leader-election-id", "trustedapp-operator", "The name of that Lease: the same for all replicas, another for each shard.")
	flag.StringVar(&o.shard, "shard-selector", "", "A label selector, such as shard=east or shard!=east: the operator works on the IdentityServers that "+
		"it matches, and on the TrustedApplications that name one of them. A server that does not exist has no labels. Default: everything.")
	flag.IntVar(&o.workers, "max-concurrent-reconciles", 200, "The number of TrustedApplications that are worked on at the same time. "+
		"Most of that time is spent waiting, and those of one server never take all of them.")
	flag.DurationVar(&o.probeInterval, "probe-interval", 30*time.Minute, "The time between probes of an identity server that is well. "+
		"Under 20 minutes the operator holds a licence of an ERP.net instance for good.")
	flag.BoolVar(&o.inUseDetection, "in-use-detection", false, "Look which workloads use a published Secret, at sweeps, rotations and deletions, and tell it "+
		"in the status and in events. Needs list on Pods, Deployments, StatefulSets, DaemonSets, Jobs and CronJobs where the operator may publish.")
	flag.BoolVar(&o.version, "version", false, "Print the version and exit.")
	o.log.BindFlags(flag.CommandLine)
	flag.Parse()
	return o
}

func main() {
	o := parse()
	if o.version {
		_, _ = fmt.Fprintln(os.Stdout, "trustedapp-operator "+version())
		return
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&o.log)))
	klog.SetLogger(ctrl.Log) // the client libraries log in the same form
	if err := run(ctrl.SetupSignalHandler(), o, ctrl.GetConfigOrDie()); err != nil {
		ctrl.Log.Error(err, "the operator ended")
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, api *rest.Config) error {
	namespace, err := ownNamespace(o.namespace)
	if err != nil {
		return err
	}
	part, err := shard.Parse(o.shard)
	if err != nil {
		return fmt.Errorf("reading --shard-selector: %w", err)
	}
	scheme := kruntime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return fmt.Errorf("making the scheme: %w", err)
	}
	api.QPS = -1                  // the API server's own priority and fairness limits us; a second limit here would only add latency
	api.DisableCompression = true // it costs the API server more time than the network, which is that of the cluster, needs
	agent := "trustedapp-operator/" + strings.Fields(version())[0]
	api.UserAgent = agent
	mgr, err := ctrl.NewManager(api, ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:        o.probeAddress,
		PprofBindAddress:              o.pprofAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              o.lease,
		LeaderElectionNamespace:       namespace,
		LeaderElectionReleaseOnCancel: true,
		// Who waits for the lease knows everything that is cached by then, and goes on at once.
		Controller: config.Controller{EnableWarmup: new(true)},
		Cache:      controllers.CacheOptions(namespace),
		Client:     controllers.ClientOptions(),
	})
	if err != nil {
		return fmt.Errorf("making the manager: %w", err)
	}
	cluster, err := clusterUID(ctx, mgr.GetAPIReader())
	if err != nil {
		return err
	}
	setup := controllers.Setup{
		Namespace: namespace, ServiceAccount: o.serviceAccount, PublisherRole: o.publisherRole, Cluster: cluster, Shard: part, Lease: o.lease,
		Workers: o.workers, ProbeInterval: o.probeInterval, Dial: controllers.Dial(agent, nil), InUseDetection: o.inUseDetection,
	}
	if err := setup.AddTo(mgr); err != nil {
		return err
	}
	if err := errors.Join(mgr.AddHealthzCheck("healthz", healthz.Ping), mgr.AddReadyzCheck("readyz", synced(mgr.GetCache()))); err != nil {
		return fmt.Errorf("adding probes: %w", err)
	}
	if err := mgr.Add(releaser{}); err != nil {
		return fmt.Errorf("adding what gives memory back: %w", err)
	}
	return mgr.Start(ctx)
}

// ownNamespace is the namespace of the Pod, unless a flag says otherwise.
func ownNamespace(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	content, err := os.ReadFile(namespaceFile)
	if err != nil {
		return "", fmt.Errorf("finding the operator's namespace (outside of a Pod set --operator-namespace): %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// syncLimit is how long a readiness probe waits; Kubernetes gives it a second.
const syncLimit = 500 * time.Millisecond

// synced says whether the operator sees its objects, which it does not without its permissions or the API server.
func synced(objects cache.Cache) healthz.Checker {
	return func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), syncLimit)
		defer cancel()
		if !objects.WaitForCacheSync(ctx) {
			return errors.New("the caches are not filled yet")
		}
		return nil
	}
}

// clusterUID is the UID of kube-system, which stands for the cluster as long as it lives.
func clusterUID(ctx context.Context, reader client.Reader) (string, error) {
	var ns corev1.Namespace
	if err := reader.Get(ctx, types.NamespacedName{Name: "kube-system"}, &ns); err != nil {
		return "", fmt.Errorf("reading the UID of the cluster (the namespace kube-system): %w", err)
	}
	return string(ns.UID), nil
}

// version is that of the build, with the commit, as the Go toolchain stamped them.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := cmp.Or(settings["vcs.revision"], "unknown")
	if settings["vcs.modified"] == "true" {
		commit += "-modified"
	}
	return fmt.Sprintf("%s commit %s %s %s/%s", info.Main.Version, commit, info.GoVersion, runtime.GOOS, runtime.GOARCH)
}
