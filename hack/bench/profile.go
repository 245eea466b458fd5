package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"trustedapps.dev/operator/hack/bench/figures"
)

// profileCPU keeps what the operator spends its time with, from now on for so many seconds.
func (s *stage) profileCPU(ctx context.Context, o options, seconds float64) error {
	return s.profile(ctx, o, "converge", fmt.Sprintf("profile?seconds=%.0f", math.Ceil(seconds)))
}

// end keeps what the operator holds after all that was measured, and what all servers counted.
func (s *stage) end(ctx context.Context, o options, r *figures.Report) error {
	for _, instance := range s.servers {
		if err := s.account(ctx, instance); err != nil {
			return err
		}
	}
	r.TooManyRequests, r.MaxInFlight = s.tooManyRequests, s.maxInFlight
	if o.profiles == "" {
		return nil
	}
	return s.profile(ctx, o, "heap", "heap?gc=1")
}

func (s *stage) profile(ctx context.Context, o options, name, of string) error {
	content, err := get(ctx, "http://"+s.profiles+"/debug/pprof/"+of)
	if err != nil {
		return fmt.Errorf("taking the profile %s: %w", name, err)
	}
	if err := os.MkdirAll(o.profiles, 0o755); err != nil {
		return fmt.Errorf("keeping the profile %s: %w", name, err)
	}
	if err := os.WriteFile(filepath.Join(o.profiles, name+".pprof"), content, 0o644); err != nil {
		return fmt.Errorf("keeping the profile %s: %w", name, err)
	}
	return nil
}
