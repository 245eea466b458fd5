package shards

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

const (
	// shop and crm are namespaces that both releases may publish in, annex one that is opened to the release of the rest alone.
	shop, crm, annex = "shop", "crm", "annex"
	// patience is how long a state may take to come on a busy machine.
	patience = 2 * time.Minute
)

// world is a bed with two releases, of which each works on a shard.
type world struct {
	*WithT
	*bed.Bed
	t     *testing.T
	audit string
	// east works on the servers with the label shard=east, rest on all others.
	east, rest *release
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{WithT: NewWithT(t), t: t, audit: filepath.Join(t.TempDir(), "audit.log")}
	w.SetDefaultEventuallyTimeout(patience)
	w.SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	ctrl.SetLogger(logr.Discard())
	var err error
	w.Bed, err = bed.Start(t.Context(), controlplane.Options{AuditLog: w.audit}, os.Stderr)
	t.Cleanup(func() { w.Expect(w.Stop()).To(Succeed()) })
	w.Expect(err).NotTo(HaveOccurred())
	for _, name := range []string{shop, crm, annex} {
		w.Expect(w.Admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	}
	w.rest = w.install("trustedapp-operator-rest", "shard!=east", shop, crm, annex)
	w.east = w.install("trustedapp-operator-east", "shard=east", shop, crm)
	return w
}

// release is one of the chart, with its operator.
type release struct {
	*bed.Manager
	// name is that of the release, of its ServiceAccount and of its Lease.
	name string
}

// user is the operator as a user of the API server.
func (r *release) user() string {
	return "system:serviceaccount:" + bed.OperatorNamespace + ":" + r.name
}

// install installs a release and runs the operator as its Deployment says; there is no node that would.
func (w *world) install(name, selector string, namespaces ...string) *release {
	w.t.Helper()
	helm := exec.CommandContext(w.t.Context(), bed.Path("bin/helm"), "install", name, bed.Path("charts/trustedapp-operator"), "-n", bed.OperatorNamespace,
		"--set", "shardSelector="+selector, "--set", "namespaces={"+strings.Join(namespaces, ",")+"}",
		"--set", "crds.install=false,rbac.userRoles=false,rbac.guardAbandon=false") // they come with the bed
	helm.Env = append(os.Environ(), "KUBECONFIG="+w.Plane.Kubeconfig, "HOME="+w.t.TempDir())
	out, err := helm.CombinedOutput()
	w.Expect(err).NotTo(HaveOccurred(), "%s", out)
	var deployment appsv1.Deployment
	w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: bed.OperatorNamespace, Name: name}, &deployment)).To(Succeed())
	args := slices.DeleteFunc(deployment.Spec.Template.Spec.Containers[0].Args, func(arg string) bool {
		return strings.HasPrefix(arg, "--metrics-bind-address=") // two of them cannot have one port
	})
	build := bed.Build{Binary: bed.Path("bin/manager"), Account: name}
	r := &release{name: name}
	r.Manager, err = w.ManagerOf(w.t.Context(), build, io.Discard, args...)
	w.Expect(err).NotTo(HaveOccurred())
	w.t.Cleanup(func() { w.Expect(r.Stop()).To(Succeed()) })
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	w.Expect(r.WaitReady(ctx)).To(Succeed())
	return r
}

// server starts an ERP.net instance and makes the IdentityServer for it, with the label of a shard unless that is "".
func (w *world) server(name, shard string) *standin.Instance {
	w.t.Helper()
	instance, err := w.Servers.NewInstance(w.t.Context(), bed.Spec(name))
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.Admin.Create(w.t.Context(), bed.Credentials(name))).To(Succeed())
	server := w.Server(instance)
	if shard != "" {
		server.Labels = map[string]string{"shard": shard}
	}
	w.Expect(w.Admin.Create(w.t.Context(), server)).To(Succeed())
	return instance
}

// create makes applications for the Client Credentials flow. Their own labels mean nothing, and say the wrong thing.
func (w *world) create(namespace, server string, names ...string) (made []*v1alpha1.TrustedApplication) {
	w.t.Helper()
	wrong := map[string]string{"globex": "west"}
	for _, name := range names {
		app := &v1alpha1.TrustedApplication{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"shard": cmp.Or(wrong[server], "east")}},
			Spec: v1alpha1.TrustedApplicationSpec{
				IdentityServerRef: v1alpha1.IdentityServerReference{Name: server}, ApplicationURI: "com.example." + server + "/" + name,
				Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"},
				Credentials: &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{Strategy: v1alpha1.RotationInPlace}}, // is over at once
			},
		}
		w.Expect(w.Admin.Create(w.t.Context(), app)).To(Succeed())
		made = append(made, app)
	}
	return made
}

// ready is the Ready condition of an application as it is now, once there is one about what the spec says now; until then that is the error.
func (w *world) ready(app *v1alpha1.TrustedApplication) (*metav1.Condition, error) {
	if err := w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(app), app); err != nil {
		return nil, err
	}
	c := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil || c.ObservedGeneration != app.Generation {
		return nil, fmt.Errorf("%s has no status yet", app.Name)
	}
	return c, nil
}

// become waits until all applications are Ready.
func (w *world) become(apps ...*v1alpha1.TrustedApplication) {
	w.t.Helper()
	for _, app := range apps {
		w.Eventually(w.ready).WithArguments(app).Should(HaveField("Status", metav1.ConditionTrue), app.Name)
	}
}

// kubectl is what people type.
func (w *world) kubectl(args ...string) {
	w.t.Helper()
	_, err := w.Kubectl(w.t.Context(), args...)
	w.Expect(err).NotTo(HaveOccurred())
}
