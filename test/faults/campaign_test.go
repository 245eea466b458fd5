package faults

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"
)

// Campaign is a set of runs.
type Campaign struct {
	bed *Bed
	// all: every fault at every call, and all pairs, on ERP.net; else, and on the other servers, one call for each fault of each workflow.
	all bool

	mu       sync.Mutex
	plain    map[string]Outcome
	outcomes []Outcome
	flaky    []Outcome
	planned  int
	told     time.Time
}

// perform tries the workflows of one kind of server, first each without a fault, and then with all that can happen at the calls which that
// found.
func (c *Campaign) perform(ctx context.Context, at *kind, workflows []*Workflow) {
	var plain []job
	for _, w := range workflows {
		plain = append(plain, job{w, nil})
	}
	c.each(at, plain, func(j job) {
		out := c.bed.try(ctx, j.workflow, nil)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.plain[j.workflow.Name] = out
		c.outcomes = append(c.outcomes, out)
	})
	var jobs []job
	for _, w := range workflows {
		if out := c.plain[w.Name]; out.Err == nil {
			for _, script := range c.scripts(w, out.Calls) {
				jobs = append(jobs, job{w, script})
			}
		}
	}
	c.planned += len(jobs)
	c.each(at, jobs, func(j job) { c.note(c.again(ctx, c.bed.try(ctx, j.workflow, j.script))) })
}

// job is a run to be tried.
type job struct {
	workflow *Workflow
	script   Script
}

// each does jobs, some at the same time.
func (c *Campaign) each(at *kind, jobs []job, do func(job)) {
	var wait sync.WaitGroup
	turns := make(chan struct{}, at.parallel)
	for _, j := range jobs {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			do(j)
		})
	}
	wait.Wait()
}

// again tries a run that failed once more, to tell what always fails from what does at times. Both are failures.
func (c *Campaign) again(ctx context.Context, out Outcome) Outcome {
	if out.Err == nil {
		return out
	}
	if second := c.bed.try(ctx, out.Workflow, out.Script); second.Err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.flaky = append(c.flaky, out)
	}
	return out
}

// note keeps an outcome, and tells how far it is.
func (c *Campaign) note(out Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes = append(c.outcomes, out)
	if out.Err != nil {
		fmt.Printf("FAILED: %s\n    %v\n", seed(out.Workflow.Name, out.Script), out.Err)
		out.tell()
	}
	if done := len(c.outcomes) - len(c.plain); time.Since(c.told) > 10*time.Second || done == c.planned {
		c.told = time.Now()
		fmt.Printf("%s  %d of %d runs with faults\n", time.Now().Format(time.TimeOnly), done, c.planned)
	}
}

// scripts are what happens in the runs of a workflow that makes such calls.
func (c *Campaign) scripts(w *Workflow, calls []Call) []Script {
	var single []Strike
	for at, call := range calls {
		for _, f := range faultsOf(call, w.at) {
			single = append(single, Strike{at, f})
		}
	}
	all := c.all && w.at == erpNet
	if !all {
		single = sample(w, single)
	}
	var scripts []Script
	for _, s := range single {
		scripts = append(scripts, Script{s})
	}
	if all {
		return append(scripts, pairs(calls)...) // regressions are among these
	}
	for _, r := range regressed(w) {
		if !slices.ContainsFunc(scripts, func(s Script) bool { return slices.Equal(s, r) }) {
			scripts = append(scripts, r)
		}
	}
	return scripts
}

// sample leaves one call for each fault, always the same one, but another for each workflow.
func sample(w *Workflow, all []Strike) []Strike {
	chosen := map[Fault]Strike{}
	weight := func(s Strike) uint32 {
		h := fnv.New32a()
		fmt.Fprintf(h, "%s %d %s", w.Name, s.At, s.Fault)
		return h.Sum32()
	}
	for _, s := range all {
		if best, found := chosen[s.Fault]; !found || weight(s) < weight(best) {
			chosen[s.Fault] = s
		}
	}
	return slices.SortedFunc(func(yield func(Strike) bool) {
		for _, s := range chosen {
			if !yield(s) {
				return
			}
		}
	}, func(a, b Strike) int { return cmp.Or(a.At-b.At, cmp.Compare(a.Fault, b.Fault)) })
}

// pairs are all pairs of those faults of which all are tried, at calls that write: the second is counted from where the first left off.
func pairs(calls []Call) []Script {
	var scripts []Script
	for i, first := range calls {
		for j := i + 1; j <= len(calls); j++ { // what the first one makes necessary follows the last call
			if !first.Write || j < len(calls) && !calls[j].Write {
				continue
			}
			for _, a := range pairable {
				for _, b := range pairable {
					scripts = append(scripts, Script{{i, a}, {j, b}})
				}
			}
		}
	}
	return scripts
}
