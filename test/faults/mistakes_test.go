package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/test/overlay"
)

// mistake is a wrong operator: pieces of its code are replaced while it is compiled. The harness has to find it.
type mistake struct {
	name  string
	edits []edit
	// finds are seeds of runs of which at least one has to fail, with the invariant.
	finds     []string
	invariant int
}

// edit replaces what stands once in a file with something wrong.
type edit struct{ file, old, wrong string }

var mistakes = []mistake{
	{
		name: "the server is told a secret before the ledger has it",
		edits: []edit{
			{
				"internal/execute/do.go",
				"return r.save(ctx, rec.Stage(target, drawn, r.nextPublished(), now).Answering(r.desired.Rotation.Asked).Overlapping(r.overlapping()))",
				"r.observed.Ledger = rec.Stage(target, drawn, r.nextPublished(), now).Answering(r.desired.Rotation.Asked).Overlapping(r.overlapping()); return r.look(ctx)",
			},
			{"internal/execute/execute.go", "	if r.saved {\n		return nil", "	if true {\n		return nil"},
		},
		finds: at("create a service", 3, 7, func(n int) Script { return Script{{n, deletesApp}, {n + 1, crashBefore}} }), invariant: 7,
	},
	{
		name:  "a credential is published before the server accepted it",
		edits: []edit{{"internal/plan/plan.go", "	uncommitted(create),          //", "	publish, uncommitted(create), //"}},
		finds: at("create a service", 2, 8, single(crashBefore)), invariant: 12,
	},
	{
		name: "a refused deletion counts as one",
		edits: []edit{{
			"internal/execute/server.go", "	case err != nil:\n		r.failure(err)\n	default:\n		r.observed.Deleted", "	default:\n		r.observed.Deleted",
		}},
		finds: at("delete", 0, 4, single(forbidden)), invariant: 7,
	},
	{
		name:  "the ledger goes first",
		edits: []edit{{"internal/plan/ending.go", "	released,                    //", "	unpublishAll, deleteLedger, released, //"}},
		finds: at("delete", 0, 6, single(crashBefore)), invariant: 7,
	},
	{
		name: "the finalizer comes late",
		edits: []edit{
			{
				"internal/plan/plan.go", "	guard,                        //",
				"	func(d Desired, o Observed) Step { if o.Applied { return guard(d, o) }; return nil }, //",
			},
			{"controllers/finalizer.go", " && controllerutil.ContainsFinalizer(&now, v1alpha1.Finalizer) {", " {"},
		},
		finds: []string{"create a service"}, invariant: 7,
	},
	{
		name: "a server that is away counts as one without the registration",
		edits: []edit{{
			"internal/execute/server.go",
			"	case errors.Is(err, idserver.ErrNotFound):\n		r.observed.Found[id] = nil\n	case err != nil:\n		r.failure(err)\n	default:\n		r.observed.Found[id] = &reply\n		return r.trace",
			"	case err != nil:\n		r.observed.Found[id] = nil\n	default:\n		r.observed.Found[id] = &reply\n		return r.trace",
		}},
		finds: at("delete", 0, 4, single(unavailable)), invariant: 7,
	},
	{
		name:  "an announced secret is used at once",
		edits: []edit{{"internal/plan/rotation.go", "return d.Rotation.Strategy == v1alpha1.RotationAnnounce &&", "return d.Rotation.Strategy == \"\" &&"}},
		finds: []string{"rotate, Announce"}, invariant: 9,
	},
	{
		name:  "the Secret of what is Public by now is left",
		edits: []edit{{"internal/plan/publish.go", "	if o.Output.Stale {", "	if o.Output.Stale && o.Ledger.Newest().Secret != \"\" {"}},
		finds: []string{"Confidential to Public"}, invariant: 5,
	},
	{
		name:  "a conflict is tried again at once, ever again",
		edits: []edit{{"controllers/server_protection.go", "RequeueAfter: p.backoff.When(ids.Name)", "RequeueAfter: firstConflictPause"}},
		finds: at("adopt", 0, 2, single(deletesRegistration+unseen)), invariant: 14,
	},
	{
		name:  "nothing is noted before a creation whose answer cannot be looked up",
		edits: []edit{{"internal/plan/replace.go", "		return tooManyOrphans(o)\n	}\n	return SaveIntent{}", "		return tooManyOrphans(o)\n	}\n	return Create{}"}},
		finds: at("create a service at oidc-provider", 1, 4, single(answerLost)), invariant: 1,
	},
	{
		name:  "a new key takes the place of the old one at once",
		edits: []edit{{"internal/ledger/record.go", "		if r.Exposed == \"\" && c.Key", "		if r.Exposed != \"\" && c.Key"}},
		finds: []string{"rotate a key at Ory Hydra"}, invariant: 9,
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

// TestMistakes seeds mistakes, and sees that runs find them which find nothing in the operator as it is. Each costs a compilation: without
// FAULTS=all it is every third of them.
func TestMistakes(t *testing.T) {
	if os.Getenv("SEED") != "" || os.Getenv("WORKFLOW") != "" {
		t.Skip("only some runs are tried")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	tried, caught := 0, 0
	for i, m := range mistakes {
		if i%3 != 0 && os.Getenv("FAULTS") != "all" {
			continue
		}
		tried++
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
	if err := amend(tried, caught); err != nil {
		t.Error(err)
	}
}

// try compiles the harness with the mistake, and tries the runs.
func (m mistake) try(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	var edits []overlay.Edit
	for _, e := range m.edits {
		edits = append(edits, overlay.Edit{File: e.file, Old: e.old, New: e.wrong})
	}
	replaced, err := overlay.Write(dir, root, edits)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	binary := filepath.Join(dir, "faults.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", replaced, "-o", binary, ".")
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
