package faults

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFaults lets everything happen. FAULTS=all tries every fault at every call and all pairs; WORKFLOW names some workflows; SEED tries one
// run again alone, or several, one a line, until one fails, and tells its calls.
func TestFaults(t *testing.T) {
	b := newBed(t)
	if seeds := os.Getenv("SEED"); seeds != "" {
		replay(t, b, seeds)
		return
	}
	began := time.Now()
	all := os.Getenv("FAULTS") == "all"
	some := named(workflows(), os.Getenv("WORKFLOW"))
	c := &Campaign{bed: b, all: all, plain: map[string]Outcome{}}
	for _, at := range []*kind{erpNet, hydra, dynamic} {
		c.perform(t.Context(), at, of(at, some, all || os.Getenv("WORKFLOW") != ""))
	}
	report := c.report(time.Since(began))
	for _, out := range c.outcomes {
		if out.Err != nil {
			t.Errorf("%s: %v", seed(out.Workflow.Name, out.Script), out.Err)
		}
	}
	b.searchAll(t)
	report.print(some)
	if os.Getenv("WORKFLOW") == "" {
		if err := report.write(); err != nil {
			t.Error(err)
		}
	}
}

// brief are the workflows that the short form tries at the other servers.
var brief = []string{"create a service", "create with a key", "change scopes", "rotate a key", "Confidential to Public", "rotate, Announce", "delete"}

// of leaves the workflows at a kind of server; of those at another one than ERP.net the brief ones, unless all are asked for.
func of(at *kind, some []*Workflow, all bool) []*Workflow {
	return slices.DeleteFunc(slices.Clone(some), func(w *Workflow) bool {
		name, _, _ := strings.Cut(w.Name, " at ")
		return w.at != at || at != erpNet && !all && !slices.Contains(brief, name)
	})
}

// replay tries runs again, and tells all of their calls.
func replay(t *testing.T, b *Bed, seeds string) {
	t.Helper()
	for line := range strings.Lines(seeds) {
		w, script, err := parseSeed(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		out := b.try(t.Context(), w, script)
		fmt.Printf("%s: %d of %d faults struck, %.1f s\n", strings.TrimSpace(line), out.Struck, len(script), time.Since(began).Seconds())
		out.tell()
		if out.Err != nil {
			t.Fatalf("%s: %v", strings.TrimSpace(line), out.Err)
		}
	}
}

// tell prints the calls of a run, and what struck which.
func (o *Outcome) tell() {
	for i, c := range o.Calls[:min(len(o.Calls), mostCalls)] {
		fmt.Printf("    %2d %s%s\n", i, c, o.Script.at(i))
	}
}

// at is what happened at a call.
func (s Script) at(n int) string {
	for _, strike := range s {
		if strike.At == n {
			return "  <- " + string(strike.Fault)
		}
	}
	return ""
}
