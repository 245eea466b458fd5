package main

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/hack/bench/figures"
	"trustedapps.dev/operator/test/standin"
)

// drifts are the registrations that somebody changes before the sweep.
const drifts = 10

// sweep measures one that finds nothing, and one that finds drifts.
func (s *stage) sweep(ctx context.Context, o options, r *figures.Report) error {
	without, err := s.sweepOnce(ctx, "without drift")
	if err != nil {
		return err
	}
	if without.server.Writes > 0 {
		return fmt.Errorf("a sweep without drift wrote %d registrations", without.server.Writes)
	}
	drifted, err := s.drift(ctx, min(drifts, o.n))
	if err != nil {
		return err
	}
	before, err := s.registrations(ctx)
	if err != nil {
		return err
	}
	with, err := s.sweepOnce(ctx, "with drifts")
	if err != nil {
		return err
	}
	after, err := s.registrations(ctx)
	if err != nil {
		return err
	}
	r.Sweep = figures.SweepCost{
		CPUSeconds: with.cpu, Drifts: len(drifted), Written: with.server.Writes, ServerCalls: with.calls(), CPUSecondsWithoutDrift: without.cpu,
	}
	for id, now := range after {
		name, expected := drifted[id]
		switch written := now.ObjectVersion != before[id].ObjectVersion; {
		case expected && now.Name == name:
			r.Sweep.Repaired++
		case !expected && written:
			r.Sweep.Mistaken++
		}
	}
	return nil
}

// drift changes registrations by hand, and returns what their names were.
func (s *stage) drift(ctx context.Context, n int) (names map[string]string, err error) {
	all, err := s.registrations(ctx)
	if err != nil {
		return nil, err
	}
	names = map[string]string{}
	for id, a := range all {
		if !strings.HasPrefix(a.ApplicationURI, prefix(s.last)) || len(names) == n {
			continue
		}
		names[id] = a.Name
		if err := s.servers[server].EditApplication(ctx, id, map[string]any{"name": "By hand"}); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// registrations are all of the server, by their ids there.
func (s *stage) registrations(ctx context.Context) (map[string]standin.Application, error) {
	all, err := s.servers[server].Applications(ctx)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]standin.Application, len(all))
	for _, a := range all {
		byID[a.ID] = a
	}
	return byID, nil
}

// sweepOnce asks for a sweep, and waits until it and what follows from it are over. why is told apart from other requests.
func (s *stage) sweepOnce(ctx context.Context, why string) (usage, error) {
	before, err := s.usage(ctx)
	if err != nil {
		return usage{}, err
	}
	ask := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1alpha1.SweepAnnotation+`":"`+why+`"}}}`))
	if err := s.bed.Admin.Patch(ctx, &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: server}}, ask); err != nil {
		return usage{}, fmt.Errorf("asking for a sweep: %w", err)
	}
	if err := s.until(ctx, "the sweep has begun", func() (bool, error) {
		now, err := s.usage(ctx)
		return now.since(before).server.Requests[readRegistrations] > 0, err
	}); err != nil {
		return usage{}, err
	}
	if err := s.rest(ctx); err != nil {
		return usage{}, err
	}
	after, err := s.usage(ctx)
	return after.since(before), err
}
