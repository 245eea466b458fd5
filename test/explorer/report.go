package explorer

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what build/explorer.json holds.
type Report struct {
	States               int                      `json:"states"`
	Transitions          int                      `json:"transitions"`
	Violations           int                      `json:"violations"`
	SeededMistakes       int                      `json:"seededMistakes"`
	SeededMistakesCaught int                      `json:"seededMistakesCaught"`
	Profiles             map[string]ProfileReport `json:"profiles"`
	Mistakes             []MistakeReport          `json:"mistakes"`
	Seconds              float64                  `json:"seconds"`
}

// ProfileReport is the result of one campaign.
type ProfileReport struct {
	States      int            `json:"states"`
	Transitions int            `json:"transitions"`
	Faults      int            `json:"faults"`
	Actions     int            `json:"actions"`
	Ends        map[string]int `json:"ends"`
	Struck      map[string]int `json:"struck"`
	Seconds     float64        `json:"seconds"`
}

// MistakeReport says how a seeded mistake was caught.
type MistakeReport struct {
	Name     string `json:"name"`
	Profile  string `json:"profile"`
	CaughtBy string `json:"caughtBy"`
	States   int    `json:"states"`
	Runs     int    `json:"runs"`
}

func (r *Report) add(c Campaign, found Result, took time.Duration) {
	r.States += found.States
	r.Transitions += found.Transitions
	if found.Found != nil {
		r.Violations++
	}
	r.Profiles[c.Name] = ProfileReport{
		States: found.States, Transitions: found.Transitions, Faults: c.Budget.Faults, Actions: c.Budget.Actions,
		Ends: found.Ends, Struck: found.Struck, Seconds: took.Seconds(),
	}
}

func (r *Report) addMistake(m *Mistake, found Result) {
	line := MistakeReport{Name: m.name, Profile: m.profile, States: found.States, Runs: found.Transitions}
	r.SeededMistakes++
	if found.Found != nil {
		r.SeededMistakesCaught++
		line.CaughtBy = found.Found.Invariant
	}
	r.Mistakes = append(r.Mistakes, line)
}

// write writes the report for programs.
func (r *Report) write(file string) error {
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("making the directory of the report: %w", err)
	}
	return os.WriteFile(file, append(body, '\n'), 0o644)
}

// String renders the report for people.
func (r *Report) String() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nSEARCH\tFAULTS\tACTIONS\tSTATES\tTRANSITIONS\tSECONDS")
	for _, name := range slices.Sorted(maps.Keys(r.Profiles)) {
		p := r.Profiles[name]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%.1f\n", name, p.Faults, p.Actions, p.States, p.Transitions, p.Seconds)
	}
	fmt.Fprintln(t, "\nSEEDED MISTAKE\tPROFILE\tCAUGHT BY\tSTATES\tRUNS")
	for _, m := range r.Mistakes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\n", m.Name, m.Profile, m.CaughtBy, m.States, m.Runs)
	}
	_ = t.Flush()
	fmt.Fprintf(&b, "\n%d states, %d transitions, %d violations, %d of %d seeded mistakes caught, %.0f seconds\n",
		r.States, r.Transitions, r.Violations, r.SeededMistakesCaught, r.SeededMistakes, r.Seconds)
	return b.String()
}
