package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// readiness watches applications on their way from kubectl apply to Ready.
type readiness struct {
	waiting map[string]string    // why not yet, by name
	created map[string]time.Time // when the API server told of it
	events  <-chan arrival
}

// arrival is a state of an application, at the time at which it was seen.
type arrival struct {
	app *v1alpha1.TrustedApplication
	at  time.Time
}

// watchReadiness begins before the applications are created, so that their times are exact.
func watchReadiness(ctx context.Context, kube client.WithWatch, names []string) (*readiness, error) {
	stream, err := kube.Watch(ctx, &v1alpha1.TrustedApplicationList{}, client.InNamespace(appNamespace))
	if err != nil {
		return nil, fmt.Errorf("watching the applications: %w", err)
	}
	pending := make(chan arrival, 1024) // far more than a few applications cause: the clock must not wait for the printer
	r := &readiness{waiting: map[string]string{}, created: map[string]time.Time{}, events: pending}
	for _, name := range names {
		r.waiting[name] = "it was not seen yet"
	}
	go func() {
		defer close(pending)
		for e := range stream.ResultChan() {
			if app, ok := e.Object.(*v1alpha1.TrustedApplication); ok && e.Type != watch.Deleted {
				pending <- arrival{app, time.Now()}
			}
		}
	}()
	go func() {
		<-ctx.Done()
		stream.Stop()
	}()
	return r, nil
}

// wait returns once all are Ready, and tells each.
func (r *readiness) wait(ctx context.Context, ready func(app *v1alpha1.TrustedApplication, after time.Duration)) error {
	for len(r.waiting) > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until all applications are Ready: %w; %s", cause(ctx, ctx.Err()), r.reasons())
		case seen, open := <-r.events:
			if !open {
				return fmt.Errorf("waiting until all applications are Ready: the watch ended; %s", r.reasons())
			}
			r.note(seen, ready)
		}
	}
	return nil
}

func (r *readiness) note(seen arrival, ready func(*v1alpha1.TrustedApplication, time.Duration)) {
	name := seen.app.Name
	if _, known := r.created[name]; !known {
		r.created[name] = seen.at
	}
	if _, waiting := r.waiting[name]; !waiting {
		return
	}
	condition := meta.FindStatusCondition(seen.app.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case condition == nil:
		r.waiting[name] = "the operator did not say anything yet"
	case condition.Status != "True" || condition.ObservedGeneration != seen.app.Generation:
		r.waiting[name] = condition.Reason + ": " + condition.Message
	default:
		delete(r.waiting, name)
		ready(seen.app, seen.at.Sub(r.created[name]))
	}
}

// reasons says why the others are not Ready.
func (r *readiness) reasons() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.waiting)) {
		out = append(out, name+": "+r.waiting[name])
	}
	return strings.Join(out, "; ")
}
