package figures

import (
	"fmt"
	"math"
)

// Target is what is asked of a figure: it may be at most that.
type Target struct {
	Name   string  `json:"name"`
	Target float64 `json:"target"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"`
	Met    bool    `json:"met"`
}

const (
	// PageSize is how many registrations a page of a list holds.
	PageSize = 1000
	// small is a number of applications of which a figure means little: what is done once weighs, and a moment's noise.
	small = 1000
	// many is how many applications the targets of a sweep and of batches are of.
	many = 10_000
	// Ratios to the floor, at a server that answers soon, and at one that takes 200 ms.
	nearTarget, farTarget = 1.25, 1.5
	// The memory of the operator, in MB, and for each application.
	memoryBase, memoryPerApp = 60, 0.005
	// From an application to its Secret, in milliseconds.
	steadyTarget, restartTarget = 50, 1000
	// The p99 of a server while another is not well, to that while it is.
	outageTarget = 1.2
)

// MemoryTarget is for n applications, in MB.
func MemoryTarget(n int) float64 { return memoryBase + memoryPerApp*float64(n) }

// ratioTarget is how many times as long as the floor the operator may take at a latency in milliseconds.
func ratioTarget(ms int) float64 {
	if ms > 20 {
		return farTarget
	}
	return nearTarget
}

func (r *Report) targets() []Target {
	var all []Target
	most := func(name string, target, value float64, unit string) {
		all = append(all, Target{Name: name, Target: target, Value: value, Unit: unit, Met: value <= target})
	}
	most(fmt.Sprintf("convergence of %d applications, to the floor", r.N), nearTarget, r.Ratio, "x")
	if r.Tenth.N >= small {
		most(fmt.Sprintf("convergence of %d applications, to the floor", r.Tenth.N), nearTarget, r.Tenth.Ratio, "x")
	}
	for _, l := range r.Latency {
		most(fmt.Sprintf("convergence at a server that takes %d ms, to the floor", l.MS), ratioTarget(l.MS), l.Ratio, "x")
	}
	most(fmt.Sprintf("exponent of the growth from %d to %d applications", r.Tenth.N, r.N), 1.05, r.Exponent, "")
	most("p99 from an application to its Secret, at one a second", steadyTarget, r.P99, "ms")
	most("the same from a restart on", restartTarget, r.Restart.P99, "ms")
	most("the same from the end of a leader on", restartTarget, r.Restart.HandoverP99, "ms")
	most("writes to Kubernetes of a restart", 0, float64(r.Restart.KubeWrites), "")
	most("reads of registrations of a restart: pages + 1", float64(r.Restart.Pages+1), float64(r.Restart.Reads), "")
	most("writes to Kubernetes at rest", 0, float64(r.Idle.KubeWrites), "")
	most("CPU of a sweep that finds drifts", 2, r.Sweep.CPUSeconds, "s")
	wrong := math.Abs(float64(r.Sweep.Drifts-r.Sweep.Repaired)) + math.Abs(float64(r.Sweep.Written-r.Sweep.Drifts)) + float64(r.Sweep.Mistaken)
	most("drifts that were not repaired once, and registrations written without one", 0, wrong, "")
	most(fmt.Sprintf("memory with %d applications", r.N), MemoryTarget(r.N), r.RSS, "MB")
	all = append(all, Target{ // the one that has to stay below
		Name: "memory for 300 unrelated Secrets of 1 MB", Target: 1, Value: r.RSSUnrelated, Unit: "MB", Met: math.Abs(r.RSSUnrelated) < 1,
	})
	most("p99 of a server while another is slow or down, to p99 while it is well", outageTarget, r.Outage.P99Ratio, "x")
	most("requests for 10,000 registrations", 600, r.Batch.perMany(), "")
	most("the same without batches", 12_000, r.Unbatched.perMany(), "")
	most("requests refused because there were too many", 0, float64(r.TooManyRequests), "")
	most("requests of the Domain API in flight at the same time", 1, float64(r.MaxInFlight), "")
	return all
}

// perMany scales the requests to many registrations.
func (b BatchCost) perMany() float64 {
	if b.Apps == 0 {
		return 0
	}
	return math.Round(float64(b.Requests) * many / float64(b.Apps))
}
