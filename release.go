package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// lull is how long it has to be quiet before memory is given back.
	lull = 5 * time.Second
	// quiet is what a process allocates meanwhile that has nothing to do, and burst what it has to have allocated since memory was given back the
	// last time, in bytes.
	quiet, burst = 4 << 20, 32 << 20
)

// releaser gives memory back to the system after a burst, a restart with many applications, say: the Go runtime by itself holds on to twice what
// is in use until there is reason to collect again, which at rest is hours later.
type releaser struct{}

// NeedLeaderElection implements manager.LeaderElectionRunnable: a replica that waits holds memory, too.
func (releaser) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (releaser) Start(ctx context.Context) error {
	ticker := time.NewTicker(lull)
	defer ticker.Stop()
	var before, released uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := allocated()
		if now-before < quiet && now-released > burst {
			debug.FreeOSMemory()
			released = now
		}
		before = now
	}
}

// allocated is how many bytes were allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
