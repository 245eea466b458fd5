package execute

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/plan"
)

func TestSupersedeChangesNothingButTheName(t *testing.T) {
	g := NewWithT(t)
	d := desired(idserver.ClientChosen)
	d.Want.DisplayName = "Order sync"
	e := &effects{rec: fullLedger, exists: true, reply: idserver.Reply{Version: "4", Registration: d.Want}}
	result, err := e.executor(done, plan.Lookup{}, plan.Supersede{}).Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.update.have.Version).To(Equal("4"), "it is locked by what was looked up")
	g.Expect(d.Want.Diff(e.update.want)).To(Equal([]string{"displayName"}))
	g.Expect(e.update.secret).To(BeEmpty())
	g.Expect(result.Observed.Superseded).To(BeTrue())
	g.Expect(result.Observed.Looked).To(BeFalse(), "what follows needs the new version")
	g.Expect(result.Observed.Applied).To(BeFalse())
}

func TestSupersedeThatFailsEndsTheRun(t *testing.T) {
	g := NewWithT(t)
	e := &effects{rec: fullLedger, exists: true}
	x := e.executor(failure, plan.Lookup{})
	x.Next = func(_ plan.Desired, o plan.Observed) plan.Step {
		switch {
		case !o.Looked:
			return plan.Lookup{}
		case o.Failure != nil:
			return o.Failure
		}
		e.err = serverError(idserver.ErrRejected, idserver.ReasonConflict)
		return plan.Supersede{}
	}
	result, err := x.Run(t.Context(), desired(idserver.ClientChosen))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.End).To(BeAssignableToTypeOf(plan.Wait{}))
	g.Expect(result.Observed.Superseded).To(BeFalse())
}

func TestOtherNameDiffersAndIsNeverLongerThanALimit(t *testing.T) {
	for name, want := range map[string]string{"Order sync": "Order syn", "Zuß": "Zu", "A b": "A", "x": "x*", "ß": "ß*"} {
		if got := otherName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
