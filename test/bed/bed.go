// Package bed is what tests on real parts stand on: a control plane with everything of the operator that ships but a running process, and the
// stand-in with ERP.net instances that know the operator.
package bed

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	machinery "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

const (
	// OperatorNamespace is where config/default puts the operator.
	OperatorNamespace = "trustedapp-system"
	// OperatorAccount is its ServiceAccount.
	OperatorAccount = "trustedapp-operator"
	// OperatorUser is that account as a user of the API server.
	OperatorUser = "system:serviceaccount:" + OperatorNamespace + ":" + OperatorAccount
	// PublisherRole is the ClusterRole that lets it publish, and the name of its bindings here.
	PublisherRole = "trustedapp-operator-publisher"
)

// Bed is all of it, running.
type Bed struct {
	Plane   *controlplane.ControlPlane
	Servers *standin.Process
	// Admin is the administrator of the cluster, who is not throttled.
	Admin client.Client
	// Trusted are the authorities that people and workloads trust.
	Trusted *x509.CertPool
}

// Start starts the parts. log gets what the stand-in prints. After it, Stop must be called, also after an error.
func Start(ctx context.Context, options controlplane.Options, log io.Writer) (*Bed, error) {
	b := &Bed{Trusted: x509.NewCertPool()}
	if err := build(ctx); err != nil {
		return b, err
	}
	options.CRDDirs, options.OwnerPermissions = []string{Path("config/crd/bases")}, true
	var err error
	if b.Plane, err = controlplane.Start(ctx, options); err != nil {
		return b, err
	}
	// The stand-in outlives ctx: who stops the bed stops first what talks to it.
	if b.Servers, err = standin.Start(context.WithoutCancel(ctx), log); err != nil {
		return b, err
	}
	if !b.Trusted.AppendCertsFromPEM(b.Servers.CA) {
		return b, errors.New("the stand-in's authority is not a PEM certificate")
	}
	scheme := machinery.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return b, err
	}
	unthrottled := *b.Plane.RESTConfig
	unthrottled.QPS = -1
	if b.Admin, err = client.New(&unthrottled, client.Options{Scheme: scheme}); err != nil {
		return b, err
	}
	_, err = b.Kubectl(ctx, "apply", "--validate=false", "-k", Path("config/default"))
	return b, err
}

// build brings the binaries of this repository to what its source says: a test of an older operator proves nothing.
func build(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "make", "--no-print-directory", "-C", Path("."), "build", "standin").CombinedOutput(); err != nil {
		return fmt.Errorf("building the operator and the stand-in: %w: %s", err, out)
	}
	return nil
}

// Stop stops the parts that run.
func (b *Bed) Stop() (err error) {
	if b.Servers != nil {
		err = b.Servers.Stop()
	}
	if b.Plane != nil {
		err = errors.Join(err, b.Plane.Stop())
	}
	return err
}

// Path is the absolute one of a file of the repository.
func Path(file string) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", filepath.FromSlash(file))
}

// Kubectl runs kubectl as the administrator; the error of a refusal has what it printed.
func (b *Bed) Kubectl(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, Path("bin/kubectl"), append([]string{"--kubeconfig", b.Plane.Kubeconfig}, args...)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("kubectl %v: %w: %s", args, err, out)
	}
	return string(out), err
}

// Namespace makes a namespace for applications, in which the operator may publish.
func (b *Bed) Namespace(ctx context.Context, name string) error {
	if err := b.Admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		return err
	}
	return b.OpenNamespace(ctx, name)
}

// OpenNamespace lets the operator publish in a namespace.
func (b *Bed) OpenNamespace(ctx context.Context, name string) error {
	return b.Admin.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: PublisherRole},
		RoleRef:    publisher(), Subjects: account(),
	})
}

// OpenCluster lets the operator publish in all namespaces.
func (b *Bed) OpenCluster(ctx context.Context) error {
	return b.Admin.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: PublisherRole},
		RoleRef:    publisher(), Subjects: account(),
	})
}

func publisher() rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: PublisherRole}
}

func account() []rbacv1.Subject {
	return []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: OperatorNamespace, Name: OperatorAccount}}
}

// Operator is the access of the operator's ServiceAccount, with the permissions that ship.
func (b *Bed) Operator(ctx context.Context) (*rest.Config, error) {
	return b.Plane.ServiceAccountConfig(ctx, OperatorNamespace, OperatorAccount)
}

// Cluster is what the operator knows the cluster by: the UID of kube-system.
func (b *Bed) Cluster(ctx context.Context) (string, error) {
	var system corev1.Namespace
	err := b.Admin.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, &system)
	return string(system.UID), err
}
