package admission

import (
	"context"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/output"
)

// The policies, without the prefix of their names.
const (
	publishes = "publishes"
	protects  = "protects"
	sets      = "sets"
	restarts  = "restarts"
)

// What they say.
const (
	notOwn     = "the operator changes and deletes only what it wrote itself"
	unlabelled = "the operator writes only what carries its label"
	otherType  = "the operator writes only Secrets of the type"
	ofSpec     = "the operator never changes a spec"
	ofMetadata = "the operator changes neither labels nor annotations nor owners"
	notOfSet   = "the operator makes and deletes no TrustedApplications but those of sets"
	finalizers = "the operator changes no finalizers but its own"
	ofWorkload = "the operator changes nothing of a workload but the annotations"
)

// marks are the labels of what the operator writes.
var marks = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue}

// keep is the finalizer of somebody else.
const keep = "example.com/keep"

// prepare makes what the writes are about. All but the Secrets "published" and "combined" and the ConfigMap "published" is somebody else's.
func (c *cluster) prepare() {
	c.t.Helper()
	one, note := map[string]string{"one": "1"}, map[string]string{"example.com/note": "hello"}
	none := int32(0)
	pods := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: one, Annotations: note},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/orders:1"}}},
	}
	noted := in(demo, "orders")
	noted.Annotations = note
	selector := &metav1.LabelSelector{MatchLabels: one}
	for _, o := range []client.Object{
		secret("published", output.SecretType, marks), secret("database", corev1.SecretTypeOpaque, nil), secret("binding", output.SecretType, nil),
		owned(secret("combined", output.CombinedType, marks), "TrustedApplicationSet"), secret("lookalike", output.CombinedType, nil),
		configMap("published", marks), configMap("settings", nil), login(),
		&v1alpha1.IdentityServer{
			ObjectMeta: in("", "acme"),
			Spec: v1alpha1.IdentityServerSpec{ERPNet: &v1alpha1.ERPNetServer{
				URL: "https://acme.my.erp.net", CredentialsRef: v1alpha1.LocalSecretReference{Name: "acme-operator"},
			}},
		},
		&v1alpha1.TrustedApplication{
			ObjectMeta: metav1.ObjectMeta{Namespace: demo, Name: "orders", Finalizers: []string{keep}},
			Spec:       spec,
		},
		&v1alpha1.TrustedApplication{ObjectMeta: ofSet().ObjectMeta, Spec: spec},
		&v1alpha1.TrustedApplicationSet{ObjectMeta: theSet().ObjectMeta, Spec: v1alpha1.TrustedApplicationSetSpec{
			Servers: v1alpha1.SetServers{Names: []string{"acme"}},
			Template: v1alpha1.ApplicationTemplate{Spec: v1alpha1.ApplicationTemplateSpec{
				ApplicationURI: "com.example.crm/sync", Service: &v1alpha1.ServiceTemplate{SystemUser: "svc.orders"},
			}},
		}},
		&appsv1.Deployment{ObjectMeta: in(demo, "orders"), Spec: appsv1.DeploymentSpec{
			Replicas: &none, Selector: selector, Template: pods, Paused: true,
		}},
		&appsv1.StatefulSet{ObjectMeta: in(demo, "orders"), Spec: appsv1.StatefulSetSpec{Replicas: &none, Selector: selector, Template: pods}},
		&appsv1.DaemonSet{ObjectMeta: noted, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: pods}},
	} {
		c.Expect(c.admin.Create(c.t.Context(), o)).To(Succeed())
	}
}

func in(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func secret(name string, of corev1.SecretType, labels map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: demo, Name: name, Labels: labels}, Type: of}
}

// owned is a Secret whose controller is of a kind of the operator.
func owned(s *corev1.Secret, kind string) *corev1.Secret {
	return ownedBy(s, metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind, Name: "crm", UID: "1", Controller: new(true)})
}

func ownedBy(s *corev1.Secret, owner metav1.OwnerReference) *corev1.Secret {
	s.OwnerReferences = []metav1.OwnerReference{owner}
	return s
}

func configMap(name string, labels map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: demo, Name: name, Labels: labels}}
}

// login is the Secret with which the operator signs in at the server.
func login() *corev1.Secret { return &corev1.Secret{ObjectMeta: in(own, "acme-operator")} }

func application() *v1alpha1.TrustedApplication {
	return &v1alpha1.TrustedApplication{ObjectMeta: in(demo, "orders")}
}

// spec is that of all applications.
var spec = v1alpha1.TrustedApplicationSpec{
	IdentityServerRef: v1alpha1.IdentityServerReference{Name: "acme"}, ApplicationURI: "com.example.orders/sync",
	Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"},
}

func theSet() *v1alpha1.TrustedApplicationSet {
	return &v1alpha1.TrustedApplicationSet{ObjectMeta: in(demo, "crm")}
}

// ofSet is an application of a set.
func ofSet() *v1alpha1.TrustedApplication {
	app := &v1alpha1.TrustedApplication{ObjectMeta: in(demo, "crm-acme")}
	app.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "TrustedApplicationSet", Name: "crm", UID: "1", Controller: new(true),
	}}
	return app
}

func server() *v1alpha1.IdentityServer { return &v1alpha1.IdentityServer{ObjectMeta: in("", "acme")} }

func deployment() *appsv1.Deployment   { return &appsv1.Deployment{ObjectMeta: in(demo, "orders")} }
func statefulSet() *appsv1.StatefulSet { return &appsv1.StatefulSet{ObjectMeta: in(demo, "orders")} }
func daemonSet() *appsv1.DaemonSet     { return &appsv1.DaemonSet{ObjectMeta: in(demo, "orders")} }

// write is a write that a policy refuses.
type write struct {
	name, policy, message string
	do                    deed
}

type deed func(context.Context, client.Client) error

// by is the write of somebody.
func (w write) by(ctx context.Context, who client.Client) func() error {
	return func() error { return w.do(ctx, who) }
}

func create(o client.Object) deed {
	return func(ctx context.Context, who client.Client) error { return who.Create(ctx, copyOf(o)) }
}

func remove(o client.Object) deed {
	return func(ctx context.Context, who client.Client) error { return who.Delete(ctx, o) }
}

// update changes an object as it is.
func update(o client.Object, change func(client.Object)) deed {
	return func(ctx context.Context, who client.Client) error {
		now := copyOf(o)
		if err := who.Get(ctx, client.ObjectKeyFromObject(o), now); err != nil {
			return err
		}
		change(now)
		return who.Update(ctx, now)
	}
}

func label(labels map[string]string) func(client.Object) {
	return func(o client.Object) { o.SetLabels(labels) }
}

func patch(o client.Object, change string) deed {
	return func(ctx context.Context, who client.Client) error {
		return who.Patch(ctx, copyOf(o), client.RawPatch(types.MergePatchType, []byte(change)))
	}
}

func podAnnotation(change string) deed {
	return patch(deployment(), `{"spec":{"template":{"metadata":{"annotations":`+change+`}}}}`)
}

// copyOf is what a client may fill: each write is tried more than once.
func copyOf(o client.Object) client.Object { return o.DeepCopyObject().(client.Object) }

// confined is what the roles of the operator would let pass.
var confined = []write{
	{"make a Secret without the label", publishes, unlabelled, create(secret("new", output.SecretType, nil))},
	{"make a Secret with the label of another tool", publishes, unlabelled,
		create(secret("new", output.SecretType, map[string]string{v1alpha1.ManagedByLabel: "Helm"}))},
	{"make a ConfigMap without the label", publishes, unlabelled, create(configMap("new", nil))},
	{"make a Secret of another type", publishes, otherType, create(secret("new", corev1.SecretTypeOpaque, marks))},
	{"have a token made of a ServiceAccount", publishes, otherType, create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: own, Name: "new", Labels: marks, Annotations: map[string]string{corev1.ServiceAccountNameKey: account},
		},
		Type: corev1.SecretTypeServiceAccountToken,
	})},
	{"make a ledger where teams can read it", publishes, otherType, create(secret("new", ledger.SecretType, marks))},
	{"make a combined Secret without a set", publishes, otherType, create(secret("new", output.CombinedType, marks))},
	{"make a combined Secret of an application", publishes, otherType, create(owned(secret("new", output.CombinedType, marks), "TrustedApplication"))},
	{"make a combined Secret of a set of others", publishes, otherType, create(ownedBy(secret("new", output.CombinedType, marks), metav1.OwnerReference{
		APIVersion: "example.com/v1", Kind: "TrustedApplicationSet", Name: "crm", UID: "1", Controller: new(true),
	}))},
	{"make a combined Secret that a set does not control", publishes, otherType,
		create(ownedBy(secret("new", output.CombinedType, marks), metav1.OwnerReference{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "TrustedApplicationSet", Name: "crm", UID: "1",
		}))},
	{"make another Secret of a set", publishes, otherType, create(owned(secret("new", corev1.SecretTypeOpaque, marks), "TrustedApplicationSet"))},
	{"make a combined Secret without the label", publishes, unlabelled,
		create(owned(secret("new", output.CombinedType, nil), "TrustedApplicationSet"))},
	{"give a combined Secret away", publishes, otherType, update(secret("combined", "", nil), func(o client.Object) { o.SetOwnerReferences(nil) })},
	{"take over a Secret of the type of combined ones", publishes, notOwn,
		update(secret("lookalike", "", nil), func(o client.Object) {
			o.SetLabels(marks)
			o.SetOwnerReferences(owned(secret("", "", nil), "TrustedApplicationSet").GetOwnerReferences())
		})},
	{"delete a Secret of the type of combined ones", publishes, notOwn, remove(secret("lookalike", "", nil))},
	{"take the label off a Secret", publishes, unlabelled, update(secret("published", "", nil), label(nil))},
	{"take the label off a ConfigMap", publishes, unlabelled, update(configMap("published", nil), label(nil))},
	{"take over a Secret", publishes, notOwn, update(secret("binding", "", nil), label(marks))},
	{"take over a Secret by an owner", publishes, notOwn, update(secret("binding", "", nil), func(o client.Object) {
		o.SetLabels(marks)
		o.SetOwnerReferences(owned(secret("", "", nil), "TrustedApplication").GetOwnerReferences())
	})},
	{"take over a ConfigMap", publishes, notOwn, update(configMap("settings", nil), label(marks))},
	{"change a Secret", publishes, notOwn, update(secret("database", "", nil), label(map[string]string{"a": "b"}))},
	{"change the login at a server", publishes, notOwn, update(login(), label(marks))},
	{"delete a Secret", publishes, notOwn, remove(secret("database", "", nil))},
	{"delete a Secret of its type", publishes, notOwn, remove(secret("binding", "", nil))},
	{"delete a ConfigMap", publishes, notOwn, remove(configMap("settings", nil))},
	{"delete the login at a server", publishes, notOwn, remove(login())},

	{"change the spec of an application", protects, ofSpec, patch(application(), `{"spec":{"service":{"systemUser":"admin"}}}`)},
	{"change the spec of a server", protects, ofSpec, patch(server(), `{"spec":{"erpNet":{"url":"https://evil.example.com"}}}`)},
	{"label an application", protects, ofMetadata, patch(application(), `{"metadata":{"labels":{"a":"b"}}}`)},
	{"label a server", protects, ofMetadata, patch(server(), `{"metadata":{"labels":{"a":"b"}}}`)},
	{"ask for a rotation", protects, ofMetadata, patch(application(), `{"metadata":{"annotations":{"trustedapps.dev/rotate":"now"}}}`)},
	{"pause a server", protects, ofMetadata, patch(server(), `{"metadata":{"annotations":{"trustedapps.dev/paused":"true"}}}`)},
	{"own an application", protects, ofMetadata,
		patch(application(), `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"settings","uid":"1"}]}}`)},
	{"put a finalizer of others on a server", protects, finalizers, patch(server(), `{"metadata":{"finalizers":["`+keep+`"]}}`)},
	{"take a finalizer of others off an application", protects, finalizers,
		patch(application(), `{"metadata":{"finalizers":["`+v1alpha1.Finalizer+`"]}}`)},

	{"give an application of a set away", protects, ofMetadata,
		patch(ofSet(), `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"settings","uid":"1"}]}}`)},
	{"make an application", sets, notOfSet, create(&v1alpha1.TrustedApplication{ObjectMeta: in(demo, "more"), Spec: spec})},
	{"delete an application", sets, notOfSet, remove(application())},

	{"run a Deployment as another account", restarts, ofWorkload, patch(deployment(), asAdmin)},
	{"run a StatefulSet as another account", restarts, ofWorkload, patch(statefulSet(), asAdmin)},
	{"run a DaemonSet as another account", restarts, ofWorkload, patch(daemonSet(), asAdmin)},
	{"scale", restarts, ofWorkload, patch(deployment(), `{"spec":{"replicas":7}}`)},
	{"add a field", restarts, ofWorkload, patch(deployment(), `{"spec":{"minReadySeconds":5}}`)},
	{"take a field away", restarts, ofWorkload, patch(deployment(), `{"spec":{"paused":null}}`)},
	{"label a workload", restarts, ofWorkload, patch(deployment(), `{"metadata":{"labels":{"a":"b"}}}`)},
	{"annotate a workload", restarts, ofWorkload, patch(deployment(), `{"metadata":{"annotations":{"a":"b"}}}`)},
	{"take an annotation off a workload", restarts, ofWorkload, patch(daemonSet(), `{"metadata":{"annotations":{"example.com/note":null}}}`)},
	{"own a workload", restarts, ofWorkload,
		patch(deployment(), `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"settings","uid":"1"}]}}`)},
	{"keep a workload from going", restarts, ofWorkload, patch(deployment(), `{"metadata":{"finalizers":["`+keep+`"]}}`)},
	{"label Pods", restarts, ofWorkload, patch(deployment(), `{"spec":{"template":{"metadata":{"labels":{"a":"b"}}}}}`)},
	{"annotate Pods otherwise", restarts, ofWorkload, podAnnotation(`{"example.com/note":"bye"}`)},
	{"annotate Pods with more", restarts, ofWorkload, podAnnotation(`{"example.com/more":"x"}`)},
	{"take an annotation off Pods", restarts, ofWorkload, podAnnotation(`{"example.com/note":null}`)},
}

const asAdmin = `{"spec":{"template":{"spec":{"serviceAccountName":"admin"}}}}`
