package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/audit"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

const (
	// workers is how many applications the operator works on at the same time by default, and so the floor.
	workers = 32
	// creators make applications at the same time.
	creators = 16
	// patience is the longest that anything may take.
	patience = 20 * time.Minute
	server   = "acme"
	// pause is between two looks at whether something has come to its end.
	pause = 20 * time.Millisecond
)

// stage is what all is measured on.
type stage struct {
	bed      *bed.Bed
	config   *rest.Config // an administrator's, without a throttle
	instance *standin.Instance
	operator *bed.Manager
	audit    *audit.Log
	writes   int // of the operator, as far as the audit log was read
	dir      string
}

// newStage starts it. It has to be closed, also after an error.
func newStage(ctx context.Context) (*stage, error) {
	s := &stage{}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return s, fmt.Errorf("making a directory: %w", err)
	}
	log := dir + "/audit.log"
	s.dir, s.audit = dir, audit.Follow(log, bed.OperatorUser)
	progress("starting the control plane and the stand-in")
	if s.bed, err = bed.Start(ctx, controlplane.Options{AuditLog: log}, io.Discard); err != nil {
		return s, err
	}
	unthrottled := *s.bed.Plane.RESTConfig
	unthrottled.QPS = -1
	s.config = &unthrottled
	if err := s.bed.OpenCluster(ctx); err != nil {
		return s, err
	}
	s.instance, err = s.bed.Instance(ctx, bed.Spec(server))
	return s, err
}

func (s *stage) close() error {
	err := s.stop()
	if s.bed != nil {
		err = errors.Join(err, s.bed.Stop())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// start starts the operator as it ships, and waits until it serves.
func (s *stage) start(ctx context.Context) (err error) {
	if s.operator, err = s.bed.Manager(ctx, io.Discard); err != nil {
		return err
	}
	return s.operator.WaitReady(ctx)
}

func (s *stage) stop() error {
	if s.operator == nil {
		return nil
	}
	err := s.operator.Stop()
	s.operator = nil
	return err
}

// application is a service.
func application(namespace, name string) *v1alpha1.TrustedApplication {
	return &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: server}, ApplicationURI: "com.example." + namespace + "/" + name,
			Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"},
		},
	}
}

// create makes n applications.
func (s *stage) create(ctx context.Context, namespace, name string, n int) error {
	return inParallel(n, func(i int) error {
		return s.bed.Admin.Create(ctx, application(namespace, fmt.Sprintf("%s-%d", name, i)))
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

// until waits for a condition.
func until(ctx context.Context, what string, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		ok, err := holds()
		if err != nil {
			return fmt.Errorf("waiting until %s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// allReady waits until n applications of a namespace are Ready. It watches, so that it costs the API server little.
func (s *stage) allReady(ctx context.Context, namespace string, n int) error {
	watching, err := client.NewWithWatch(s.config, client.Options{Scheme: s.bed.Admin.Scheme()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ready := map[types.UID]bool{}
	for ctx.Err() == nil {
		watch, err := watching.Watch(ctx, &v1alpha1.TrustedApplicationList{}, client.InNamespace(namespace)) // it begins with what there is
		if err != nil {
			return err
		}
		for event := range watch.ResultChan() {
			app, ok := event.Object.(*v1alpha1.TrustedApplication)
			if !ok || !meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady) {
				continue
			}
			if ready[app.UID] = true; len(ready) == n {
				watch.Stop()
				return nil
			}
		}
		watch.Stop()
	}
	return fmt.Errorf("%d of %d applications became Ready", len(ready), n)
}

// clear deletes what is in a namespace, without the operator's help where it does not run.
func (s *stage) clear(ctx context.Context, namespace string) error {
	var apps v1alpha1.TrustedApplicationList
	if err := s.bed.Admin.List(ctx, &apps, client.InNamespace(namespace)); err != nil {
		return err
	}
	if err := inParallel(len(apps.Items), func(i int) error {
		if s.operator == nil {
			if err := s.bed.Admin.Patch(ctx, &apps.Items[i], client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
				return err
			}
		}
		return client.IgnoreNotFound(s.bed.Admin.Delete(ctx, &apps.Items[i]))
	}); err != nil {
		return err
	}
	for _, where := range []client.DeleteAllOfOption{client.InNamespace(namespace), client.InNamespace(bed.OperatorNamespace)} {
		if err := s.bed.Admin.DeleteAllOf(ctx, &corev1.Secret{}, where, client.MatchingLabels{"bench": "floor"}); err != nil {
			return err
		}
	}
	return until(ctx, "all applications are gone", func() (bool, error) {
		err := s.bed.Admin.List(ctx, &apps, client.InNamespace(namespace), client.Limit(1))
		return len(apps.Items) == 0, err
	})
}

// kubeWrites are the durable writes of the operator so far, without events, Leases and questions.
func (s *stage) kubeWrites() (n int, err error) {
	more, err := s.audit.Next()
	for _, r := range more {
		switch {
		case r.ObjectRef.Resource == "events" || r.ObjectRef.Resource == "leases" || strings.HasSuffix(r.ObjectRef.Resource, "reviews"):
		case r.Verb == "create" || r.Verb == "update" || r.Verb == "patch" || r.Verb == "delete":
			s.writes++
		}
	}
	return s.writes, err
}

// serverCalls are the requests that reached the instance since the last reset.
func (s *stage) serverCalls(ctx context.Context) (n int, err error) {
	counts, err := s.instance.Counts(ctx)
	for _, requests := range counts.Requests {
		n += requests
	}
	return n, err
}
