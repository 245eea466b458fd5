package importing

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/byhand"
	"trustedapps.dev/operator/test/canary"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
	"trustedapps.dev/operator/test/standin"
)

const (
	team = "orders"
	// patience is how long a state may take to come on a busy machine.
	patience = 2 * time.Minute
)

// world is a bed with one instance and an operator.
type world struct {
	*WithT
	*bed.Bed
	t        *testing.T
	instance *standin.Instance
	operator *bed.Manager
	log      *process.Buffer
	secrets  canary.Canaries
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{WithT: NewWithT(t), t: t, log: &process.Buffer{}}
	w.SetDefaultEventuallyTimeout(patience)
	w.SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	ctrl.SetLogger(logr.Discard())
	var err error
	w.Bed, err = bed.Start(t.Context(), controlplane.Options{}, os.Stderr)
	t.Cleanup(func() { w.Expect(w.Stop()).To(Succeed()) })
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.Namespace(t.Context(), team)).To(Succeed())
	w.instance, err = byhand.Instance(t.Context(), w.Bed, "acme")
	w.Expect(err).NotTo(HaveOccurred())
	w.startOperator()
	return w
}

func (w *world) startOperator() {
	w.t.Helper()
	var err error
	w.operator, err = w.Manager(w.t.Context(), w.log)
	w.Expect(err).NotTo(HaveOccurred())
	w.t.Cleanup(func() { _ = w.operator.Stop() })
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	w.Expect(w.operator.WaitReady(ctx)).To(Succeed())
}

// administrator is somebody with the permissions of docs/import.md, and no others.
func (w *world) administrator() client.Client {
	w.t.Helper()
	const name = "importer"
	account := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: bed.OperatorNamespace, Name: name}}
	object := metav1.ObjectMeta{Namespace: bed.OperatorNamespace, Name: name}
	for _, o := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: object},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"identityservers"}, Verbs: []string{"get", "patch"}},
		}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Subjects: account, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		},
		&rbacv1.Role{ObjectMeta: object, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}}}},
		&rbacv1.RoleBinding{ObjectMeta: object, Subjects: account, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}},
	} {
		w.Expect(w.Admin.Create(w.t.Context(), o)).To(Succeed())
	}
	config, err := w.Plane.ServiceAccountConfig(w.t.Context(), bed.OperatorNamespace, name)
	w.Expect(err).NotTo(HaveOccurred())
	c, err := client.New(config, client.Options{Scheme: w.Admin.Scheme()})
	w.Expect(err).NotTo(HaveOccurred())
	return c
}

// seed makes the registrations, and remembers their secrets and the hashes of them.
func (w *world) seed() {
	w.t.Helper()
	all, err := byhand.Seed(w.t.Context(), w.instance)
	w.Expect(err).NotTo(HaveOccurred())
	for _, a := range all {
		w.secrets.Plant("the secret of "+a.ApplicationURI, a.Secret)
		if a.ApplicationSecretHash != nil {
			w.secrets.Plant("the hash of the secret of "+a.ApplicationURI, *a.ApplicationSecretHash)
		}
	}
}

// writes are the changes that reached the server since the counters began.
func (w *world) writes() int {
	w.t.Helper()
	counts, err := w.instance.Counts(w.t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	return counts.Writes
}

// reads are the requests for registrations that reached the server, those in batches not counted one by one.
func (w *world) reads() int {
	w.t.Helper()
	counts, err := w.instance.Counts(w.t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	return counts.Requests["GET Systems_Security_TrustedApplications"] + counts.Requests["POST $batch"]
}

// registered are all trusted applications, as they are stored.
func (w *world) registered() map[string]standin.Application {
	w.t.Helper()
	all, err := w.instance.Applications(w.t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	byURI := map[string]standin.Application{}
	for _, a := range all {
		byURI[a.ApplicationURI] = a
	}
	return byURI
}

// ready counts the applications of the team that are Ready with a reason, for the generation that they have.
func (w *world) ready(reason string) (int, error) {
	var apps v1alpha1.TrustedApplicationList
	if err := w.Admin.List(w.t.Context(), &apps, client.InNamespace(team)); err != nil {
		return 0, err
	}
	n := 0
	for i := range apps.Items {
		a := &apps.Items[i]
		c := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady)
		if c != nil && c.Status == metav1.ConditionTrue && c.Reason == reason && a.Status.ObservedGeneration == a.Generation {
			n++
		}
	}
	return n, nil
}

// becomes waits until an application has a reason for what its spec says now.
func (w *world) becomes(app *v1alpha1.TrustedApplication, status metav1.ConditionStatus, reason string) {
	w.t.Helper()
	w.Eventually(func(g Gomega) {
		g.Expect(w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(app), app)).To(Succeed())
		c := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(c).NotTo(BeNil())
		g.Expect(*c).To(And(HaveField("Status", status), HaveField("Reason", reason), HaveField("ObservedGeneration", app.Generation)), c.Message)
	}).Should(Succeed())
}

// find is the application of a client id.
func (w *world) find(uri string) *v1alpha1.TrustedApplication {
	w.t.Helper()
	var apps v1alpha1.TrustedApplicationList
	w.Expect(w.Admin.List(w.t.Context(), &apps, client.InNamespace(team))).To(Succeed())
	for i := range apps.Items {
		if apps.Items[i].Spec.ApplicationURI == uri {
			return &apps.Items[i]
		}
	}
	w.t.Fatalf("no manifest is for %s", uri)
	return nil
}

func (w *world) enforce(app *v1alpha1.TrustedApplication) {
	w.t.Helper()
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"driftPolicy":"Enforce"}}`))
	w.Expect(w.Admin.Patch(w.t.Context(), app, patch)).To(Succeed())
	w.becomes(app, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

// sweep asks for a sweep of the server.
func (w *world) sweep(why string) {
	w.t.Helper()
	_, err := w.Kubectl(w.t.Context(), "annotate", "ids", "acme", v1alpha1.SweepAnnotation+"="+why, "--overwrite")
	w.Expect(err).NotTo(HaveOccurred())
}

// report is build/import.json.
type report struct {
	Registrations int `json:"registrations"`
	Manifests     int `json:"manifests"`
	Ready         int `json:"ready"`
	ServerWrites  int `json:"serverWrites"`
}

func (r report) write() error {
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	file := bed.Path("build/import.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(body, '\n'), 0o644)
}
