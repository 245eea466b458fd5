package contract

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

// Suite runs the contract. newHarness is called once for each spec, and may clean one server up instead of making another.
func Suite(t *testing.T, subject Subject, newHarness func(t *testing.T) Harness) {
	t.Helper()
	report := Report{Name: subject.Name, Version: subject.Version, Specs: len(specs), LeftOut: map[string]string{}}
	for _, s := range specs {
		passed := t.Run(s.name, func(t *testing.T) {
			h := newHarness(t)
			if s.needs != nil {
				if missing := s.needs(h); missing != "" {
					t.Log("left out, because this server has no " + missing)
					report.LeftOut[s.name] = missing
					return
				}
			}
			s.run(scene{T: t, WithT: NewWithT(t), Harness: h})
		})
		switch {
		case !passed:
			report.Failed++
		case report.LeftOut[s.name] == "":
			report.Passed++
		}
	}
	if err := report.write(); err != nil {
		t.Error(err)
	}
}

// spec is one promise. needs names what a harness lacks for it; empty: nothing.
type spec struct {
	name  string
	needs func(h Harness) string
	run   func(s scene)
}

var specs = slices.Concat(
	registrationSpecs, updateSpecs, raceSpecs, secretSpecs, keySpecs, deletionSpecs, claimSpecs, listSpecs, verificationSpecs, faultSpecs, callSpecs,
)

// scene is what a spec plays in.
type scene struct {
	*testing.T
	*WithT
	Harness
}

// Needs of specs.

func all(needs ...func(Harness) string) func(Harness) string {
	return func(h Harness) string {
		for _, need := range needs {
			if missing := need(h); missing != "" {
				return missing
			}
		}
		return ""
	}
}

func missingIf(absent bool, what string) string {
	if absent {
		return what
	}
	return ""
}

func chosenID(h Harness) string { return missingIf(!h.Server.Capabilities().ChosenID, "chosen ids") }

func replacing(h Harness) string {
	return missingIf(!h.Server.Capabilities().RepliesRotate, "registration access tokens that are replaced")
}

func lookup(h Harness) string { return missingIf(!h.Server.Capabilities().Lookup, "lookup") }

// surveying wants a Surveyor.
func surveying(h Harness) string {
	_, ok := h.Server.(idserver.Surveyor)
	return missingIf(!ok, "list of all owners")
}

func clientChosen(h Harness) string {
	return missingIf(h.Server.Capabilities().SecretOrigin != idserver.ClientChosen, "secrets chosen by clients")
}

func administrators(h Harness) string {
	return missingIf(h.AdminUser == "", "administrators that services act as")
}

func login(h Harness) string   { return missingIf(h.Stateless, "login of its own") }
func keeping(h Harness) string { return missingIf(h.Replaces, "updates of single fields") }
func locking(h Harness) string { return missingIf(!h.Locking, "versions") }

func editing(h Harness) string  { return missingIf(h.Edit == nil, "edits by hand") }
func planting(h Harness) string { return missingIf(h.Plant == nil, "registrations by hand") }
func referring(h Harness) string {
	return missingIf(h.Refer == nil, "references to registrations")
}

// breaking wants at least one kind of fault.
func breaking(h Harness) string { return missingIf(h.Break == nil || len(h.Kinds) == 0, "faults") }

func broken(kinds ...FaultKind) func(Harness) string {
	return func(h Harness) string {
		for _, k := range kinds {
			if h.Break == nil || !slices.Contains(h.Kinds, k) {
				return string("fault " + k)
			}
		}
		return ""
	}
}
