package execute

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

func TestReserveAsksForTheTurn(t *testing.T) {
	for again, ok := range map[time.Time]bool{now.Add(time.Minute): false, {}: true} {
		g := NewWithT(t)
		e := &effects{}
		x := e.executor(done, plan.Reserve{})
		x.Pace = func() (time.Time, bool) { return again, ok }
		result, err := x.Run(t.Context(), desired(idserver.ClientChosen))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.done).To(BeEmpty())
		g.Expect(result.Observed.Granted).To(Equal(ok))
		if ok {
			g.Expect(result.Observed.Spaced).To(BeNil())
		} else {
			g.Expect(*result.Observed.Spaced).To(Equal(again))
		}
	}
}

// alternating is an application whose two registrations take turns, at rest on the first.
func alternating(t *testing.T, g *WithT, e *effects) plan.Desired {
	d := desired(idserver.ClientChosen)
	d.Verify, d.Target = true, "t1"
	d.Rotation = plan.Rotation{Strategy: v1alpha1.RotationAlternate, Grace: time.Hour}
	e.rec, e.exists, e.guarded = ledger.Record{Current: held("c"), Target: "t1", Staged: 1, RotatedAt: now.Add(-time.Hour)}, true, true
	e.rec.Current.Handle = ""
	e.out = plan.Output{Secret: plan.Matches, Any: true, Revisions: []string{e.rec.Revision()}}
	e.reply, e.verdict = idserver.Reply{Owner: d.Key.Owner, Registration: idserver.Registration{Enabled: true}}, idserver.Verdict{OK: true}
	result, err := planned(e).Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.Trace).To(BeEmpty(), "it is at rest")
	e.done = nil
	return d
}

// planned is an executor of the real plan.
func planned(e *effects) *Executor {
	x := e.executor(nil)
	x.Next = nil
	return x
}

func TestTwoRegistrationsTakeTurns(t *testing.T) {
	g := NewWithT(t)
	e := &effects{}
	d := alternating(t, g, e)
	d.Rotation.Asked.Rotate = "today"
	result, err := planned(e).Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.done).To(Equal([]string{"find app.alternate", "save ledger", "update ", "verify drawn", "publish", "save ledger"}))
	g.Expect(e.rec.Current.ClientID).To(Equal("app.alternate"))
	g.Expect(e.rec.Old.Secret.Reveal()).To(Equal("s-c"), "it still works")
	g.Expect(e.rec.RetiredAt).To(Equal(now))
	g.Expect(e.rec.Handled.Rotate).To(Equal("today"))
	g.Expect(plan.Wake(d, result.Observed)).To(Equal(now.Add(time.Hour)))

	e.done = nil
	x := planned(e)
	x.Now = func() time.Time { return now.Add(time.Hour) }
	_, err = x.Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.done).To(Equal([]string{"find app", "update ", "save ledger"}))
	g.Expect(e.update.want.Enabled).To(BeFalse())
	g.Expect(e.rec.Parked).To(BeTrue())
	g.Expect(e.rec.Old.Secret).To(BeEmpty())
}

// A leader that was replaced must not disable a registration that has its turn again.
func TestParkingIsFencedByTheLedger(t *testing.T) {
	g := NewWithT(t)
	e := &effects{}
	d := alternating(t, g, e)
	e.rec.Old, e.rec.RetiredAt = held("o"), now.Add(-2*time.Hour)
	e.rec.Old.ClientID = "app.alternate"
	x := planned(e)
	x.Next = func(d plan.Desired, o plan.Observed) plan.Step {
		s := plan.Next(d, o)
		if Name(s) == "Disable" {
			e.rec.Staged++ // another leader
		}
		return s
	}
	_, err := x.Run(t.Context(), d)
	g.Expect(err).To(MatchError(ErrLedgerChanged))
	g.Expect(e.done).To(Equal([]string{"find app.alternate"}), "the server was not told")
}

func TestARegistrationThatMayBeInUseRestsAfterTheLedgerWasLost(t *testing.T) {
	g := NewWithT(t)
	e := &effects{}
	d := alternating(t, g, e)
	d.Rotation.Asked = ledger.Requests{Rotate: "long ago", Revoke: "once"}
	e.rec, e.exists, e.done = ledger.Record{}, false, nil
	e.out = plan.Output{Secret: plan.Differs, Any: true, Held: &plan.Held{Credential: *held("p"), Staged: 5}}
	e.out.Held.Credential.ClientID = "app.alternate"
	_, err := planned(e).Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.done).To(Equal([]string{"find app.alternate", "verify s-p", "save ledger", "update ", "verify s-p", "publish", "find app", "update ", "save ledger"}))
	g.Expect(e.rec.Next.ClientID).To(Equal("app.alternate"))
	g.Expect(e.rec.Old.ClientID).To(Equal("app"))
	g.Expect(e.rec.Parked).To(BeTrue())
	g.Expect(e.rec.Handled).To(Equal(d.Rotation.Asked), "nothing is done twice")
	g.Expect(e.rec.RotatedAt).To(Equal(now))
}
