package explorer

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
	lossy := newWorld(serverIssued, spec{kind: service, secretName: "first"}, false)
	return append(all, Campaign{serverIssued + ", until too many orphans", []*World{lossy}, Budget{3, 0}})
}

// find searches for a seeded mistake.
func (m *Mistake) find() Result {
	start := m.start
	if start == "" {
		start = service
	}
	w := newWorld(m.profile, spec{kind: start, secretName: "first"}, false)
	w.mayLose = m.losesLedger
	return explore([]*World{w}, m.budget, m)
}
