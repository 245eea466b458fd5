package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"trustedapps.dev/operator/api/v1alpha1"
)

const (
	operatorNamespace = "trustedapp-system"
	release           = "trustedapp-operator"
	operatorImage     = "trustedapp-operator"
	serverName        = "acme"
	credentialsSecret = "acme-operator"
)

var operatorLabels = map[string]string{"app.kubernetes.io/name": "trustedapp-operator"}

// version is a chart and the image that belongs to it, which has the name of the version as its tag.
type version struct{ tag, chart string }

func present() version { return version{"present", repository("charts/trustedapp-operator")} }
func previous() version {
	return version{"previous", repository("build/e2e/source/charts/trustedapp-operator")}
}

// prepareOperatorNamespace makes the namespace as the installation guide says, and the operator's own credentials.
func prepareOperatorNamespace(ctx context.Context) {
	GinkgoHelper()
	Expect(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace, Labels: restricted}})).To(Succeed())
	Expect(admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: credentialsSecret},
		Data:       map[string][]byte{"client_id": []byte(operatorClientID), "client_secret": []byte(operatorSecret)},
	})).To(Succeed())
}

// install installs or upgrades the release with the values that a platform team writes, and waits until the operator runs.
func install(ctx context.Context, v version, namespaces ...string) {
	GinkgoHelper()
	values := map[string]any{
		"image":      map[string]any{"repository": operatorImage, "tag": v.tag, "pullPolicy": "Never"},
		"namespaces": namespaces,
		"identityServers": map[string]any{serverName: v1alpha1.IdentityServerSpec{
			CABundle: standIn.CA,
			Access:   []v1alpha1.AccessGrant{{Name: "everyone", Namespaces: []v1alpha1.NamespacePattern{"*"}}},
			ERPNet: &v1alpha1.ERPNetServer{
				URL: v1alpha1.HTTPSURL(instance.URL), CredentialsRef: v1alpha1.LocalSecretReference{Name: credentialsSecret},
			},
		}},
	}
	raw, err := yaml.Marshal(values)
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(GinkgoT().TempDir(), "values.yaml")
	Expect(os.WriteFile(file, raw, 0o600)).To(Succeed())
	_, err = helm(ctx, "upgrade", "--install", release, v.chart, "--values="+file)
	Expect(err).NotTo(HaveOccurred())
	Expect(machine.settle(ctx)).To(Succeed())
}

func uninstall(ctx context.Context) {
	GinkgoHelper()
	_, err := helm(ctx, "uninstall", release)
	Expect(err).NotTo(HaveOccurred())
	Expect(machine.settle(ctx)).To(Succeed())
}

func deployment(ctx context.Context) (*appsv1.Deployment, error) {
	var d appsv1.Deployment
	return &d, admin.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: release}, &d)
}

// replicas is how many there should be: none without a Deployment.
func replicas(ctx context.Context) (int, error) {
	d, err := deployment(ctx)
	if err != nil {
		return 0, client.IgnoreNotFound(err)
	}
	return int(*d.Spec.Replicas), nil
}

// leader is who holds the Lease.
func leader(ctx context.Context) (string, error) {
	var lease coordinationv1.Lease
	if err := admin.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: release}, &lease); err != nil {
		return "", err
	}
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		return "", errors.New("nobody holds the Lease")
	}
	return *lease.Spec.HolderIdentity, nil
}

// working proves that the operator works, on an application that comes and goes. Every other application was looked at before it.
func working(ctx context.Context) {
	GinkgoHelper()
	name := fmt.Sprintf("canary-%d", serial.Add(1))
	app := serviceApp(appNamespace, name)
	Expect(admin.Create(ctx, app)).To(Succeed())
	becomesReady(ctx, app)
	deleteApp(ctx, app)
}
