package main

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// Report is build/bench.json. Times are in seconds where the name does not say milliseconds.
type Report struct {
	N       int     `json:"n"`
	Workers int     `json:"workers"`
	Cores   int     `json:"cores"`
	Load    float64 `json:"load"`
	// FloorSeconds and Seconds are the medians of the time from the first creation until all applications are Ready, of the bare loop and of the
	// operator; Ratio is their ratio. Floors and Operators are the single rounds.
	FloorSeconds float64   `json:"floorSeconds"`
	Seconds      float64   `json:"seconds"`
	Ratio        float64   `json:"ratio"`
	Floors       []float64 `json:"floors"`
	Operators    []float64 `json:"operators"`
	// CPUPerApp is what the operator's process takes for a creation, in milliseconds.
	CPUPerApp float64 `json:"cpuMsPerApp"`
	// P50 and P99 are from an application to its Secret, at one application a second.
	P50 float64 `json:"p50ms"`
	P99 float64 `json:"p99ms"`
	// KubeWritesPerApp and ServerCallsPerApp are those of a creation, without events.
	KubeWritesPerApp  float64     `json:"kubeWritesPerApp"`
	ServerCallsPerApp float64     `json:"serverCallsPerApp"`
	Restart           RestartCost `json:"restart"`
	Idle              IdleCost    `json:"idle"`
	Sweep             SweepCost   `json:"sweep"`
	RSS               float64     `json:"rssMB"`
	// RSSUnrelated is by how much 300 Secrets of 1 MB that have nothing to do with the operator change that.
	RSSUnrelated float64 `json:"rssUnrelatedSecretsDeltaMB"`
}

// RestartCost is what a restart takes until the operator has looked at everything.
type RestartCost struct {
	Seconds     float64 `json:"seconds"`
	ServerCalls int     `json:"serverCalls"`
	KubeWrites  int     `json:"kubeWrites"`
}

// IdleCost is what happens while nobody does anything.
type IdleCost struct {
	Seconds     float64 `json:"seconds"`
	KubeWrites  int     `json:"kubeWrites"`
	ServerCalls int     `json:"serverCalls"`
}

// SweepCost is what a sweep takes that finds drifts.
type SweepCost struct {
	CPUSeconds float64 `json:"cpuSeconds"`
	Drifts     int     `json:"drifts"`
	Repaired   int     `json:"repaired"`
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// percentile of durations, in milliseconds.
func percentile(durations []time.Duration, p float64) float64 {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	return float64(sorted[min(len(sorted)-1, int(p*float64(len(sorted))))].Microseconds()) / 1000
}

func (r Report) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	_, _ = fmt.Fprintln(w)
	row("applications", "%d, %d workers, %d cores, load %.1f", r.N, r.Workers, r.Cores, r.Load)
	row("floor", "%.1f s (%.1f)", r.FloorSeconds, r.Floors)
	row("operator", "%.1f s (%.1f), %.2f x the floor; target 1.25", r.Seconds, r.Operators, r.Ratio)
	row("CPU", "%.1f ms for each application", r.CPUPerApp)
	row("one a second", "p50 %.0f ms, p99 %.0f ms to the Secret; target 50", r.P50, r.P99)
	row("a creation", "%.2f writes to Kubernetes, %.2f calls of the server", r.KubeWritesPerApp, r.ServerCallsPerApp)
	row("a restart", "%.1f s, %d calls of the server, %d writes; target 0 writes", r.Restart.Seconds, r.Restart.ServerCalls, r.Restart.KubeWrites)
	row("idle", "%d writes, %d calls in %.0f s; target 0", r.Idle.KubeWrites, r.Idle.ServerCalls, r.Idle.Seconds)
	row("a sweep", "%.2f CPU s, %d of %d drifts repaired", r.Sweep.CPUSeconds, r.Sweep.Repaired, r.Sweep.Drifts)
	row("memory", "%.1f MB; 300 MB of other Secrets change it by %.1f MB", r.RSS, r.RSSUnrelated)
	_ = w.Flush()
}
