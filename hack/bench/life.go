package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

const (
	// steady is how many applications are made at one a second.
	steady = 60
	// idling is for how long it is watched at rest.
	idling = 30 * time.Second
	// drifts are the registrations that somebody changes before the sweep.
	drifts = 10
)

// life measures the operator that has applications.
func (s *stage) life(ctx context.Context, o options, r *Report) error {
	for _, phase := range []struct {
		name string
		run  func(context.Context, options, *Report) error
	}{
		{"memory", s.memory}, {"a restart", s.restart}, {"at rest", s.idle}, {"a sweep that finds drifts", s.sweep}, {"one application a second", s.steady},
	} {
		progress("measuring: %s", phase.name)
		if err := phase.run(ctx, o, r); err != nil {
			return fmt.Errorf("measuring %s: %w", phase.name, err)
		}
	}
	return nil
}

func (s *stage) memory(ctx context.Context, _ options, r *Report) (err error) {
	if r.RSS, err = s.operator.Memory(); err != nil {
		return err
	}
	const others = "unrelated"
	if err := s.bed.Admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: others}}); err != nil {
		return err
	}
	large := make([]byte, 1_000_000)
	if err := inParallel(300, func(i int) error {
		return s.bed.Admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: others, Name: strconv.Itoa(i)}, Data: map[string][]byte{"large": large},
		})
	}); err != nil {
		return err
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	with, err := s.operator.Memory()
	if err != nil {
		return err
	}
	r.RSSUnrelated = with - r.RSS
	return s.bed.Admin.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace(others))
}

func (s *stage) restart(ctx context.Context, _ options, r *Report) error {
	if err := s.stop(); err != nil {
		return err
	}
	before, err := s.kubeWrites()
	if err != nil {
		return err
	}
	if err := s.instance.ResetCounts(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := s.start(ctx); err != nil {
		return err
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	r.Restart.Seconds = (time.Since(began) - still).Seconds()
	writes, err := s.kubeWrites()
	if err != nil {
		return err
	}
	r.Restart.KubeWrites = writes - before
	r.Restart.ServerCalls, err = s.serverCalls(ctx)
	return err
}

func (s *stage) idle(ctx context.Context, _ options, r *Report) error {
	before, err := s.kubeWrites()
	if err != nil {
		return err
	}
	if err := s.instance.ResetCounts(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(idling) // the length of the rest is what is tried
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	}
	writes, err := s.kubeWrites()
	if err != nil {
		return err
	}
	r.Idle.Seconds, r.Idle.KubeWrites = idling.Seconds(), writes-before
	r.Idle.ServerCalls, err = s.serverCalls(ctx)
	return err
}

func (s *stage) sweep(ctx context.Context, _ options, r *Report) error {
	all, err := s.instance.Applications(ctx)
	if err != nil {
		return err
	}
	changed := map[string]string{}
	for _, a := range all {
		if strings.HasPrefix(a.ApplicationURI, "com.example.apps-") && len(changed) < drifts {
			changed[a.ApplicationURI] = a.Name
			if err := s.instance.EditApplication(ctx, a.ID, map[string]any{"name": "By hand"}); err != nil {
				return err
			}
		}
	}
	before, err := s.cpu()
	if err != nil {
		return err
	}
	ask := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1alpha1.SweepAnnotation+`":"bench"}}}`))
	if err := s.bed.Admin.Patch(ctx, &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: server}}, ask); err != nil {
		return err
	}
	repaired := func() (n int, err error) {
		all, err := s.instance.Applications(ctx)
		for _, a := range all {
			if name, was := changed[a.ApplicationURI]; was && a.Name == name {
				n++
			}
		}
		return n, err
	}
	if err := until(ctx, "the drifts are repaired", func() (bool, error) {
		n, err := repaired()
		return n == len(changed), err
	}); err != nil {
		return err
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	after, err := s.cpu()
	if err != nil {
		return err
	}
	r.Sweep.CPUSeconds, r.Sweep.Drifts = after-before, len(changed)
	r.Sweep.Repaired, err = repaired()
	return err
}

// steady makes an application each second, and sees how long it takes to its Secret.
func (s *stage) steady(ctx context.Context, _ options, r *Report) error {
	const namespace = "steady"
	if err := s.bed.Admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return err
	}
	watching, err := client.NewWithWatch(s.config, client.Options{Scheme: s.bed.Admin.Scheme()})
	if err != nil {
		return err
	}
	watch, err := watching.Watch(ctx, &corev1.SecretList{}, client.InNamespace(namespace))
	if err != nil {
		return err
	}
	defer watch.Stop()
	var took []time.Duration
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for i := range steady {
		<-ticker.C
		name, began := fmt.Sprintf("app-%d", i), time.Now()
		if err := s.bed.Admin.Create(ctx, application(namespace, name)); err != nil {
			return err
		}
		for event := range watch.ResultChan() {
			if secret, ok := event.Object.(*corev1.Secret); ok && secret.Name == name {
				took = append(took, time.Since(began))
				break
			}
		}
	}
	if len(took) != steady {
		return fmt.Errorf("the watch ended after %d Secrets", len(took))
	}
	r.P50, r.P99 = percentile(took, 0.5), percentile(took, 0.99)
	return nil
}
