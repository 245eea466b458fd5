package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"trustedapps.dev/operator/test/bed"
)

// Report is build/faults.json.
type Report struct {
	// Runs are those with a fault; Pairs are those of them with two. Violations are runs after which something did not hold, Flaky those of
	// them that went well when tried again.
	Runs       int `json:"runs"`
	Pairs      int `json:"pairs"`
	Violations int `json:"violations"`
	Flaky      int `json:"flaky"`
	// NotStruck are runs that ended before the call of their fault.
	NotStruck            int     `json:"notStruck"`
	Workflows            int     `json:"workflows"`
	FaultKinds           int     `json:"faultKinds"`
	SeededMistakes       int     `json:"seededMistakes"`
	SeededMistakesCaught int     `json:"seededMistakesCaught"`
	Seconds              float64 `json:"seconds"`
	CPUs                 int     `json:"cpus"`
	// Complete: every fault at every call, and all pairs, on ERP.net; on the other servers one call for each fault of each workflow.
	Complete bool `json:"complete"`
	// Table is how many runs there were, by workflow and fault.
	Table map[string]map[Fault]int `json:"table"`
}

func (c *Campaign) report(took time.Duration) *Report {
	r := &Report{Seconds: took.Round(time.Second).Seconds(), CPUs: runtime.NumCPU(), Complete: c.all, Flaky: len(c.flaky), Table: map[string]map[Fault]int{}}
	kinds := map[Fault]bool{}
	for _, out := range c.outcomes {
		row := r.Table[out.Workflow.Name]
		if row == nil {
			row = map[Fault]int{}
			r.Table[out.Workflow.Name] = row
		}
		if out.Err != nil {
			r.Violations++
		}
		if len(out.Script) == 0 {
			continue
		}
		r.Runs++
		if out.Struck < len(out.Script) {
			r.NotStruck++
		}
		if len(out.Script) > 1 {
			r.Pairs++
			row["pairs"]++
			continue
		}
		kinds[out.Script[0].Fault] = true
		row[out.Script[0].Fault]++
	}
	r.Workflows, r.FaultKinds = len(r.Table), len(kinds)
	return r
}

// columns are the faults of the table for people, and what they are called there.
var columns = []struct {
	title  string
	faults []Fault
}{
	{"crash", []Fault{crashBefore, crashAfter}},
	{"lost", []Fault{answerLost}},
	{"late", []Fault{lateApply}},
	{"refused", []Fault{unauthorized, forbidden, conflict, throttled, broken, unavailable}},
	{"garbled", []Fault{truncated, page}},
	{"stale", []Fault{heldBack, dropped, olderList}},
	{"leaders", []Fault{twoLeaders}},
	{"people", meanwhiles},
	{"unseen", []Fault{editsSpec + unseen, deletesApp + unseen, recreatesApp + unseen, deletesSecret + unseen, deletesRegistration + unseen, renamesSecret + unseen}},
	{"pairs", []Fault{"pairs"}},
}

// print writes the table for people.
func (r *Report) print(order []*Workflow) {
	fmt.Printf("\n%-30s", "runs")
	for _, c := range columns {
		fmt.Printf("%9s", c.title)
	}
	fmt.Println()
	for _, w := range order {
		row, tried := r.Table[w.Name]
		if !tried {
			continue
		}
		fmt.Printf("%-30s", w.Name)
		for _, c := range columns {
			n := 0
			for _, f := range c.faults {
				n += row[f]
			}
			fmt.Printf("%9d", n)
		}
		fmt.Println()
	}
	fmt.Printf("\n%d runs with faults of %d kinds in %d workflows, %d of them pairs; %d violations, %d of them flaky; %d faults did not strike; %.0f s\n",
		r.Runs, r.FaultKinds, r.Workflows, r.Pairs, r.Violations, r.Flaky, r.NotStruck, r.Seconds)
}

// reportFile is build/faults.json.
var reportFile = bed.Path("build/faults.json")

// written is the report of the campaign that this run of the tests made; nil if there was none.
var written *Report

func (r *Report) write() error {
	written = r
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(reportFile), 0o750); err != nil {
		return err
	}
	return os.WriteFile(reportFile, append(content, '\n'), 0o600)
}

// amend adds to the report of the campaign, if one was made by this run of the tests, how many seeded mistakes were tried and caught.
func amend(tried, caught int) error {
	fmt.Printf("%d of %d seeded mistakes caught\n", caught, tried)
	if written == nil {
		return nil
	}
	written.SeededMistakes, written.SeededMistakesCaught = tried, caught
	return written.write()
}

// named leaves the workflows whose names contain a text.
func named(all []*Workflow, text string) []*Workflow {
	var some []*Workflow
	for _, w := range all {
		if strings.Contains(w.Name, text) {
			some = append(some, w)
		}
	}
	return some
}
