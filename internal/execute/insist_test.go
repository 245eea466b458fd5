package execute

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// shaky is a ledger whose first writes fail.
type shaky struct {
	*effects
	// fails is how many writes fail, arrives that they arrive all the same, rival what somebody else writes meanwhile.
	fails   int
	arrives bool
	rival   *ledger.Record
	// unreadable is how many reads fail after a write did.
	unreadable int
	failed     bool
}

var errRefused = errors.New("the API server cannot answer now")

func (s *shaky) Load(ctx context.Context) (ledger.Record, bool, error) {
	if s.failed && s.unreadable > 0 {
		s.unreadable--
		return ledger.Record{}, false, errRefused
	}
	return s.effects.Load(ctx)
}

func (s *shaky) Save(ctx context.Context, rec ledger.Record) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.fails == 0 {
		return s.effects.Save(ctx, rec)
	}
	s.fails--
	s.failed = true
	switch {
	case s.rival != nil:
		s.rec = *s.rival
	case s.arrives:
		s.rec = rec
	}
	return errRefused
}

func TestWhatIsToldOnceIsSavedInSpiteOfFailures(t *testing.T) {
	for name, c := range map[string]struct {
		ledger shaky
		again  int
		saved  bool
	}{
		"at once":                            {shaky{}, 0, true},
		"at the third attempt":               {shaky{fails: 2}, 5, true},
		"it arrived, and the answer did not": {shaky{fails: 1, arrives: true}, 5, true},
		"the ledger cannot be read at first": {shaky{fails: 1, unreadable: 2}, 5, true},
		"never":                              {shaky{fails: 99}, 5, false},
		"somebody else was faster":           {shaky{fails: 1, rival: &ledger.Record{Target: "theirs", Staged: 7}}, 5, false},
		"nobody waits":                       {shaky{fails: 1}, 0, false},
	} {
		g := NewWithT(t)
		store := c.ledger
		store.effects = &effects{verdict: idserver.Verdict{OK: true}}
		store.reply.Credential = idserver.Credential{ClientID: "issued", Handle: "h", Secret: "told once", Control: "token"}
		x := store.executor(done, plan.Create{}, plan.SaveReply{})
		x.Ledger = &store
		x.Again = func(_ context.Context, attempt int) bool { return attempt <= c.again }
		result, err := x.Run(t.Context(), desired(idserver.ServerIssued))
		if !c.saved {
			g.Expect(err).To(MatchError(errRefused), name)
			g.Expect(store.rec.Next).To(BeNil(), name)
			continue
		}
		g.Expect(err).NotTo(HaveOccurred(), name)
		g.Expect(store.rec.Next.Secret.Reveal()).To(Equal("told once"), name)
		g.Expect(result.Observed.Ledger).To(Equal(store.rec), name)
		g.Expect(result.Observed.Unsaved).To(BeNil(), name)
	}
}

func TestAProcessThatEndsSavesFirstWhatItWasTold(t *testing.T) {
	g := NewWithT(t)
	ctx, end := context.WithCancel(t.Context())
	store := shaky{effects: &effects{}}
	store.reply.Credential = idserver.Credential{ClientID: "issued", Handle: "h", Secret: "told once", Control: "token"}
	x := store.executor(done, plan.Create{}, plan.SaveReply{})
	x.Ledger = &store
	next := x.Next
	x.Next = func(d plan.Desired, o plan.Observed) plan.Step {
		if o.Unsaved != nil {
			end() // after the server answered
		}
		return next(d, o)
	}
	_, err := x.Run(ctx, desired(idserver.ServerIssued))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(store.rec.Next.Secret.Reveal()).To(Equal("told once"))
}
