package explorer

import (
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
)

// TestExplorer tries everything within the budget, then proves with seeded mistakes that it can find something. With -short the budget is
// one fault and one action; the full one is two of each, and only that is reported in build.
func TestExplorer(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // many small worlds, few of which live long
	began := time.Now()
	full := Budget{Faults: 2, Actions: 2}
	if testing.Short() {
		full = Budget{Faults: 1, Actions: 1}
	}
	report := Report{Profiles: map[string]ProfileReport{}}
	ends := map[string]int{}
	for _, c := range campaigns(full) {
		start := time.Now()
		result := explore(c.Roots, c.Budget, nil)
		report.add(c, result, time.Since(start))
		if result.Found != nil {
			t.Errorf("%s: %s", c.Name, result.Found.Path(nil))
		}
		for end, n := range result.Ends {
			ends[end] += n
		}
	}
	all := []string{
		"Done", v1alpha1.ReasonObserved, v1alpha1.ReasonAdoptionPending, v1alpha1.ReasonOwnershipConflict, v1alpha1.ReasonSecretConflict, v1alpha1.ReasonConfigMapConflict, v1alpha1.ReasonTooManyOrphans,
	}
	if !testing.Short() { // a token that is lost before a deletion takes two edits
		all = append(all, v1alpha1.ReasonControlLost)
	}
	for _, end := range all {
		if ends[end] == 0 {
			t.Errorf("no state came to rest with %s: the search does not reach what it is for", end)
		}
	}
	for i := range mistakes {
		m := &mistakes[i]
		result := m.find()
		report.addMistake(m, result)
		if result.Found == nil {
			t.Errorf("the seeded mistake was not caught: %s (%s), %d states", m.name, m.profile, result.States)
		}
	}
	report.Seconds = time.Since(began).Seconds()
	t.Log(report.String())
	if testing.Short() {
		return
	}
	if err := report.write(filepath.Join("..", "..", "build", "explorer.json")); err != nil {
		t.Fatal(err)
	}
}

// TestPath proves that a violation is told with all that led to it.
func TestPath(t *testing.T) {
	m := &mistakes[0]
	result := m.find()
	if result.Found == nil {
		t.Fatal("nothing was found")
	}
	path := result.Found.Path(m)
	for _, want := range []string{result.Found.Invariant, "add finalizer", "create registration", "state:"} {
		if !strings.Contains(path, want) {
			t.Errorf("the path does not tell %q:\n%s", want, path)
		}
	}
}
