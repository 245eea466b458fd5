package explorer

import (
	"trustedapps.dev/operator/internal/idserver/memory"
	"trustedapps.dev/operator/internal/plan"
)

// editRegistration lets a person change the registration that is in use, at a server that sweeps look at.
func editRegistration(what string, edit func(*memory.Stored)) action {
	return action{
		name: "somebody " + what + " the registration at the server", cost: 1,
		possible: func(w *World) bool { return w.sweeps && w.profile == clientChosen && len(w.ours()) > 0 },
		apply: func(w *World) {
			ours := w.ours()
			id := ours[len(ours)-1].ClientID
			w.server.EditByHand(id, edit)
			w.removed = append(w.removed, id)
		},
	}
}

// sweepNow is a sweep whose list was taken at any moment: its suspicion may be outdated when it is looked into.
func sweepNow() action {
	return action{
		name: "a sweep raises suspicion", cost: 1, calm: true,
		possible: func(w *World) bool { return w.sweeps && w.app.exists && !w.suspect }, apply: func(w *World) { w.suspect = true },
	}
}

// sweepAtRest takes the last look: after it the server has to hold what the spec asks for, whatever people did there.
func (w *World) sweepAtRest() bool {
	if !w.sweeps || w.swept || !w.app.exists {
		return false
	}
	w.suspect, w.swept = true, true
	return true
}

// repairWithNewSecret registers what is gone anew, as if it had never been there.
func repairWithNewSecret(d plan.Desired, o plan.Observed) plan.Step {
	s := plan.Next(d, o)
	if is[plan.Create](s) && o.Committed(d) {
		return plan.Stage{Draw: true, ClientID: d.Key.ClientID}
	}
	return s
}

// neverInspect does not look into suspicions.
func neverInspect(d *plan.Desired, _ *plan.Observed) { d.Suspect = false }

// repairOnlyWhatIsSeen does not tell the server a secret again, which somebody may have reset.
func repairOnlyWhatIsSeen(d plan.Desired, o plan.Observed) plan.Step {
	s := plan.Next(d, o)
	if is[plan.Apply](s) && o.Inspected(d) && len(o.Drift(d)) == 0 {
		return plan.Done{}
	}
	return s
}
