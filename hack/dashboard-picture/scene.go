package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/controllers"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/prometheus"
	"trustedapps.dev/operator/test/standin"
)

const (
	own    = "trustedapp-system"
	uri    = "dev.trustedapps.operator/picture"
	secret = "of-a-stand-in-that-ends-with-this-program"
)

var (
	serverNames = []string{"acme", "globex", "initech"}
	teams       = []string{"shop", "warehouse", "finance", "portal", "mobile"}
)

// scene is a cluster with the operator and three instances.
type scene struct {
	plane     *controlplane.ControlPlane
	process   *standin.Process
	instances map[string]*standin.Instance
	admin     client.Client
	metrics   string
	stop      context.CancelFunc
	ended     chan error
}

// newScene starts everything. The scene must be closed, also after an error.
func newScene(ctx context.Context) (s *scene, err error) {
	s = &scene{instances: map[string]*standin.Instance{}}
	fmt.Println("starting the control plane and the instances")
	s.plane, err = controlplane.Start(ctx, controlplane.Options{CRDDirs: []string{"config/crd/bases"}})
	if err != nil {
		return s, err
	}
	if s.process, err = standin.Start(context.WithoutCancel(ctx), os.Stderr); err != nil {
		return s, err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return s, err
	}
	if s.admin, err = client.New(s.plane.RESTConfig, client.Options{Scheme: scheme}); err != nil {
		return s, err
	}
	for _, name := range append([]string{own}, teams...) {
		if err := s.admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return s, err
		}
	}
	if s.metrics, err = prometheus.FreeAddress(); err != nil {
		return s, err
	}
	if err := s.startOperator(scheme); err != nil {
		return s, err
	}
	for _, name := range serverNames {
		if err := s.addServer(ctx, name); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *scene) startOperator(scheme *runtime.Scheme) error {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	mgr, err := ctrl.NewManager(s.plane.RESTConfig, ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: s.metrics}, Cache: controllers.CacheOptions(own), Client: controllers.ClientOptions(),
	})
	if err != nil {
		return err
	}
	setup := controllers.Setup{
		Namespace: own, Cluster: "picture", Workers: 32, ProbeInterval: 20 * time.Second, Dial: controllers.Dial("dashboard-picture", nil),
	}
	if err := setup.AddTo(mgr); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.ended = stop, make(chan error, 1)
	go func() { s.ended <- mgr.Start(ctx) }()
	return nil
}

func (s *scene) addServer(ctx context.Context, name string) error {
	instance, err := s.process.NewInstance(ctx, standin.Spec{
		Name: name, Version: "26.2.1.66",
		Users: []standin.User{
			{Login: "svc.operator", Active: true, IsAdmin: true, UserType: "InternalUser"}, {Login: "svc.apps", Active: true, UserType: "InternalUser"},
		},
		Applications: []standin.Application{{
			ApplicationURI: uri, Name: "operator", IsEnabled: true, ClientType: "Confidential", Secret: secret,
			SystemUserAllowed: true, SystemUser: "svc.operator", Scope: new("read update sec"),
		}},
	})
	if err != nil {
		return err
	}
	s.instances[name] = instance
	return errors.Join(
		s.admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: name}, StringData: map[string]string{"client_id": uri, "client_secret": secret},
		}),
		s.admin.Create(ctx, &v1alpha1.IdentityServer{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: v1alpha1.IdentityServerSpec{CABundle: s.process.CA, Access: bed.Everyone(), ERPNet: &v1alpha1.ERPNetServer{
				URL: v1alpha1.HTTPSURL(instance.URL), CredentialsRef: v1alpha1.LocalSecretReference{Name: name},
			}},
		}),
	)
}

func (s *scene) close() error {
	var errs []error
	if s.stop != nil {
		s.stop()
		errs = append(errs, <-s.ended)
	}
	if s.process != nil {
		errs = append(errs, s.process.Stop())
	}
	if s.plane != nil {
		errs = append(errs, s.plane.Stop())
	}
	return errors.Join(errs...)
}

// play lets time pass: every few seconds an application is born; in between there is trouble.
func (s *scene) play(ctx context.Context, length time.Duration) error {
	tick := time.NewTicker(length / 100) // an act each
	defer tick.Stop()
	for act := range 100 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.ended:
			return fmt.Errorf("the operator ended: %w", err)
		case <-tick.C:
		}
		if act%10 == 0 {
			fmt.Printf("  %d %%\n", act)
		}
		if err := s.act(ctx, act); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) act(ctx context.Context, n int) error {
	acme, globex, initech := s.instances["acme"], s.instances["globex"], s.instances["initech"]
	fault := func(i *standin.Instance, f standin.Fault) error {
		_, err := i.AddFault(ctx, f)
		return err
	}
	var err error
	switch n {
	case 1:
		err = errors.Join(
			fault(globex, standin.Fault{ID: "far", Path: "/*", LatencyMs: 60}),
			fault(initech, standin.Fault{ID: "far", Path: "/*", LatencyMs: 140}))
	case 20: // the token endpoint refuses services
		err = fault(acme, standin.Fault{
			ID: "refused", Method: http.MethodPost, Path: "/id/connect/token",
			Status: http.StatusBadRequest, Body: `{"error":"unauthorized_client"}`, ContentType: "application/json",
		})
	case 32:
		err = acme.RemoveFault(ctx, "refused")
	case 45:
		err = globex.SetDown(ctx, true)
	case 58:
		err = globex.SetDown(ctx, false)
	case 60: // a wave for a slow server
		err = errors.Join(initech.RemoveFault(ctx, "far"), fault(initech, standin.Fault{ID: "slow", Path: "/*", LatencyMs: 700}))
		for i := range 24 {
			err = errors.Join(err, s.admin.Create(ctx, application(1000+i, "mobile", "initech")))
		}
	case 76:
		err = initech.RemoveFault(ctx, "slow")
	case 80:
		err = errors.Join(globex.RemoveFault(ctx, "far"), fault(globex, standin.Fault{
			ID: "busy", Method: http.MethodPost, Path: "/*/Systems_Security_TrustedApplications",
			Status: http.StatusTooManyRequests, RetryAfter: "2", Count: 4,
		}))
	case 85:
		err = s.admin.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: "app-87"}})
	case 90:
		err = s.admin.DeleteAllOf(ctx, &v1alpha1.TrustedApplication{}, client.InNamespace("portal"))
	}
	if err == nil && n > 2 {
		err = s.admin.Create(ctx, application(n, teams[n%len(teams)], serverNames[n%len(serverNames)]))
	}
	return err
}

// application is a service, or every third time a single-page application.
func application(n int, team, server string) *v1alpha1.TrustedApplication {
	app := &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: fmt.Sprint("app-", n)},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: server}, ApplicationURI: fmt.Sprintf("com.example.%s/app-%d", team, n),
			Scopes: []v1alpha1.Scope{"read"}, Service: &v1alpha1.ServiceSpec{SystemUser: "svc.apps"},
		},
	}
	if n%3 == 2 {
		app.Spec.Service, app.Spec.ClientType = nil, v1alpha1.ClientTypePublic
		app.Spec.Interactive = &v1alpha1.InteractiveSpec{RedirectURIs: []v1alpha1.RedirectURI{"https://app.example.com/callback"}}
	}
	return app
}
