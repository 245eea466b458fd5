package figures

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// figure is a row of a table.
type figure struct{ name, value string }

// number shows about three digits: more would be noise.
func number(v float64) string {
	switch {
	case v == float64(int64(v)):
		return strconv.FormatInt(int64(v), 10)
	case v < 10 && v > -10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100 && v > -100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// quantity is a number with its unit.
func quantity(v float64, unit string) string { return strings.TrimSpace(number(v) + " " + unit) }

// spread is a median with its range, if there was more than one round.
func spread(median float64, all Range, rounds int) string {
	if rounds < 2 {
		return quantity(median, "s")
	}
	return fmt.Sprintf("%s s (%s to %s)", number(median), number(all.Min), number(all.Max))
}

// figures are those that tell more than whether a target is met.
func (r *Report) figures() []figure {
	var all []figure
	row := func(name, format string, args ...any) { all = append(all, figure{name, fmt.Sprintf(format, args...)}) }
	row("machine", "%s, %d cores, %s GB, %s, %s; a durable write takes %s ms",
		r.Machine.CPU, r.Cores, number(r.Machine.MemoryGB), r.Machine.System, r.Machine.Go, number(r.Machine.FsyncMS))
	least, greatest := r.loads()
	row("applications", "%d, %d at the same time, %d rounds; load average %s when it began, %s to %s around the rounds", r.N, r.Workers, len(r.Floors),
		number(r.Load), number(least), number(greatest))
	for _, c := range []Convergence{r.Convergence, r.Tenth} {
		row(fmt.Sprintf("%d applications: floor", c.N), "%s", spread(c.FloorSeconds, c.FloorRange, len(c.Floors)))
		row(fmt.Sprintf("%d applications: operator", c.N), "%s, %s x the floor", spread(c.Seconds, c.Range, len(c.Operators)), number(c.Ratio))
	}
	for _, l := range r.Latency {
		row(fmt.Sprintf("%d applications, server of %d ms", r.N, l.MS), "%s s, %s x the floor", number(l.Seconds), number(l.Ratio))
	}
	for _, what := range []string{Floor, Operator} {
		row("CPU of all processes, "+what, "%s", r.computing(what))
	}
	caution := ""
	if r.Tenth.N < small {
		caution = "; of small numbers, in which what is done once weighs"
	}
	row("growth", "exponent %s, that of the floor %s%s", number(r.Exponent), number(r.FloorExponent), caution)
	row("a creation", "%s ms of CPU, %s writes to Kubernetes, %s requests to the server",
		number(r.CPUPerApp), number(r.KubeWritesPerApp), number(r.ServerCallsPerApp))
	row("one application a second", "p50 %s ms, p99 %s ms of %d", number(r.P50), number(r.P99), r.SteadySamples)
	row("a restart", "%s s, %d requests to the server, %d of them for registrations (%d pages), %d writes to Kubernetes; meanwhile p99 %s ms of %d",
		number(r.Restart.Seconds), r.Restart.ServerCalls, r.Restart.Reads, r.Restart.Pages, r.Restart.KubeWrites, number(r.Restart.P99), r.Restart.Samples)
	row("the end of a leader", "meanwhile p99 %s ms of %d", number(r.Restart.HandoverP99), r.Restart.HandoverSamples)
	row("at rest", "%d writes to Kubernetes, %d requests to the server in %s s", r.Idle.KubeWrites, r.Idle.ServerCalls, number(r.Idle.Seconds))
	row("a sweep", "%s s of CPU with %d drifts, of which %d were repaired by %d writes; %s s without drift", number(r.Sweep.CPUSeconds), r.Sweep.Drifts,
		r.Sweep.Repaired, r.Sweep.Written, number(r.Sweep.CPUSecondsWithoutDrift))
	row("memory", "%s MB, %s MB after a restart; 300 Secrets of others change it by %s MB", number(r.RSS), number(r.RSSRestarted), number(r.RSSUnrelated))
	for _, b := range []struct {
		name string
		cost BatchCost
	}{{"a server with its limits", r.Batch}, {"the same, without batches", r.Unbatched}} {
		row(b.name, "%d applications in %s s and %d requests, %d of them refused", b.cost.Apps, number(b.cost.Seconds), b.cost.Requests, b.cost.TooManyRequests)
	}
	for _, p := range r.Outage.cases() {
		row("two a second while "+p.name, "p50 %s ms, p99 %s ms of %d%s", number(p.P50), number(p.P99), p.Samples, p.waiting())
	}
	return all
}

// computing tells who was computing in the last round of all applications at a server without latency.
func (r *Report) computing(what string) string {
	for _, round := range slices.Backward(r.Rounds) {
		if round.What != what || round.N != r.N || round.LatencyMS > 0 {
			continue
		}
		total, parts := 0.0, []string{}
		for _, name := range slices.SortedFunc(maps.Keys(round.CPU), func(a, b string) int { return cmp.Compare(round.CPU[b], round.CPU[a]) }) {
			total += round.CPU[name]
			parts = append(parts, fmt.Sprintf("%s %s s", name, number(round.CPU[name])))
		}
		return fmt.Sprintf("%s s in %s s on %d cores: %s", number(total), number(round.Seconds), r.Cores, strings.Join(parts, ", "))
	}
	return "not measured"
}

// condition is a Pace with what it was measured in.
type condition struct {
	name string
	Pace
}

func (o Outage) cases() []condition {
	return []condition{
		{"all is well", o.Alone}, {"another server takes 200 ms", o.Slow}, {"another takes 200 ms, one by one", o.Queued},
		{"another server is down", o.Down}, {"500 are registered at a server of 200 ms", o.Burst},
	}
}

func (p Pace) waiting() string {
	if p.Pending == 0 {
		return ""
	}
	return fmt.Sprintf("; there %d applications waited, %d at the end", p.Pending, p.PendingAfter)
}

// loads are the least and the greatest load average around the rounds.
func (r *Report) loads() (least, greatest float64) {
	all := make([]float64, 0, 2*len(r.Rounds))
	for _, round := range r.Rounds {
		all = append(all, round.LoadBefore, round.LoadAfter)
	}
	of := rangeOf(all)
	return of.Min, of.Max
}

func (t Target) met() string {
	if t.Met {
		return "yes"
	}
	return "**no**"
}

// Print shows all of it on a terminal.
func (r *Report) Print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, f := range r.figures() {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", f.name, f.value)
	}
	_, _ = fmt.Fprintln(w)
	for _, t := range r.Targets {
		_, _ = fmt.Fprintf(w, "%s\t%s\tat most %s\t%s\n", t.Name, quantity(t.Value, t.Unit), quantity(t.Target, t.Unit), t.met())
	}
	return w.Flush()
}

// markdown is the same as tables of a page.
func (r *Report) markdown() string {
	var b strings.Builder
	if r.N < small {
		fmt.Fprintf(&b, "> A run of %d applications only: it shows what is measured, and says little about a target.\n\n", r.N)
	}
	b.WriteString("| Asked for | Measured | At most | Met |\n|---|---|---|---|\n")
	for _, t := range r.Targets {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", t.Name, quantity(t.Value, t.Unit), quantity(t.Target, t.Unit), t.met())
	}
	b.WriteString("\n| Figure | Value |\n|---|---|\n")
	for _, f := range r.figures() {
		fmt.Fprintf(&b, "| %s | %s |\n", f.name, f.value)
	}
	return b.String()
}
