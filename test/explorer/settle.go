package explorer

import (
	"fmt"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/plan"
)

// maxRuns is how many runs without a fault may be needed to come to rest.
const maxRuns = 12

// settle checks that the node's world comes to rest once nothing goes wrong any more, that the rest is right, and that it lasts.
func (x *expansion) settle() *Violation {
	end, v := settle(x.node.w.clone(), x.mistake, nil)
	x.end = end
	return v
}

// settle also says how it ends at rest: Done, Observed, or the reason of a Fail.
func settle(w *World, mistake *Mistake, log func(string)) (string, *Violation) {
	w.serverDown = false
	var last outcome
	for range maxRuns {
		last = run(w, nil, mistake, log)
		if last.violation != nil {
			return "", last.violation
		}
		switch end := last.end.(type) {
		case plan.Done:
			if v := w.checkRest(); v != nil {
				return "", v
			}
			if v := repeat(w, mistake, log, end); v != nil {
				return "Done", v
			}
			if v := w.checkNoOrphans(); v != nil {
				return "Done", v
			}
			switch {
			case w.underWay():
				w.pass()
			case !w.sweepAtRest():
				return "Done", nil
			}
		case plan.Observe:
			if v := w.checkObserved(); v != nil {
				return "", v
			}
			return "Observed", repeat(w, mistake, log, end)
		case plan.Fail:
			return end.Reason, w.stop(end.Reason, end, mistake, log)
		case plan.Wait:
			if end.Reason == v1alpha1.ReasonControlLost { // it waits for a person
				return end.Reason, w.stop(end.Reason, end, mistake, log)
			}
		}
	}
	return "", violated(converges, "after %d runs it ends with %s, error %v", maxRuns, describe(last.end), last.err)
}

// stop checks an end that only a person can lead on from.
func (w *World) stop(reason string, end plan.Step, mistake *Mistake, log func(string)) *Violation {
	if v := w.checkStop(reason); v != nil {
		return v
	}
	return repeat(w, mistake, log, end)
}

// repeat checks that an ended run, repeated, ends in the same way and writes nothing.
func repeat(w *World, mistake *Mistake, log func(string), end plan.Step) *Violation {
	again := run(w, nil, mistake, log)
	switch _, done := end.(plan.Done); {
	case again.violation != nil:
		return again.violation
	case again.wrote > 0 && !killing(w, end):
		return violated(fixedPoint, "%d writes after %s", again.wrote, describe(end))
	case again.end != end:
		return violated(fixedPoint, "%s after %s", describe(again.end), describe(end))
	case done && len(again.trace) > 0:
		return violated(fixedPoint, "%d steps after Done", len(again.trace))
	}
	return nil
}

// killing says whether the run stopped on an object of somebody else, after it told the server to refuse the client. The kill switch is
// told again at each repetition, which a server whose answers replace a token counts as a write.
func killing(w *World, end plan.Step) bool {
	f, failed := end.(plan.Fail)
	conflict := failed && (f.Reason == "SecretConflict" || f.Reason == "ConfigMapConflict")
	return conflict && w.profile == serverIssued && (w.app.spec.disabled || w.denied && w.disables)
}

func describe(end plan.Step) string {
	switch e := end.(type) {
	case plan.Wait:
		return "Wait " + e.Reason + ": " + e.Message
	case plan.Fail:
		return "Fail " + e.Reason + ": " + e.Message
	case nil:
		return "no end"
	}
	return fmt.Sprintf("%T", end)[len("plan."):]
}
