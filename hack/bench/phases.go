package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

const (
	// steady is how many applications are made at one a second.
	steady = 60
	// still is for how long nothing may happen where the operator is said to have come to rest.
	still = 2 * time.Second
	// idling is for how long it is watched at rest.
	idling = 30 * time.Second
	// drifts are the registrations that somebody changes before the sweep.
	drifts = 10
)

// converge measures floor and operator in turns.
func (s *stage) converge(ctx context.Context, o options, r *Report) error {
	for round := range o.rounds {
		namespace := fmt.Sprintf("floor-%d", round)
		if err := s.bed.Admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
			return err
		}
		took, err := s.floor(ctx, namespace, o.n)
		if err != nil {
			return fmt.Errorf("measuring the floor: %w", err)
		}
		r.Floors = append(r.Floors, took.Seconds())
		if err := s.clear(ctx, namespace); err != nil {
			return err
		}
		if took, err = s.operatorRound(ctx, o, r, round); err != nil {
			return fmt.Errorf("measuring the operator: %w", err)
		}
		r.Operators = append(r.Operators, took.Seconds())
		progress("round %d: floor %.1f s, operator %.1f s", round+1, r.Floors[round], r.Operators[round])
	}
	r.FloorSeconds, r.Seconds = median(r.Floors), median(r.Operators)
	r.Ratio = r.Seconds / r.FloorSeconds
	return nil
}

// operatorRound is how long the operator takes for n new applications. Those of the last round stay.
func (s *stage) operatorRound(ctx context.Context, o options, r *Report, round int) (time.Duration, error) {
	namespace := fmt.Sprintf("apps-%d", round)
	if err := s.bed.Admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return 0, err
	}
	if err := s.start(ctx); err != nil {
		return 0, err
	}
	if err := s.serverReady(ctx); err != nil {
		return 0, err
	}
	before, err := s.kubeWrites()
	if err != nil {
		return 0, err
	}
	if err := s.instance.ResetCounts(ctx); err != nil {
		return 0, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return 0, err
	}
	began, created := time.Now(), make(chan error, 1)
	go func() { created <- s.create(ctx, namespace, "app", o.n) }()
	if err := s.allReady(ctx, namespace, o.n); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if err := <-created; err != nil {
		return 0, err
	}
	after, err := s.cpu()
	if err != nil {
		return 0, err
	}
	r.CPUPerApp = (after - cpu) * 1000 / float64(o.n)
	if err := s.rest(ctx); err != nil {
		return 0, err
	}
	writes, err := s.kubeWrites()
	if err != nil {
		return 0, err
	}
	calls, err := s.serverCalls(ctx)
	if err != nil {
		return 0, err
	}
	r.KubeWritesPerApp, r.ServerCallsPerApp = float64(writes-before)/float64(o.n), float64(calls)/float64(o.n)
	if round == o.rounds-1 {
		return took, nil // the applications live on
	}
	if err := s.clear(ctx, namespace); err != nil {
		return 0, err
	}
	return took, s.stop()
}

func (s *stage) serverReady(ctx context.Context) error {
	return until(ctx, "the server is Ready", func() (bool, error) {
		var ids v1alpha1.IdentityServer
		err := s.bed.Admin.Get(ctx, client.ObjectKey{Name: server}, &ids)
		return meta.IsStatusConditionTrue(ids.Status.Conditions, v1alpha1.ConditionReady), err
	})
}

// rest waits until neither the server nor Kubernetes was asked for anything for a while.
func (s *stage) rest(ctx context.Context) error {
	last, since := -1, time.Now()
	return until(ctx, "the operator is at rest", func() (bool, error) {
		writes, err := s.kubeWrites()
		if err != nil {
			return false, err
		}
		calls, err := s.serverCalls(ctx)
		if n := writes + calls; n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > still, err
	})
}

// cpu is what the operator's process took so far, in seconds.
func (s *stage) cpu() (float64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.operator.PID()))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("the kernel tells no times of the process")
	}
	var ticks float64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const perSecond = 100 // USER_HZ, on every platform that the operator is built for
	return ticks / perSecond, nil
}

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
