package explorer

import (
	"fmt"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver/memory"
)

// Campaign is one exhaustive search.
type Campaign struct {
	Name   string
	Roots  []*World
	Budget Budget
}

// campaigns are all searches: every kind of application on both profiles with the full budget, and some that need less of one thing and
// more of another.
func campaigns(full Budget) []Campaign {
	var all []Campaign
	for _, profile := range []string{clientChosen, serverIssued} {
		var roots []*World
		for _, k := range kinds {
			roots = append(roots, newWorld(profile, spec{kind: k, secretName: "first"}, false))
		}
		unproven := []*World{newWorld(profile, spec{kind: service, secretName: "first"}, true)}
		all = append(all,
			Campaign{profile, roots, full},
			Campaign{profile + ", many actions", roots[:1], Budget{full.Faults - 1, full.Actions + 1}},
			Campaign{profile + ", verification off", unproven, Budget{1, 1}})
	}
	var losing []*World
	for _, k := range kinds {
		w := newWorld(clientChosen, spec{kind: k, secretName: "first"}, false)
		w.mayLose = true
		losing = append(losing, w)
	}
	all = append(all, Campaign{clientChosen + ", the ledger is lost", losing, Budget{full.Faults - 1, full.Actions}})
	all = append(all, rotations(full)...)
	for _, profile := range []string{clientChosen, serverIssued} {
		w := newWorld(profile, spec{kind: service, secretName: "first"}, false)
		w.mayAbandon = true
		all = append(all,
			Campaign{profile + ", registrations are abandoned", []*World{w}, Budget{max(0, full.Faults-1), full.Actions}},
			Campaign{profile + ", registrations are abandoned, many actions", []*World{w}, Budget{max(0, full.Faults-2), full.Actions + 1}})
	}
	var granted []*World
	for _, profile := range []string{clientChosen, serverIssued} {
		for _, disables := range []bool{false, true} {
			w := newWorld(profile, spec{kind: service, secretName: "first"}, false)
			w.grants, w.disables = true, disables
			granted = append(granted, w)
		}
	}
	all = append(all, Campaign{"grants are taken away", granted, Budget{max(0, full.Faults-1), full.Actions}})
	var swept []*World
	for _, s := range []spec{{kind: service}, {kind: public}, {kind: service, strategy: v1alpha1.RotationAlternate}} {
		s.secretName = "first"
		w := newWorld(clientChosen, s, false)
		w.sweeps = true
		swept = append(swept, w)
	}
	doubted := newWorld(serverIssued, spec{kind: service, secretName: "first"}, false)
	doubted.sweeps = true
	all = append(all,
		Campaign{serverIssued + ", sweeps", []*World{doubted}, Budget{max(0, full.Faults-1), full.Actions}},
		Campaign{clientChosen + ", sweeps", swept, Budget{max(0, full.Faults-1), full.Actions}},
		Campaign{clientChosen + ", orphans are ended", orphaned(), Budget{max(0, full.Faults-1), full.Actions}},
		Campaign{clientChosen + ", orphans are ended, many actions", orphaned(), Budget{max(0, full.Faults-2), full.Actions + 1}})
	restarting := newWorld(clientChosen, spec{kind: service, secretName: "first", strategy: v1alpha1.RotationInPlace, restarts: true}, false)
	all = append(all, Campaign{clientChosen + ", workloads are restarted", []*World{restarting}, Budget{max(0, full.Faults-1), full.Actions}})
	restored := newWorld(clientChosen, spec{kind: service, secretName: "first"}, false)
	restored.restores = true
	all = append(all,
		Campaign{clientChosen + ", backups are restored", []*World{restored}, Budget{max(0, full.Faults-1), full.Actions}},
		Campaign{clientChosen + ", adoption", adoptions(), Budget{max(0, full.Faults-1), max(1, full.Actions-1)}})
	lossy := newWorld(serverIssued, spec{kind: service, secretName: "first"}, false)
	return append(all, Campaign{serverIssued + ", until too many orphans", []*World{lossy}, Budget{3, 0}})
}

// rotations are the searches in which credentials are replaced: two registrations that take turns, next secrets that are announced, and
// time. Time passes also without that anybody asks for it, whenever a world has come to rest.
func rotations(full Budget) []Campaign {
	var all []Campaign
	for _, profile := range []string{clientChosen, serverIssued} {
		strategies := []v1alpha1.RotationStrategy{v1alpha1.RotationInPlace, v1alpha1.RotationAnnounce, v1alpha1.RotationAlternate}
		if profile == serverIssued {
			strategies = []v1alpha1.RotationStrategy{v1alpha1.RotationReplace}
		}
		for _, s := range strategies {
			root := func() []*World {
				return []*World{newWorld(profile, spec{kind: service, secretName: "first", strategy: s}, false)}
			}
			name := fmt.Sprintf("%s, rotation %s", profile, s)
			all = append(all,
				Campaign{name, root(), full},
				Campaign{name + ", many actions", root(), Budget{max(0, full.Faults-2), full.Actions + 1}})
		}
		keyed := func() []*World {
			s := v1alpha1.RotationOverlap
			if profile == serverIssued {
				s = v1alpha1.RotationReplace
			}
			return []*World{newWorld(profile, spec{kind: service, secretName: "first", strategy: s, keyed: true}, false)}
		}
		all = append(all,
			Campaign{profile + ", rotation of keys", keyed(), full},
			Campaign{profile + ", rotation of keys, many actions", keyed(), Budget{max(0, full.Faults-2), full.Actions + 1}})
	}
	overlapping := func() []*World {
		w := newWorld(clientChosen, spec{kind: service, secretName: "first", strategy: v1alpha1.RotationOverlap}, false)
		w.server = memory.NewOverlapping()
		return []*World{w}
	}
	return append(all,
		Campaign{clientChosen + ", rotation of secrets that overlap", overlapping(), full},
		Campaign{clientChosen + ", rotation of secrets that overlap, many actions", overlapping(), Budget{max(0, full.Faults-2), full.Actions + 1}})
}

// find searches for a seeded mistake.
func (m *Mistake) find() Result {
	start := m.start
	if start == "" {
		start = service
	}
	w := newWorld(m.profile, spec{kind: start, secretName: "first"}, false)
	if m.adopts != nil {
		w = adoptions()[*m.adopts]
	}
	if m.sweepMistake != "" {
		w = orphaned()[0]
		w.sweepMistake = m.sweepMistake
	}
	w.restores, w.app.spec.restarts = m.restores, m.restarts
	w.mayLose, w.mayAbandon, w.sweeps, w.app.spec.strategy = m.losesLedger, m.abandons, m.sweeps, m.strategy
	w.grants = m.grants
	if m.overlaps {
		w.server = memory.NewOverlapping()
	}
	w.app.spec.keyed = m.strategy == v1alpha1.RotationOverlap && !m.overlaps
	return explore([]*World{w}, m.budget, m)
}
