package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mistake is a wrong operator: a piece of its code is replaced while it is compiled. The harness has to find it.
type mistake struct {
	name string
	// file is the source, in which old is replaced by wrong.
	file, old, wrong string
	// finds are seeds of runs of which at least one has to fail, with the invariant.
	finds     []string
	invariant int
}

var mistakes = []mistake{
	{
		name: "the server is told a secret before the ledger has it", file: "internal/execute/do.go",
		old:   "return r.save(ctx, rec.Stage(target, r.drawn(s.ClientID), r.nextPublished(), now).Answering(r.desired.Rotation.Asked))",
		wrong: "r.observed.Ledger = rec.Stage(target, r.drawn(s.ClientID), r.nextPublished(), now).Answering(r.desired.Rotation.Asked); return r.look(ctx)",
		finds: at("create a service", 2, 8, func(n int) Script { return Script{{n, deletesApp}, {n, crashBefore}} }), invariant: 6,
	},
	{
		name: "a credential is published before the server accepted it", file: "internal/plan/plan.go",
		old: "	uncommitted(create),          //", wrong: "	publish, uncommitted(create), //",
		finds: at("create a service", 2, 8, single(crashBefore)), invariant: 2,
	},
	{
		name: "a refused deletion counts as one", file: "internal/execute/server.go",
		old:   "	case err != nil:\n		r.failure(err)\n	default:\n		r.observed.Deleted",
		wrong: "	default:\n		r.observed.Deleted",
		finds: at("delete", 0, 4, single(forbidden)), invariant: 7,
	},
	{
		name: "the ledger goes first", file: "internal/plan/ending.go",
		old: "	released,                    //", wrong: "	unpublishAll, deleteLedger, released, //",
		finds: at("delete", 0, 6, single(crashBefore)), invariant: 7,
	},
	{
		name: "the finalizer comes late", file: "internal/plan/plan.go",
		old:   "	guard,                        //",
		wrong: "	func(d Desired, o Observed) Step { if o.Applied { return guard(d, o) }; return nil }, //",
		finds: []string{"create a service"}, invariant: 7,
	},
	{
		name: "a refusal counts as absence", file: "internal/execute/server.go",
		old:   "	case errors.Is(err, idserver.ErrNotFound):\n		r.observed.Found[id] = nil\n	case err != nil:\n		r.failure(err)\n	default:\n		r.observed.Found[id] = &reply\n		return r.trace",
		wrong: "	case err != nil:\n		r.observed.Found[id] = nil\n	default:\n		r.observed.Found[id] = &reply\n		return r.trace",
		finds: at("delete", 0, 4, single(unavailable)), invariant: 7,
	},
	{
		name: "an announced secret is used at once", file: "internal/plan/rotation.go",
		old: "return d.Rotation.Strategy == v1alpha1.RotationAnnounce &&", wrong: "return d.Rotation.Strategy == \"\" &&",
		finds: []string{"rotate, Announce"}, invariant: 9,
	},
	{
		name: "the Secret of what is Public by now is left", file: "internal/plan/plan.go",
		old: "	if o.Output.Stale {", wrong: "	if o.Output.Stale && d.Confidential() {",
		finds: []string{"Confidential to Public"}, invariant: 5,
	},
}

// at are the seeds of a workflow with a script at each of some calls.
func at(workflow string, from, to int, script func(int) Script) []string {
	var seeds []string
	for n := from; n < to; n++ {
		seeds = append(seeds, seed(workflow, script(n)))
	}
	return seeds
}

func single(f Fault) func(int) Script { return func(n int) Script { return Script{{n, f}} } }

// TestMistakes seeds mistakes, and sees that runs find them which find nothing in the operator as it is.
func TestMistakes(t *testing.T) {
	if os.Getenv("SEED") != "" || os.Getenv("WORKFLOW") != "" {
		t.Skip("only some runs are tried")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	caught := 0
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			began := time.Now()
			out := m.try(t, root)
			if want := fmt.Sprintf("invariant %d: ", m.invariant); !strings.Contains(out, want) {
				t.Fatalf("not found: no %q in\n%s", want, out)
			}
			caught++
			fmt.Printf("caught in %.0f s: %s\n", time.Since(began).Seconds(), m.name)
		})
	}
	if err := amend(caught); err != nil {
		t.Error(err)
	}
}

// try compiles the harness with the mistake, and tries the runs.
func (m mistake) try(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(root, m.file)
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("what is to be replaced occurs %d times in %s: the mistake has to follow the code", n, m.file)
	}
	replaced := filepath.Join(dir, "replaced.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {name: replaced}})
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{
		replaced:                           []byte(strings.Replace(string(source), m.old, m.wrong, 1)),
		filepath.Join(dir, "overlay.json"): overlay,
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	binary := filepath.Join(dir, "faults.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compiling: %v\n%s", err, out)
	}
	run := exec.CommandContext(ctx, binary, "-test.run", "^TestFaults$")
	run.Env = append(os.Environ(), "SEED="+strings.Join(m.finds, "\n"))
	out, err := run.CombinedOutput()
	if err == nil {
		t.Fatalf("not found: the runs went well\n%s", out)
	}
	return string(out)
}
