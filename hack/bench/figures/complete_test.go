package figures

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is a run that met all targets.
func sample(t *testing.T) *Report {
	t.Helper()
	r := measured()
	if err := r.Complete(); err != nil {
		t.Fatal(err)
	}
	return r
}

func measured() *Report {
	well := Pace{P50: 20, P99: 40, Samples: 120}
	waiting := well
	waiting.Pending, waiting.PendingAfter = 500, 500
	r := &Report{
		Convergence: Convergence{N: 10_000}, Workers: 32, Cores: 2, CPUPerApp: 5, P50: 20, P99: 45, KubeWritesPerApp: 4, ServerCallsPerApp: 1.1,
		Restart: RestartCost{Seconds: 2, ServerCalls: 20, Reads: 11, Pages: 10, P99: 900, Samples: 20, HandoverP99: 900, HandoverSamples: 20}, Idle: IdleCost{Seconds: 30},
		Sweep: SweepCost{CPUSeconds: 1.5, Drifts: 10, Repaired: 10, Written: 10, ServerCalls: 12},
		RSS:   105, RSSRestarted: 100, RSSUnrelated: 0.2,
		Batch: BatchCost{Apps: 10_000, Requests: 500, Seconds: 60}, Unbatched: BatchCost{Apps: 300, Requests: 330, Seconds: 60},
		Outage: Outage{Alone: well, Slow: waiting, Queued: waiting, Down: waiting, Burst: waiting}, MaxInFlight: 1,
	}
	for _, round := range []Round{
		{What: Floor, N: 1000, Seconds: 10}, {What: Operator, N: 1000, Seconds: 11},
		{What: Floor, N: 10_000, Seconds: 99}, {What: Operator, N: 10_000, Seconds: 108}, {What: Operator, N: 10_000, LatencyMS: 20, Seconds: 120},
		{What: Operator, N: 10_000, LatencyMS: 200, Seconds: 140}, {What: Floor, N: 10_000, Seconds: 101}, {What: Operator, N: 10_000, Seconds: 112},
	} {
		r.Add(round)
	}
	return r
}

func TestWhatFollowsFromTheRounds(t *testing.T) {
	r := sample(t)
	if r.FloorSeconds != 100 || r.Seconds != 110 || r.Ratio != 1.1 || r.FloorRange != (Range{99, 101}) || r.Range != (Range{108, 112}) {
		t.Errorf("all applications: %+v", r.Convergence)
	}
	if r.Tenth.N != 1000 || r.Tenth.FloorSeconds != 10 || r.Tenth.Seconds != 11 || r.Exponent != 1 || r.FloorExponent != 1 {
		t.Errorf("a tenth: %+v, exponents %v and %v", r.Tenth, r.Exponent, r.FloorExponent)
	}
	if !slices.Equal(r.Latency, []Latency{{20, 120, 1.2}, {200, 140, 1.4}}) {
		t.Errorf("latencies: %+v", r.Latency)
	}
	if r.Outage.P99Ratio != 1 || len(r.Rounds) != 8 {
		t.Errorf("outage %v, %d rounds", r.Outage.P99Ratio, len(r.Rounds))
	}
}

// Each target is met by the sample, and missed where its own figure is a little worse.
func TestTargets(t *testing.T) {
	for _, target := range sample(t).Targets {
		if !target.Met {
			t.Errorf("missed: %+v", target)
		}
	}
	for name, worsen := range map[string]func(*Report){
		"convergence of 10000":              func(r *Report) { r.Operators, r.Tenth.Operators = []float64{126, 126}, []float64{12.4} },
		"convergence of 1000":               func(r *Report) { r.Tenth.Operators[0] = 12.6 },
		"takes 20 ms":                       func(r *Report) { r.Latency[0].Seconds = 126 },
		"takes 200 ms":                      func(r *Report) { r.Latency[1].Seconds = 151 },
		"exponent":                          func(r *Report) { r.Tenth.Operators[0] = 9.7 },
		"at one a second":                   func(r *Report) { r.P99 = 50.1 },
		"from a restart on":                 func(r *Report) { r.Restart.P99 = 1001 },
		"from the end of a leader on":       func(r *Report) { r.Restart.HandoverP99 = 1001 },
		"writes to Kubernetes of a restart": func(r *Report) { r.Restart.KubeWrites = 1 },
		"reads of registrations":            func(r *Report) { r.Restart.Reads = 12 },
		"at rest":                           func(r *Report) { r.Idle.KubeWrites = 1 },
		"CPU of a sweep":                    func(r *Report) { r.Sweep.CPUSeconds = 2.01 },
		"drifts that were not":              func(r *Report) { r.Sweep.Mistaken = 1 },
		"memory with":                       func(r *Report) { r.RSS = 110.1 },
		"memory for 300":                    func(r *Report) { r.RSSUnrelated = 1 },
		"another is slow":                   func(r *Report) { r.Outage.Down.P99 = 49 },
		"requests for 10,000":               func(r *Report) { r.Batch.Requests = 601 },
		"without batches":                   func(r *Report) { r.Unbatched.Requests = 361 },
		"too many":                          func(r *Report) { r.TooManyRequests = 1 },
		"in flight":                         func(r *Report) { r.MaxInFlight = 2 },
	} {
		r := measured()
		worsen(r)
		if err := r.Complete(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var missed []string
		for _, target := range r.Targets {
			if !target.Met {
				missed = append(missed, target.Name)
			}
		}
		if len(missed) != 1 || !strings.Contains(missed[0], name) {
			t.Errorf("%s: missed are %q", name, missed)
		}
	}
	r := measured()
	r.Sweep.Repaired, r.Sweep.Written = 9, 9
	if err := r.Complete(); err != nil || r.Targets[slices.IndexFunc(r.Targets, func(t Target) bool { return strings.HasPrefix(t.Name, "drifts") })].Met {
		t.Errorf("a drift that stays is not seen: %v", err)
	}
}

func TestWhatCannotBeIsAnError(t *testing.T) {
	for name, spoil := range map[string]func(*Report){
		"idle.kubeWrites":          func(r *Report) { r.Idle.KubeWrites = -1 },
		"restart.kubeWrites":       func(r *Report) { r.Restart.KubeWrites = -2 },
		"seconds":                  func(r *Report) { r.Operators = []float64{0, 0} },
		"rounds":                   func(r *Report) { r.Floors = r.Floors[:1] },
		"p99ms":                    func(r *Report) { r.Outage.Alone.P99 = 0 },
		"outage.down.pendingAfter": func(r *Report) { r.Outage.Down.PendingAfter = 0 },
	} {
		r := measured()
		spoil(r)
		if err := r.Complete(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatistics(t *testing.T) {
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("the median of three is %v", got)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("the median of four is %v", got)
	}
	var all []time.Duration
	for i := range 120 {
		all = append(all, time.Duration(120-i)*time.Millisecond)
	}
	for p, want := range map[float64]float64{0.5: 60, 0.99: 119, 1: 120} {
		if got := Percentile(all, p); got != want {
			t.Errorf("percentile %v is %v, not %v", p, got, want)
		}
	}
	if got := Percentile(nil, 0.5); got != 0 {
		t.Errorf("a percentile of nothing is %v", got)
	}
	for v, want := range map[float64]string{0: "0", 3: "3", 1.25: "1.25", 12.34: "12.3", 123.4: "123", -0.125: "-0.12"} {
		if got := number(v); got != want {
			t.Errorf("%v is shown as %s, not %s", v, got, want)
		}
	}
}
