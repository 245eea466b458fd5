package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

var applications = schema.GroupVersionResource{Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: "trustedapplications"}

// floor is how long a bare loop takes that is fed by a watch and writes for each application what the operator has to write: the finalizer, the
// ledger, the Secret and the status.
func (s *stage) floor(ctx context.Context, namespace string, n int) (time.Duration, error) {
	apps, err := dynamic.NewForConfig(s.config)
	if err != nil {
		return 0, fmt.Errorf("making a client: %w", err)
	}
	core, err := kubernetes.NewForConfig(s.config)
	if err != nil {
		return 0, fmt.Errorf("making a client: %w", err)
	}
	queue := make(chan *unstructured.Unstructured, n)
	began := time.Now()
	failed := make(chan error, 1)
	fail := func(err error) {
		select {
		case failed <- err:
		default:
		}
	}
	go func() {
		if err := s.create(ctx, server, namespace, n); err != nil {
			fail(err)
		}
	}()
	go func() {
		defer close(queue)
		seen := map[types.UID]bool{}
		for len(seen) < n {
			watch, err := apps.Resource(applications).Namespace(namespace).Watch(ctx, metav1.ListOptions{}) // it begins with what there is
			if err != nil {
				fail(err)
				return
			}
			for event := range watch.ResultChan() {
				if app, ok := event.Object.(*unstructured.Unstructured); ok && event.Type == "ADDED" && !seen[app.GetUID()] {
					seen[app.GetUID()] = true
					queue <- app
				}
				if len(seen) == n {
					break
				}
			}
			watch.Stop()
		}
	}()
	var work sync.WaitGroup
	for range s.workers {
		work.Go(func() {
			for app := range queue {
				if err := writes(ctx, apps, core, app); err != nil {
					fail(err)
				}
			}
		})
	}
	work.Wait()
	took := time.Since(began)
	select {
	case err := <-failed:
		return 0, err
	default:
		return took, nil
	}
}

// writes are the four durable ones.
func writes(ctx context.Context, apps dynamic.Interface, core kubernetes.Interface, app *unstructured.Unstructured) error {
	mine := apps.Resource(applications).Namespace(app.GetNamespace())
	finalizer, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"finalizers": []string{v1alpha1.Finalizer}, "resourceVersion": app.GetResourceVersion(),
	}})
	if err != nil {
		return err
	}
	now, err := mine.Patch(ctx, app.GetName(), types.MergePatchType, finalizer, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("writing a finalizer: %w", err)
	}
	filling := make([]byte, 300) // as much as a ledger, and a Secret, hold
	for namespace, name := range map[string]string{bed.OperatorNamespace: "floor-" + string(app.GetUID()), app.GetNamespace(): app.GetName()} {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{"filling": filling},
		}
		if _, err := core.CoreV1().Secrets(namespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("writing a Secret: %w", err)
		}
	}
	now.Object["status"] = map[string]any{
		"observedGeneration": now.GetGeneration(), "clientId": app.GetName(),
		"conditions": []any{map[string]any{
			"type": "Ready", "status": "True", "reason": "Ready", "message": "the application is registered and its credentials are published",
			"lastTransitionTime": metav1.Now().UTC().Format(time.RFC3339), "observedGeneration": now.GetGeneration(),
		}},
	}
	if _, err := mine.UpdateStatus(ctx, now, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("writing a status: %w", err)
	}
	return nil
}
