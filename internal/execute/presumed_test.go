package execute

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/memory"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// asked is a server that notes the look-ups.
type asked struct {
	*memory.Server
	finds int
}

func (a *asked) Find(ctx context.Context, key idserver.Key, have idserver.Credential) (idserver.Reply, error) {
	a.finds++
	return a.Server.Find(ctx, key, have)
}

// forgetful makes the deletion of the ledger have its effect.
type forgetful struct{ *effects }

func (f forgetful) Delete(ctx context.Context) error {
	err := f.effects.Delete(ctx)
	f.rec, f.exists = ledger.Record{}, false
	return err
}

// presuming runs the plan for an application whose client id is said to be free.
func presuming(t *testing.T, e *effects, s *asked) Result {
	t.Helper()
	x := e.executor(nil)
	x.Next, x.Server, x.Ledger = nil, s, forgetful{e}
	d := desired(idserver.ClientChosen)
	d.Capabilities, d.Unlisted, d.Verify = s.Capabilities(), true, true
	d.Want.SystemUser = "svc"
	d.Want = d.Want.Normalize()
	result, err := x.Run(t.Context(), d)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return result
}

func TestAClientIDThatIsFreeIsNotLookedUp(t *testing.T) {
	g := NewWithT(t)
	e, s := &effects{out: plan.Output{Secret: plan.Missing}}, &asked{Server: memory.NewClientChosen()}
	result := presuming(t, e, s)
	g.Expect(result.End).To(Equal(plan.Done{}))
	g.Expect(s.finds).To(BeZero())
	g.Expect(s.Registrations()).To(HaveLen(1))
	g.Expect(e.done).To(Equal([]string{"add finalizer", "save ledger", "publish"}))
	g.Expect(s.Authenticate("app", "drawn")).To(BeTrue())
}

// Somebody whom no list shows has it: it is looked up, and the run goes back to where nothing was begun.
func TestAClientIDThatIsNotFreeAfterAll(t *testing.T) {
	g := NewWithT(t)
	e, s := &effects{out: plan.Output{Secret: plan.Missing}}, &asked{Server: memory.NewClientChosen()}
	theirs := s.AddByHand(memory.Stored{ClientID: "app", Registration: idserver.Registration{DisplayName: "By hand", Enabled: true}, Secret: "theirs"})
	result := presuming(t, e, s)
	g.Expect(result.End).To(BeAssignableToTypeOf(plan.Fail{}))
	g.Expect(result.End.(plan.Fail).Reason).To(Equal(v1alpha1.ReasonOwnershipConflict))
	g.Expect(s.finds).To(Equal(1))
	g.Expect(s.Registrations()).To(Equal([]memory.Stored{theirs}), "it is as it was")
	g.Expect(e.done).To(Equal([]string{"add finalizer", "save ledger", "delete ledger"}))
	g.Expect(result.Trace).NotTo(ContainElement(plan.Create{}), "nobody is told that it was registered")
}

// Another leader made it out of our ledger: it is ours, and what is in the ledger is all that knows its secret.
func TestAClientIDThatAnotherLeaderRegistered(t *testing.T) {
	g := NewWithT(t)
	e, s := &effects{out: plan.Output{Secret: plan.Missing}}, &asked{Server: memory.NewClientChosen()}
	want := desired(idserver.ClientChosen)
	want.Want.SystemUser = "svc"
	_, err := s.Create(t.Context(), want.Key, want.Want.Normalize(), "drawn")
	g.Expect(err).NotTo(HaveOccurred())
	result := presuming(t, e, s)
	g.Expect(result.End).To(Equal(plan.Done{}))
	g.Expect(e.done).To(Equal([]string{"add finalizer", "save ledger", "publish"}))
	g.Expect(s.Registrations()).To(HaveLen(1))
	g.Expect(s.Authenticate("app", "drawn")).To(BeTrue())
}

// What is known of an application is not overlooked.
func TestNothingIsPresumedWhereSomethingIsLeft(t *testing.T) {
	for name, e := range map[string]*effects{
		"a ledger":           {rec: fullLedger, exists: true},
		"a published object": {out: plan.Output{Secret: plan.Differs, Any: true}},
		"a held secret":      {out: plan.Output{Secret: plan.Differs, Held: &plan.Held{Credential: *held("h")}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &asked{Server: memory.NewClientChosen()}
			presuming(t, e, s)
			NewWithT(t).Expect(s.finds).To(BeNumerically(">", 0))
		})
	}
}
