package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// creators make applications at the same time.
const creators = 16

// namespace makes one that holds nothing yet.
func (s *stage) namespace(ctx context.Context) (string, error) {
	s.spaces++
	name := fmt.Sprintf("bench-%d", s.spaces)
	if err := s.bed.Admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		return "", fmt.Errorf("making a namespace: %w", err)
	}
	return name, nil
}

// application is a service.
func application(at, namespace, name string) *v1alpha1.TrustedApplication {
	return &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: at}, ApplicationURI: prefix(namespace) + name,
			Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"},
		},
	}
}

// prefix is what the client ids of a namespace begin with.
func prefix(namespace string) string { return "com.example." + namespace + "/" }

// create makes n applications.
func (s *stage) create(ctx context.Context, at, namespace string, n int) error {
	return inParallel(n, func(i int) error {
		if err := s.bed.Admin.Create(ctx, application(at, namespace, fmt.Sprintf("app-%d", i))); err != nil {
			return fmt.Errorf("creating an application: %w", err)
		}
		return nil
	})
}

// inParallel does something n times, as often at the same time as there are creators.
func inParallel(n int, do func(i int) error) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, creators)
	for c := range creators {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					errs[c] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// allReady waits until n applications of a namespace are Ready. It watches, so that it costs the API server little.
func (s *stage) allReady(ctx context.Context, namespace string, n int) error {
	watching, err := client.NewWithWatch(s.config, client.Options{Scheme: s.bed.Admin.Scheme()})
	if err != nil {
		return fmt.Errorf("making a client that watches: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ready := map[types.UID]bool{}
	for ctx.Err() == nil && !s.operator.Ended() {
		watch, err := watching.Watch(ctx, &v1alpha1.TrustedApplicationList{}, client.InNamespace(namespace)) // it begins with what there is
		if err != nil {
			return fmt.Errorf("watching applications: %w", err)
		}
		for event := range watch.ResultChan() {
			app, ok := event.Object.(*v1alpha1.TrustedApplication)
			if !ok || !isReady(app) {
				continue
			}
			if ready[app.UID] = true; len(ready) == n {
				watch.Stop()
				return nil
			}
		}
		watch.Stop()
	}
	return fmt.Errorf("%d of %d applications became Ready; the operator's log is %s", len(ready), n, s.log.Name())
}

func isReady(app *v1alpha1.TrustedApplication) bool {
	return meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)
}

// pending is how many applications of a namespace are not Ready.
func (s *stage) pending(ctx context.Context, namespace string) (n int, err error) {
	var apps v1alpha1.TrustedApplicationList
	if err := s.bed.Admin.List(ctx, &apps, client.InNamespace(namespace)); err != nil {
		return 0, fmt.Errorf("listing applications: %w", err)
	}
	for i := range apps.Items {
		if !isReady(&apps.Items[i]) {
			n++
		}
	}
	return n, nil
}

// wipe stops the operator, and takes away all applications, all Secrets, ledgers among them, and all servers: whatever is measured next begins with
// nothing. It does not ask the operator to end each application, which would take as long as to register it.
func (s *stage) wipe(ctx context.Context) error {
	if err := s.stop(); err != nil {
		return err
	}
	for _, kind := range []schema.GroupVersionKind{
		v1alpha1.GroupVersion.WithKind("TrustedApplication"), corev1.SchemeGroupVersion.WithKind("Secret"),
	} {
		all := &metav1.PartialObjectMetadataList{}
		all.SetGroupVersionKind(kind)
		if err := s.bed.Admin.List(ctx, all); err != nil {
			return fmt.Errorf("listing what is left: %w", err)
		}
		if err := inParallel(len(all.Items), func(i int) error {
			all.Items[i].SetGroupVersionKind(kind)
			return s.remove(ctx, &all.Items[i])
		}); err != nil {
			return err
		}
	}
	return s.closeServers(ctx)
}

func (s *stage) remove(ctx context.Context, object *metav1.PartialObjectMetadata) error {
	if len(object.Finalizers) > 0 {
		if err := s.bed.Admin.Patch(ctx, object, withoutFinalizers); err != nil {
			return fmt.Errorf("releasing %s: %w", object.Name, err)
		}
	}
	if err := s.bed.Admin.Delete(ctx, object); err != nil {
		return fmt.Errorf("deleting %s: %w", object.Name, err)
	}
	return nil
}
