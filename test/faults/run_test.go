package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/canary"
)

// Bed is what all runs share.
type Bed struct {
	*bed.Bed
	access  *rest.Config // the operator's
	cluster string
	// browser is somebody who asks for tokens.
	browser *http.Client
	log     *os.File
	// secrets are all that were ever published.
	secrets canary.Canaries
	serial  atomic.Int64
	// shared are the servers that runs share.
	shared *shared
}

// Run is one try of a workflow.
type Run struct {
	*Bed
	workflow        *Workflow
	namespace, name string
	site            site
	wire            *Wire
	operator        *process

	mu sync.Mutex
	// app is the application as it was last seen.
	app *v1alpha1.TrustedApplication
	// others are operators beside the present one.
	others []*process
	// begins are the lists that the first operator's watches began with; older: they were shown once more.
	begins map[string][]byte
	older  bool
	// deleted: somebody deleted the application; returns: and makes it again as soon as it is gone; returned: did so.
	deleted, returns, returned bool
	// sweeps: it takes a sweep to see what somebody did to the registration. swept counts them.
	sweeps bool
	swept  int
	// disturbed: somebody took away what has to be there, or another leader is at work: what holds at every moment does not hold now.
	disturbed bool
	// former are the secrets of an application that was deleted.
	former []string
	// broken is what did not hold in the course of the run.
	broken []error
}

// newRun makes a namespace, and a server with the IdentityServer for it.
func (b *Bed) newRun(ctx context.Context, w *Workflow) (*Run, error) {
	n := b.serial.Add(1)
	r := &Run{Bed: b, workflow: w, namespace: fmt.Sprintf("run-%d", n), name: fmt.Sprintf("acme-%d", n), wire: &Wire{last: time.Now()}}
	r.wire.before, r.wire.after = r.meet, r.moment
	objects := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.namespace}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: foreign}, Data: map[string][]byte{"a": []byte("b")}},
	}
	for _, o := range objects {
		if err := b.Admin.Create(ctx, o); err != nil {
			return nil, fmt.Errorf("preparing a run: %w", err)
		}
	}
	r.app = r.application()
	var err error
	r.site, err = w.at.open(ctx, r)
	return r, err
}

// foreign is the name of what belongs to others.
const foreign = "foreign"

// uri is the client id of the application.
func (r *Run) uri() string { return "com.example." + r.namespace + ".orders" }

// application is the application as people make it.
func (r *Run) application() *v1alpha1.TrustedApplication {
	spec := r.workflow.spec()
	spec.IdentityServerRef.Name, spec.ApplicationURI = r.name, r.uri()
	return &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "orders"}, Spec: spec}
}

// wrong notes what does not hold.
func (r *Run) wrong(invariant int, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = append(r.broken, fmt.Errorf("invariant %d: %s", invariant, fmt.Sprintf(format, args...)))
}

// stored is the application as it is stored; nil where it is gone.
func (r *Run) stored(ctx context.Context) (*v1alpha1.TrustedApplication, error) {
	app := &v1alpha1.TrustedApplication{}
	err := r.Admin.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: "orders"}, app)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return app, err
}

// published are the Secrets of the application.
func (r *Run) published(ctx context.Context) ([]corev1.Secret, error) {
	var all corev1.SecretList
	err := r.Admin.List(ctx, &all, client.InNamespace(r.namespace), client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})
	for _, s := range all.Items {
		r.secrets.Plant("a credential", string(s.Data[v1alpha1.KeyClientSecret]))
		r.secrets.Plant("a credential", string(s.Data[v1alpha1.KeyClientSecretNext]))
		r.secrets.Plant("a credential", privatePart(s.Data[v1alpha1.KeyPrivateKeyJWK]))
	}
	return all.Items, err
}

// edit changes the application, if it is there.
func (r *Run) edit(ctx context.Context, change func(*v1alpha1.TrustedApplication)) error {
	for {
		app, err := r.stored(ctx)
		if err != nil || app == nil {
			return err
		}
		change(app)
		if err := r.Admin.Update(ctx, app); !apierrors.IsConflict(err) {
			return client.IgnoreNotFound(err)
		}
	}
}

// sweep asks for a sweep of the server.
func (r *Run) sweep(ctx context.Context) error {
	r.mu.Lock()
	r.sweeps = true
	r.swept++
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"%d"}}}`, v1alpha1.SweepAnnotation, r.swept)
	r.mu.Unlock()
	ids := &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: r.name}}
	defer r.wire.stir()
	return r.Admin.Patch(ctx, ids, client.RawPatch("application/merge-patch+json", []byte(patch)))
}

// end takes away what a run made.
func (r *Run) end(ctx context.Context) error {
	var err error
	for _, p := range append(r.others, r.operator) {
		if p != nil {
			err = errors.Join(err, p.kill())
		}
	}
	for _, o := range []client.Object{r.app, &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: r.name}}} {
		force := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
		err = errors.Join(err, client.IgnoreNotFound(r.Admin.Patch(ctx, o, force)), client.IgnoreNotFound(r.Admin.Delete(ctx, o)))
	}
	var kept corev1.SecretList
	err = errors.Join(err, r.Admin.List(ctx, &kept, client.InNamespace(bed.OperatorNamespace)))
	for i := range kept.Items {
		if s := &kept.Items[i]; s.Name == r.name || strings.HasSuffix(s.Name, string(r.app.UID)) {
			err = errors.Join(err, client.IgnoreNotFound(r.Admin.Delete(ctx, s)))
		}
	}
	err = errors.Join(err, r.Admin.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace(r.namespace)),
		r.Admin.DeleteAllOf(ctx, &corev1.ConfigMap{}, client.InNamespace(r.namespace)))
	return errors.Join(err, r.site.close(ctx))
}
