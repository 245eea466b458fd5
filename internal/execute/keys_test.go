package execute

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

func keyed(id string) *ledger.Credential {
	c := held(id)
	c.Secret, c.Key, c.PublicKey = "", idserver.Secret("k-"+id), "p-"+id
	return c
}

// drawing is an executor of the real plan that draws keys.
func drawing(e *effects) *Executor {
	x, drawn := planned(e), 0
	x.DrawKey = func(algorithm string) (idserver.Secret, string, error) {
		drawn++
		name := fmt.Sprintf("%s-%d", algorithm, drawn)
		return idserver.Secret("k-" + name), "p-" + name, nil
	}
	return x
}

func TestAKeyOverlapsWithTheNext(t *testing.T) {
	g := NewWithT(t)
	e := &effects{exists: true, guarded: true, verdict: idserver.Verdict{OK: true}}
	d := desired(idserver.ClientChosen)
	d.Verify, d.Target, d.Want.PrivateKey, d.KeyAlgorithm = true, "t1", true, "ES256"
	d.Rotation = plan.Rotation{Strategy: v1alpha1.RotationOverlap, Grace: time.Hour}
	d.Rotation.Asked.Rotate = "today"
	e.rec = ledger.Record{Next: keyed("a"), Target: "t1", Staged: 1, RotatedAt: now.Add(-time.Hour)}
	e.out = plan.Output{Secret: plan.Matches, Any: true, Revisions: []string{e.rec.Revision()}}
	e.reply = idserver.Reply{Owner: d.Key.Owner}
	_, err := drawing(e).Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.update.want.Keys).To(ConsistOf("p-ES256-1", "p-a"), "both are registered")
	g.Expect(e.update.secret).To(BeEmpty())
	g.Expect(e.rec.Current.PublicKey).To(Equal("p-ES256-1"))
	g.Expect(e.rec.Old.PublicKey).To(Equal("p-a"))

	e.rec.RetiredAt = now.Add(-time.Hour)
	e.done = nil
	_, err = drawing(e).Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.done).To(Equal([]string{"find app", "update ", "save ledger"}))
	g.Expect(e.update.want.Keys).To(ConsistOf("p-ES256-1"), "after the grace period the former is forgotten")
	g.Expect(e.rec.Old).To(BeNil())
}

func TestAKeyIsRegisteredWhereTheServerIssuesClientIDs(t *testing.T) {
	g := NewWithT(t)
	e := &effects{verdict: idserver.Verdict{OK: true}}
	e.reply.Credential = idserver.Credential{ClientID: "issued", Handle: "h", Control: "token"}
	d := desired(idserver.ServerIssued)
	d.Want.PrivateKey, d.KeyAlgorithm = true, "RS256"
	_, err := drawing(e).Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.rec.Next.Key.Reveal()).To(Equal("k-RS256-1"))
	g.Expect(e.rec.Next.PublicKey).To(Equal("p-RS256-1"))
	g.Expect(e.rec.Next.Secret).To(BeEmpty())
	g.Expect(e.rec.Next.ClientID).To(Equal("issued"))
}

func TestWhatTheServerAlteredIsNoted(t *testing.T) {
	for _, origin := range []idserver.SecretOrigin{idserver.ClientChosen, idserver.ServerIssued} {
		g := NewWithT(t)
		e := &effects{verdict: idserver.Verdict{OK: true}, refusesScopes: true}
		e.reply.Credential = idserver.Credential{ClientID: "app", Handle: "h", Secret: "told", Control: "token"}
		d := desired(origin)
		d.Want.Scopes, d.Target = []string{"read"}, "t1"
		e.reply.Owner = d.Key.Owner
		_, err := planned(e).Run(t.Context(), d)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.rec.Altered).To(Equal([]string{"scopes"}))
		e.refusesScopes, e.done, d.Target = false, nil, "t2"
		_, err = planned(e).Run(t.Context(), d)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.rec.Altered).To(BeEmpty(), "it is not altered any more")
	}
}
