package explorer

import (
	"context"

	"trustedapps.dev/operator/internal/plan"
)

func abandonApplication() action {
	return action{
		name: "let it go without the end of its registration", cost: 1,
		possible: func(w *World) bool { return w.mayAbandon && w.app.exists && w.app.deleting && !w.app.abandon },
		apply:    func(w *World) { w.app.abandon = true },
	}
}

// abandon records at the IdentityServer what is left behind. It may be ended all the same, if the operator dies and the server comes back.
func (s *session) abandon(context.Context, []string) error {
	if is[plan.RecordOrphans](s.step) {
		return s.write("record orphans", func() error {
			s.w.recorded = s.view.uid
			return nil
		})
	}
	return s.write("record what is abandoned", func() error {
		if !s.view.abandon || !s.struck && !s.w.serverDown {
			s.require(violated(letGo, "asked for: %t, a call failed: %t, the server is down: %t", s.view.abandon, s.struck, s.w.serverDown))
		}
		s.w.abandoned = s.view.uid
		return nil
	})
}

// abandonAtOnce does not try to end the registration.
func abandonAtOnce(d plan.Desired, o plan.Observed) plan.Step {
	s := plan.Next(d, o)
	if d.Abandon && is[plan.Lookup](s) {
		return plan.RecordAbandoned{}
	}
	return s
}

// abandonUnasked takes every deletion that fails for one that may be given up.
func abandonUnasked(d *plan.Desired, _ *plan.Observed) { d.Abandon = d.Deleting }
