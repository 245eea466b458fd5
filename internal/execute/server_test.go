package execute

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/plan"
)

func serverError(class error, reason string) error {
	return &idserver.Error{Class: class, Op: "asking", Reason: reason}
}

func TestOnlyNotFoundMeansAbsent(t *testing.T) {
	for _, class := range []error{idserver.ErrUnavailable, idserver.ErrUnauthorized, idserver.ErrRejected, idserver.ErrOutcomeUnknown, idserver.ErrControlLost} {
		g := NewWithT(t)
		e := &effects{err: serverError(class, "")}
		result, err := e.executor(failure, plan.Lookup{ClientID: "app"}).Run(t.Context(), desired(idserver.ClientChosen))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.End).NotTo(Equal(plan.Done{}))
		g.Expect(result.Observed.Found).To(BeEmpty())
	}
	g := NewWithT(t)
	e := &effects{err: serverError(idserver.ErrNotFound, "")}
	result, err := e.executor(failure, plan.Lookup{ClientID: "app"}).Run(t.Context(), desired(idserver.ClientChosen))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.End).To(Equal(plan.Done{}))
	g.Expect(result.Observed.Found).To(Equal(map[string]*idserver.Reply{"app": nil}))
}

func TestACreationIsVoidOnlyIfItCertainlyHadNoEffect(t *testing.T) {
	for class, void := range map[error]bool{
		idserver.ErrUnavailable: true, idserver.ErrRejected: true, idserver.ErrUnauthorized: true, idserver.ErrOutcomeUnknown: false,
	} {
		g := NewWithT(t)
		e := &effects{err: serverError(class, "")}
		result, err := e.executor(failure, plan.SaveIntent{}, plan.Create{}).Run(t.Context(), desired(idserver.ServerIssued))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.Observed.IntentVoid).To(Equal(void), class.Error())
		g.Expect(result.Observed.Applied).To(BeFalse())
		g.Expect(result.Observed.Unsaved).To(BeNil())
	}
}

func TestAChosenSecretIsSentAndAnIssuedOneIsNot(t *testing.T) {
	for origin, want := range map[idserver.SecretOrigin]string{idserver.ClientChosen: "s-n", idserver.ServerIssued: ""} {
		g := NewWithT(t)
		e := &effects{rec: fullLedger, exists: true}
		_, err := e.executor(done, plan.Lookup{ClientID: "app"}, plan.Apply{}).Run(t.Context(), desired(origin))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.update.secret.Reveal()).To(Equal(want))
		g.Expect(e.update.want.Service).To(BeTrue())
	}
}

func TestAnAbsentRegistrationIsNoticedByApply(t *testing.T) {
	g := NewWithT(t)
	e := &effects{rec: fullLedger, exists: true, err: serverError(idserver.ErrNotFound, "")}
	result, err := e.executor(failure, plan.Apply{}).Run(t.Context(), desired(idserver.ServerIssued))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.Observed.Absent).To(BeTrue())
	g.Expect(result.Observed.Applied).To(BeFalse())
}

func TestAReplacedTokenIsKept(t *testing.T) {
	for _, step := range []plan.Step{plan.Apply{}, plan.Disable{ID: "n"}} {
		g := NewWithT(t)
		e := &effects{rec: fullLedger, exists: true, reply: idserver.Reply{Credential: idserver.Credential{Handle: "h-n", Control: "fresh"}}}
		_, err := e.executor(done, step, plan.SaveReply{}).Run(t.Context(), desired(idserver.ServerIssued))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.rec.Next.Control.Reveal()).To(Equal("fresh"))
	}
}

// A leader that was replaced must not tell the server what nobody wants any more.
func TestTellingTheServerIsFencedByTheLedger(t *testing.T) {
	for _, step := range []plan.Step{plan.Apply{}, plan.Create{}} {
		g := NewWithT(t)
		e := &effects{rec: fullLedger, exists: true}
		x := e.executor(done)
		x.Next = func(plan.Desired, plan.Observed) plan.Step {
			e.rec.Staged++ // another leader
			return step
		}
		_, err := x.Run(t.Context(), desired(idserver.ServerIssued))
		g.Expect(err).To(MatchError(ErrLedgerChanged))
		g.Expect(e.done).To(BeEmpty(), "the server was not told")
	}
}

func TestDisableChangesNothingElse(t *testing.T) {
	t.Run("of the registration that was found", func(t *testing.T) {
		g := NewWithT(t)
		e := &effects{rec: fullLedger, exists: true, reply: idserver.Reply{Registration: idserver.Registration{Enabled: true, DisplayName: "as it was"}}}
		result, err := e.executor(done, plan.Lookup{ClientID: "app"}, plan.Disable{ID: "app"}).Run(t.Context(), desired(idserver.ClientChosen))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.update.want).To(Equal(idserver.Registration{DisplayName: "as it was"}))
		g.Expect(e.update.secret).To(BeEmpty())
		g.Expect(result.Observed.Disabled).To(Equal([]string{"app"}))
	})
	t.Run("the client type, of an issued credential", func(t *testing.T) {
		g := NewWithT(t)
		e := &effects{rec: fullLedger, exists: true}
		d := desired(idserver.ServerIssued)
		d.Want.Public = true // the spec changed since
		_, err := e.executor(done, plan.Disable{ID: "c"}).Run(t.Context(), d)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.update.want.Public).To(BeFalse())
		g.Expect(e.update.want.Enabled).To(BeFalse())
	})
	t.Run("where nothing is", func(t *testing.T) {
		g := NewWithT(t)
		e := &effects{rec: fullLedger, exists: true, err: serverError(idserver.ErrNotFound, "")}
		result, err := e.executor(failure, plan.Disable{ID: "n"}).Run(t.Context(), desired(idserver.ServerIssued))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.Observed.Disabled).To(Equal([]string{"n"}))
	})
	t.Run("not confirmed", func(t *testing.T) {
		g := NewWithT(t)
		e := &effects{rec: fullLedger, exists: true, err: serverError(idserver.ErrUnavailable, "")}
		result, err := e.executor(failure, plan.Disable{ID: "n"}).Run(t.Context(), desired(idserver.ServerIssued))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.Observed.Disabled).To(BeEmpty())
		g.Expect(result.End).To(HaveField("Reason", "ServerUnavailable"))
	})
}

func TestARefusedDeletion(t *testing.T) {
	for deleting, want := range map[bool][]string{true: {"n"}, false: nil} {
		g := NewWithT(t)
		e := &effects{rec: fullLedger, exists: true, err: serverError(idserver.ErrRejected, idserver.ReasonReferenced)}
		d := desired(idserver.ServerIssued)
		d.Deleting = deleting
		result, err := e.executor(failure, plan.DeleteRegistration{ID: "n"}).Run(t.Context(), d)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.Observed.DeleteRefused).To(Equal(want))
		g.Expect(result.Observed.Deleted).To(BeEmpty())
		g.Expect(result.Trace).To(BeEmpty(), "nothing was deleted")
		g.Expect(plan.IsEnd(result.End)).To(BeTrue())
		g.Expect(result.Observed.Failure == nil).To(Equal(deleting), "a reason to disable it, or to fail")
	}
}

func TestARefusedCredentialIsNotProven(t *testing.T) {
	g := NewWithT(t)
	e := &effects{rec: fullLedger, exists: true, verdict: idserver.Verdict{Code: "invalid_client"}}
	result, err := e.executor(failure, plan.Verify{}).Run(t.Context(), desired(idserver.ClientChosen))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.Observed.Verified).To(BeEmpty())
	g.Expect(result.End).To(HaveField("Reason", "VerificationFailed"))
}
