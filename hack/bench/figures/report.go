// Package figures knows what a run of the bench found, what is asked of it, and how both are shown on a page.
package figures

// Report is build/bench.json. Times are in seconds where a name does not say milliseconds; a MB is a million bytes.
type Report struct {
	// Convergence is that of all N applications at a server without latency.
	Convergence
	// Workers is how many applications operator and floor work on at the same time.
	Workers int `json:"workers"`
	Cores   int `json:"cores"`
	// Load is the load average of a minute when the bench began; Rounds have it before and after each of them.
	Load    float64 `json:"load"`
	Machine Machine `json:"machine"`
	// Tenth is the convergence of a tenth of the applications, in the same run. Exponent says how the time of the operator grows from there: 1 is
	// in proportion; FloorExponent says the same of the floor.
	Tenth         Convergence `json:"tenth"`
	Exponent      float64     `json:"exponent"`
	FloorExponent float64     `json:"floorExponent"`
	// Latency is the convergence at servers that take their time for each request.
	Latency []Latency `json:"latency"`
	// CPUPerApp is what the operator's process takes for a creation, in milliseconds.
	CPUPerApp float64 `json:"cpuMsPerApp"`
	// P50 and P99 are from an application to its Secret, at one application a second.
	P50 float64 `json:"p50ms"`
	P99 float64 `json:"p99ms"`
	// SteadySamples is how many applications these are of.
	SteadySamples int `json:"steadySamples"`
	// KubeWritesPerApp and ServerCallsPerApp are those of a creation, without events.
	KubeWritesPerApp  float64     `json:"kubeWritesPerApp"`
	ServerCallsPerApp float64     `json:"serverCallsPerApp"`
	Restart           RestartCost `json:"restart"`
	Idle              IdleCost    `json:"idle"`
	Sweep             SweepCost   `json:"sweep"`
	// RSS is what the operator holds with all applications, at rest after it registered them; RSSRestarted after it was restarted with them.
	RSS          float64 `json:"rssMB"`
	RSSRestarted float64 `json:"rssRestartedMB"`
	// RSSUnrelated is by how much 300 Secrets of 1 MB that have nothing to do with the operator change RSS.
	RSSUnrelated float64 `json:"rssUnrelatedSecretsDeltaMB"`
	// Batch is a server that enforces the limits of ERP.net, with the operator's defaults; Unbatched is one for which the operator sends each
	// call alone.
	Batch     BatchCost `json:"batch"`
	Unbatched BatchCost `json:"unbatched"`
	Outage    Outage    `json:"outage"`
	// TooManyRequests is how often a server refused the operator with 429, and MaxInFlight how many requests of the Domain API were open at the same
	// time, at most, in all of the run.
	TooManyRequests int      `json:"tooManyRequests"`
	MaxInFlight     int      `json:"maxInFlight"`
	Rounds          []Round  `json:"rounds"`
	Targets         []Target `json:"targets"`
}

// Machine is what the figures are of.
type Machine struct {
	CPU      string  `json:"cpu"`
	MemoryGB float64 `json:"memoryGB"`
	System   string  `json:"system"`
	Go       string  `json:"go"`
	// FsyncMS is how long the disk takes to make a small write durable, which etcd does for each of them.
	FsyncMS float64 `json:"fsyncMs"`
}

// Convergence is how long it takes from the first creation until n applications are Ready.
type Convergence struct {
	N int `json:"n"`
	// FloorSeconds and Seconds are the medians of the bare loop and of the operator, Ratio is their ratio.
	FloorSeconds float64 `json:"floorSeconds"`
	Seconds      float64 `json:"seconds"`
	Ratio        float64 `json:"ratio"`
	FloorRange   Range   `json:"floorRange"`
	Range        Range   `json:"range"`
	// Floors and Operators are the single rounds, in their order.
	Floors    []float64 `json:"floors"`
	Operators []float64 `json:"operators"`
}

// Range is from the least to the greatest.
type Range struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// Latency is one convergence of all applications at a server that takes MS milliseconds for each request. Ratio is to the floor of the run, which asks
// no server.
type Latency struct {
	MS      int     `json:"ms"`
	Seconds float64 `json:"seconds"`
	Ratio   float64 `json:"ratio"`
}

// Round is one measurement of a convergence.
type Round struct {
	// What was measured: the floor or the operator.
	What       string  `json:"what"`
	N          int     `json:"n"`
	LatencyMS  int     `json:"latencyMs"`
	Seconds    float64 `json:"seconds"`
	LoadBefore float64 `json:"loadBefore"`
	LoadAfter  float64 `json:"loadAfter"`
	// CPU is how many seconds each of the processes was computing, by name. They share the cores.
	CPU map[string]float64 `json:"cpuSeconds"`
}

// RestartCost is what a restart takes until the operator has looked at everything.
type RestartCost struct {
	Seconds     float64 `json:"seconds"`
	ServerCalls int     `json:"serverCalls"`
	KubeWrites  int     `json:"kubeWrites"`
	// Calls are the ServerCalls by operation, those of the probe among them. Reads are those that ask for registrations, one of them for the operator's
	// own, and Pages is how many pages all registrations are.
	Calls map[string]int `json:"calls"`
	Reads int            `json:"reads"`
	Pages int            `json:"pages"`
	// P99 is from an application to its Secret, for applications that are made at one a second from the restart on.
	P99     float64 `json:"p99ms"`
	Samples int     `json:"samples"`
	// HandoverP99 is the same from the end of a leader on, while another process waits to lead.
	HandoverP99     float64 `json:"handoverP99ms"`
	HandoverSamples int     `json:"handoverSamples"`
}

// IdleCost is what happens while nobody does anything.
type IdleCost struct {
	Seconds     float64 `json:"seconds"`
	KubeWrites  int     `json:"kubeWrites"`
	ServerCalls int     `json:"serverCalls"`
}

// SweepCost is what a sweep takes that finds Drifts, and one that finds none.
type SweepCost struct {
	CPUSeconds float64 `json:"cpuSeconds"`
	Drifts     int     `json:"drifts"`
	// Repaired is how many of them were, Written how many registrations the operator wrote, and Mistaken how many of these had no drift.
	Repaired               int     `json:"repaired"`
	Written                int     `json:"written"`
	Mistaken               int     `json:"mistaken"`
	ServerCalls            int     `json:"serverCalls"`
	CPUSecondsWithoutDrift float64 `json:"cpuSecondsWithoutDrift"`
}

// BatchCost is what registrations cost at a server that enforces its limits.
type BatchCost struct {
	Apps int `json:"apps"`
	// Requests are those of the Domain API.
	Requests        int     `json:"requests"`
	TooManyRequests int     `json:"tooManyRequests"`
	Seconds         float64 `json:"seconds"`
}

// Outage is what becomes of the applications of one server while another is not well.
type Outage struct {
	// Alone is while both are well.
	Alone Pace `json:"alone"`
	// Slow is while the other takes 200 ms for each request, and as many applications are made there. Queued is while it also takes one registration
	// at a time and has a crowd, which waits all the while. Down is while it refuses connections and has a crowd.
	Slow   Pace `json:"slow"`
	Queued Pace `json:"queued"`
	Down   Pace `json:"down"`
	// Burst is while the crowd of a slow server is registered: that takes all of the cores for some seconds, so it is not in the ratio.
	Burst Pace `json:"burst"`
	// P99Ratio is the worst p99 of Slow, Queued and Down to that of Alone.
	P99Ratio float64 `json:"p99Ratio"`
}

// Pace is from an application to its Secret, at two applications a second.
type Pace struct {
	P50     float64 `json:"p50ms"`
	P99     float64 `json:"p99ms"`
	Samples int     `json:"samples"`
	// Pending is how many applications of the other server waited when the measurement began, and PendingAfter when it ended.
	Pending      int `json:"pending"`
	PendingAfter int `json:"pendingAfter"`
}
