package plan

import (
	"testing"
)

// unbegun is an application for which nothing was done yet.
func unbegun() (Desired, Observed) {
	d, o := state()
	return d, Observed{Output: Output{Secret: Missing}, Now: o.Now}
}

// The plan is asked for each application that something wakes, and once more for each step: what it allocates is counted, whatever the machine.
func TestThePlanAllocatesLittle(t *testing.T) {
	for name, c := range map[string]struct {
		state func() (Desired, Observed)
		most  float64
	}{
		"at rest": {func() (Desired, Observed) { return state() }, 36},
		"unbegun": {unbegun, 4},
	} {
		d, o := c.state()
		if allocations := testing.AllocsPerRun(100, func() { Next(d, o) }); allocations > c.most {
			t.Errorf("%s: %.0f allocations, and at most %.0f are allowed", name, allocations, c.most)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for name, of := range map[string]func() (Desired, Observed){"at rest": func() (Desired, Observed) { return state() }, "unbegun": unbegun} {
		b.Run(name, func(b *testing.B) {
			d, o := of()
			b.ReportAllocs()
			for b.Loop() {
				Next(d, o)
			}
		})
	}
}
