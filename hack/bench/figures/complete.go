package figures

import (
	"errors"
	"fmt"
)

// What Round.What may be.
const (
	Floor    = "floor"
	Operator = "operator"
)

// Add takes a round in.
func (r *Report) Add(round Round) {
	r.Rounds = append(r.Rounds, round)
	c := &r.Convergence
	switch {
	case round.LatencyMS > 0:
		r.Latency = append(r.Latency, Latency{MS: round.LatencyMS, Seconds: round.Seconds})
		return
	case round.N != r.N:
		c = &r.Tenth
		c.N = round.N
	}
	if round.What == Floor {
		c.Floors = append(c.Floors, round.Seconds)
	} else {
		c.Operators = append(c.Operators, round.Seconds)
	}
}

// Complete works out what follows from what was measured. An error says that what was measured cannot be.
func (r *Report) Complete() error {
	for _, c := range []*Convergence{&r.Convergence, &r.Tenth} {
		c.FloorSeconds, c.Seconds = rounded(median(c.Floors)), rounded(median(c.Operators))
		c.FloorRange, c.Range, c.Ratio = rangeOf(c.Floors), rangeOf(c.Operators), ratio(median(c.Operators), median(c.Floors))
	}
	for i := range r.Latency {
		r.Latency[i].Ratio = ratio(r.Latency[i].Seconds, r.FloorSeconds)
	}
	r.Exponent, r.FloorExponent = exponent(r.Tenth.Seconds, r.Seconds), exponent(r.Tenth.FloorSeconds, r.FloorSeconds)
	r.Outage.P99Ratio = ratio(max(r.Outage.Slow.P99, r.Outage.Queued.P99, r.Outage.Down.P99), r.Outage.Alone.P99)
	for _, v := range []*float64{&r.CPUPerApp, &r.KubeWritesPerApp, &r.ServerCallsPerApp, &r.RSS, &r.RSSRestarted, &r.RSSUnrelated, &r.Sweep.CPUSeconds,
		&r.Sweep.CPUSecondsWithoutDrift} {
		*v = rounded(*v)
	}
	r.Targets = r.targets()
	return r.impossible()
}

// impossible tells of figures that no run can have: the bench is broken then, whatever the operator is like.
func (r *Report) impossible() error {
	var errs []error
	for name, v := range map[string]float64{
		"floorSeconds": r.FloorSeconds, "seconds": r.Seconds, "tenth.floorSeconds": r.Tenth.FloorSeconds, "tenth.seconds": r.Tenth.Seconds,
		"cpuMsPerApp": r.CPUPerApp, "p50ms": r.P50, "kubeWritesPerApp": r.KubeWritesPerApp, "serverCallsPerApp": r.ServerCallsPerApp,
		"restart.seconds": r.Restart.Seconds, "restart.serverCalls": float64(r.Restart.ServerCalls), "restart.p99ms": r.Restart.P99,
		"restart.handoverP99ms": r.Restart.HandoverP99,
		"sweep.serverCalls":     float64(r.Sweep.ServerCalls), "sweep.drifts": float64(r.Sweep.Drifts), "rssMB": r.RSS, "rssRestartedMB": r.RSSRestarted,
		"batch.requests": float64(r.Batch.Requests), "unbatched.requests": float64(r.Unbatched.Requests),
		"outage.alone.p99ms": r.Outage.Alone.P99, "outage.slow.p99ms": r.Outage.Slow.P99, "outage.burst.p99ms": r.Outage.Burst.P99,
		"outage.queued.p99ms": r.Outage.Queued.P99,
		"outage.down.p99ms":   r.Outage.Down.P99, "outage.queued.pending": float64(r.Outage.Queued.Pending),
		"outage.down.pendingAfter": float64(r.Outage.Down.PendingAfter), "maxInFlight": float64(r.MaxInFlight),
	} {
		if v <= 0 {
			errs = append(errs, fmt.Errorf("%s is %v, and cannot be", name, v))
		}
	}
	for name, v := range map[string]int{
		"restart.kubeWrites": r.Restart.KubeWrites, "idle.kubeWrites": r.Idle.KubeWrites, "idle.serverCalls": r.Idle.ServerCalls,
		"sweep.written": r.Sweep.Written, "tooManyRequests": r.TooManyRequests,
	} {
		if v < 0 {
			errs = append(errs, fmt.Errorf("%s is %d, and cannot be", name, v))
		}
	}
	if len(r.Floors) == 0 || len(r.Floors) != len(r.Operators) {
		errs = append(errs, fmt.Errorf("there are %d rounds of the floor and %d of the operator", len(r.Floors), len(r.Operators)))
	}
	return errors.Join(errs...)
}
