package explorer

import "context"

// restart restarts the one workload of the application, unless it runs with the credential already.
func (s *session) restart(_ context.Context, credential string) ([]string, error) {
	return nil, s.write("restart the workload", func() error {
		if s.w.restartedFor != credential {
			s.w.restartedFor = credential
			s.w.restarts++
		}
		return nil
	})
}

// checkRestarted checks that a workload that reads its credential only when it starts has the one that is published, and was not restarted for
// nothing.
func (w *World) checkRestarted() *Violation {
	newest := w.ledger.Newest()
	switch {
	case !w.app.spec.restarts || w.overlapped || w.ledger.Current == nil:
		return nil
	case w.restartedFor != newest.ID:
		return violated(restartedOnce, "the workload has not read %s", newest.ID)
	}
	return nil
}
