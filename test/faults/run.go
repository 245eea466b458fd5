package faults

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/controllers"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/erpnet"
	"trustedapps.dev/operator/test/standin"
)

const (
	operatorNamespace = "trustedapp-system"
	operatorURI       = "dev.trustedapps.operator/faults"
	operatorSecret    = "canary-of-the-operator-itself-0123456789"
	// patience is how long a run may take to come to rest.
	patience = 60 * time.Second
	// stillness is how long nothing may be called before a run counts as at rest: longer than any pause of the operator that matters here.
	stillness = 1500 * time.Millisecond
)

// Bed is what all runs share.
type Bed struct {
	Admin    client.Client
	Operator *rest.Config // the ServiceAccount's
	Cluster  string
	Servers  *standin.Process
	serial   atomic.Int64
}

// Run is one try of a workflow.
type Run struct {
	*Bed
	namespace, name string
	instance        *standin.Instance
	app             *v1alpha1.TrustedApplication
	operator        *process
}

// process is an operator in this process that can be killed.
type process struct {
	wire  *Wire
	stop  context.CancelFunc
	ended chan error
}

// newRun makes a namespace, an instance and the IdentityServer for it.
func (b *Bed) newRun(ctx context.Context) (*Run, error) {
	n := b.serial.Add(1)
	r := &Run{Bed: b, namespace: fmt.Sprintf("run-%d", n), name: fmt.Sprintf("acme-%d", n)}
	var err error
	r.instance, err = b.Servers.NewInstance(ctx, standin.Spec{
		Name: r.name, Version: "26.2.1.66", LicenceSlots: 1000, RequestsPerMinute: 100_000,
		Users: []standin.User{
			{Login: "svc.operator", Active: true, IsAdmin: true, UserType: "InternalUser"},
			{Login: "svc.orders", Active: true, UserType: "ApplicationUserNoLogin"},
		},
		Applications: []standin.Application{{
			ApplicationURI: operatorURI, Name: "operator", IsEnabled: true, ClientType: "Confidential", Secret: operatorSecret,
			SystemUserAllowed: true, SystemUser: "svc.operator", Scope: new("read update sec"),
		}},
	})
	if err != nil {
		return nil, err
	}
	objects := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.namespace}},
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: r.name},
			Data:       map[string][]byte{"client_id": []byte(operatorURI), "client_secret": []byte(operatorSecret)},
		},
		&v1alpha1.IdentityServer{
			ObjectMeta: metav1.ObjectMeta{Name: r.name},
			Spec: v1alpha1.IdentityServerSpec{CABundle: b.Servers.CA, ERPNet: &v1alpha1.ERPNetServer{
				URL: v1alpha1.HTTPSURL(r.instance.URL), CredentialsRef: v1alpha1.LocalSecretReference{Name: r.name},
			}},
		},
	}
	for _, o := range objects {
		if err := b.Admin.Create(ctx, o); err != nil {
			return nil, fmt.Errorf("preparing a run: %w", err)
		}
	}
	return r, nil
}

// start starts an operator that sees this run only.
func (r *Run) start() error {
	ctx, stop := context.WithCancel(context.Background())
	p := &process{wire: newWire(stop), stop: stop, ended: make(chan error, 1)}
	cfg := rest.CopyConfig(r.Operator)
	cfg.QPS = -1
	cfg.Wrap(p.wire.transport(kube))
	caches := controllers.CacheOptions(operatorNamespace)
	caches.ByObject[&v1alpha1.TrustedApplication{}] = cache.ByObject{Namespaces: map[string]cache.Config{r.namespace: {}}}
	caches.ByObject[&v1alpha1.IdentityServer{}] = cache.ByObject{Field: fields.OneTermEqualSelector("metadata.name", r.name)}
	yes := true
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: r.Admin.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}, Cache: caches, Client: controllers.ClientOptions(),
		Controller: config.Controller{SkipNameValidation: &yes},
	})
	if err != nil {
		stop()
		return fmt.Errorf("making a manager: %w", err)
	}
	setup := controllers.Setup{
		Namespace: operatorNamespace, ServiceAccount: "trustedapp-operator", PublisherRole: "trustedapp-operator-publisher", Cluster: r.Cluster,
		Workers: 4, ProbeInterval: time.Hour, Dial: p.dial(),
	}
	if err := setup.AddTo(mgr); err != nil {
		stop()
		return err
	}
	go func() { p.ended <- mgr.Start(ctx) }()
	r.operator = p
	return nil
}

// dial connects through the wire.
func (p *process) dial() connections.Dialer {
	limits := &erpnet.Limits{}
	return func(spec v1alpha1.IdentityServerSpec, id string, secret idserver.Secret, observe func(idserver.Call)) (idserver.Connection, error) {
		return erpnet.New(erpnet.Config{
			URL: string(spec.ERPNet.URL), ClientID: id, ClientSecret: secret, CABundle: spec.CABundle, UserAgent: "faults", Limits: limits,
			Observe: observe, WrapTransport: p.wire.transport(server),
		})
	}
}

// kill ends the operator and waits until it is gone.
func (r *Run) kill() error {
	r.operator.wire.mu.Lock()
	r.operator.wire.dead = true
	r.operator.wire.mu.Unlock()
	r.operator.stop()
	select {
	case <-r.operator.ended: // whatever a killed process says
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("the operator does not end")
	}
}

// await waits for a condition of the app as it is stored; app is nil where it is gone.
func (r *Run) await(ctx context.Context, what string, holds func(app *v1alpha1.TrustedApplication) bool) error {
	deadline := time.Now().Add(patience)
	for {
		app := &v1alpha1.TrustedApplication{}
		err := r.Admin.Get(ctx, client.ObjectKeyFromObject(r.app), app)
		switch {
		case apierrors.IsNotFound(err):
			app = nil
		case err != nil:
			return err
		}
		if holds(app) {
			if app != nil {
				r.app = app
			}
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not after %s: %s", what, patience, told(app))
		}
		if !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// sleep waits between two looks; false where ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func told(app *v1alpha1.TrustedApplication) string {
	if app == nil {
		return "it is gone"
	}
	ready := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return "it has no status"
	}
	phase := "-"
	if app.Status.Rotation != nil {
		phase = string(app.Status.Rotation.Phase)
	}
	return fmt.Sprintf("Ready %s (%s: %s), generation %d, observed %d, rotation %s", ready.Status, ready.Reason, ready.Message, app.Generation, app.Status.ObservedGeneration, phase)
}

// ready says whether the app is Ready with its present generation.
func ready(app *v1alpha1.TrustedApplication) bool {
	return app != nil && app.DeletionTimestamp.IsZero() && app.Status.ObservedGeneration == app.Generation &&
		meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)
}

// rest waits until nothing was called for a while.
func (r *Run) rest(ctx context.Context) error {
	deadline := time.Now().Add(patience)
	for r.operator.wire.quiet() < stillness {
		if time.Now().After(deadline) {
			return errors.New("it does not come to rest")
		}
		if !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// edit changes the app.
func (r *Run) edit(ctx context.Context, change func(*v1alpha1.TrustedApplication)) error {
	for {
		app := &v1alpha1.TrustedApplication{}
		if err := r.Admin.Get(ctx, client.ObjectKeyFromObject(r.app), app); err != nil {
			return err
		}
		change(app)
		err := r.Admin.Update(ctx, app)
		if err == nil {
			r.app = app
			return nil
		}
		if !apierrors.IsConflict(err) {
			return err
		}
	}
}

// end takes away what a run made.
func (r *Run) end(ctx context.Context) error {
	err := r.kill()
	for _, o := range []client.Object{r.app, &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: r.name}}} {
		force := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
		err = errors.Join(err, client.IgnoreNotFound(r.Admin.Patch(ctx, o, force)), client.IgnoreNotFound(r.Admin.Delete(ctx, o)))
	}
	return errors.Join(err, r.instance.Close(ctx))
}
