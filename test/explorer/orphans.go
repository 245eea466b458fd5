package explorer

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/idserver/memory"
	"trustedapps.dev/operator/internal/plan"
)

// findOrphans is a sweep that looks for registrations that belong to nobody. It knows no application but by asking: the cache of a real one
// may lag that far behind. What it found is ended at any later moment, see endOrphans.
func findOrphans() action {
	return action{
		name: "a sweep finds orphans", cost: 1, calm: true,
		possible: func(w *World) bool {
			return w.endsOrphans && !w.serverDown && len(w.orphans) == 0 && slices.ContainsFunc(w.server.Registrations(), w.isStray)
		},
		apply: (*World).findOrphans,
	}
}

// endOrphans ends what a sweep found, with the policy Delete. It costs nothing: a sweep always comes to that.
func endOrphans() action {
	return action{
		name: "the orphans that a sweep found are ended", calm: true,
		possible: func(w *World) bool { return len(w.orphans) > 0 && !w.serverDown }, apply: (*World).endOrphans,
	}
}

// isStray says whether a registration carries the mark of the cluster, and is not that of the living application.
func (w *World) isStray(r memory.Stored) bool {
	return r.Owner.Cluster == cluster && (!w.app.exists || r.Owner != w.app.mark())
}

func (w *World) findOrphans() {
	list, err := execute.List(context.Background(), w.server, cluster)
	if err != nil {
		panic(err) // nothing strikes here
	}
	var known map[types.UID]bool
	if w.sweepMistake == successorIgnored {
		known = map[types.UID]bool{types.UID(w.app.mark().UID): w.app.exists}
	}
	orphans, _ := execute.Orphans(list, known, func(string, string) (types.UID, error) {
		if !w.app.exists || w.sweepMistake == successorIgnored {
			return "", nil
		}
		return types.UID(w.app.mark().UID), nil
	})
	for _, o := range orphans {
		if o.Successor {
			continue
		}
		w.orphans = append(w.orphans, o.Reply)
		if w.app.exists {
			w.robbed = o.Credential.ClientID
		}
	}
}

func (w *World) endOrphans() {
	for _, o := range w.orphans {
		before := w.ours()
		if w.sweepMistake == notLookedAgain {
			_ = w.server.Delete(context.Background(), o.Credential)
		} else {
			_, _ = execute.EndOrphan(context.Background(), w.server, o, true)
		}
		if after := w.ours(); w.app.exists && len(after) < len(before) {
			w.robbed = o.Credential.ClientID
		}
	}
	w.orphans = nil
}

// checkRobbed checks that sweeps leave alone what belongs to the living application, or to it as a successor.
func (w *World) checkRobbed() *Violation {
	if w.robbed != "" {
		return violated(onlyOrphans, "the registration %s is not one", w.robbed)
	}
	return nil
}

// checkNoOrphans takes the last sweep: after it nothing is left of an application that is gone.
func (w *World) checkNoOrphans() *Violation {
	if !w.endsOrphans {
		return nil
	}
	w.endOrphans()
	w.findOrphans()
	w.endOrphans()
	if i := slices.IndexFunc(w.server.Registrations(), w.isStray); i >= 0 && !w.app.exists {
		return violated(noOrphan, "%s is left", w.server.Registrations()[i].ClientID)
	}
	return w.checkRobbed()
}

// The mistakes that a sweep can be told to make.
const (
	successorIgnored = "successor ignored"
	notLookedAgain   = "not looked again"
)

// orphaned are worlds whose applications leave their registrations behind, for sweeps to end or for successors to adopt.
func orphaned() []*World {
	var all []*World
	for _, s := range []spec{{kind: service}, {kind: public}} {
		s.secretName, s.deletion = "first", plan.Orphan
		w := newWorld(clientChosen, s, false)
		w.endsOrphans, w.adoption.Unowned = true, true
		all = append(all, w)
	}
	return all
}
