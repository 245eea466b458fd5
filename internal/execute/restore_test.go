package execute

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

func TestARestoredApplicationGoesOnWithItsFormerLedger(t *testing.T) {
	g := NewWithT(t)
	e := &effects{guarded: true, verdict: idserver.Verdict{OK: true}, out: plan.Output{Secret: plan.Missing}}
	e.left = ledger.Record{Current: held("c"), Target: "t2", Staged: 4, RotatedAt: now}
	d := desired(idserver.ClientChosen)
	d.Verify, e.reply.Owner = true, d.Key.Owner
	e.reply.Owner.UID = "u0"
	x := planned(e)
	x.Next = func(d plan.Desired, o plan.Observed) plan.Step {
		s := plan.Next(d, o)
		if Name(s) == "Claim" {
			e.reply.Owner = d.Key.Owner // from then on
		}
		return s
	}
	_, err := x.Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.done).To(Equal([]string{"find app", "save ledger", "claim  for u", "update ", "verify s-c", "publish", "drop ledger of u0", "save ledger"}))
	g.Expect(e.rec.Current.Secret.Reveal()).To(Equal("s-c"))
	g.Expect(e.rec.Staged).To(Equal(5), "what the former application published proves nothing")
	g.Expect(e.rec.Former).To(BeEmpty())
}

func TestTheOwnerOfARegistrationIsLookedForInItsOwnClusterOnly(t *testing.T) {
	for cluster, asked := range map[string]bool{"c": true, "another": false} {
		g := NewWithT(t)
		e := &effects{reply: idserver.Reply{Owner: idserver.Mark{Cluster: cluster, Namespace: "n", Name: "other", UID: "u9"}}}
		x := e.executor(failure, plan.Lookup{ClientID: "app"})
		x.Lives = func(_ context.Context, owner idserver.Mark) (bool, error) {
			g.Expect(owner.UID).To(Equal("u9"))
			return true, nil
		}
		result, err := x.Run(t.Context(), desired(idserver.ClientChosen))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.Observed.OwnerLives).To(Equal(asked))
	}
}
