package execute

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

var fullLedger = ledger.Record{Next: held("n"), Current: held("c"), Old: held("o"), Announced: held("a"), Target: "t1", Staged: 1, Intent: &ledger.Intent{Name: "x", Target: "t1"}, Orphans: []string{"lost"}}

// effectOf is the one effect of each step.
var effectOf = map[plan.Step]string{
	plan.AddFinalizer{}:                          "add finalizer",
	plan.RemoveFinalizer{}:                       "remove finalizer",
	plan.SaveIntent{}:                            "save ledger",
	plan.ForgetIntent{}:                          "save ledger",
	plan.NoteLost{}:                              "save ledger",
	plan.Retire{}:                                "update ",
	plan.NoteOrphan{}:                            "save ledger",
	plan.Stage{}:                                 "save ledger",
	plan.Promote{}:                               "save ledger",
	plan.ForgetOld{}:                             "save ledger",
	plan.Publish{}:                               "publish",
	plan.Unpublish{}:                             "unpublish all=false",
	plan.Unpublish{All: true}:                    "unpublish all=true",
	plan.RecordOrphans{}:                         "abandon [lost]",
	plan.RecordAbandoned{}:                       "abandon [app]",
	plan.DeleteLedger{}:                          "delete ledger",
	plan.Lookup{ClientID: "app"}:                 "find app",
	plan.Create{}:                                "create with ",
	plan.Apply{}:                                 "update h-n",
	plan.Verify{}:                                "verify s-n",
	plan.Disable{ID: "c"}:                        "update h-c",
	plan.DeleteRegistration{ID: "c"}:             "delete h-c",
	plan.DeleteOld{}:                             "delete h-o",
	plan.DeleteRegistration{ID: "n"}:             "delete h-n",
	plan.Stage{Draw: true, ClientID: "app"}:      "save ledger",
	plan.Stage{Announced: true, ClientID: "app"}: "save ledger",
	plan.Announce{}:                              "save ledger",
	plan.NoteAnnounced{}:                         "save ledger",
	plan.Park{}:                                  "save ledger",
	plan.Restart{}:                               "restart for n",
	plan.NoteRestarted{}:                         "save ledger",
	plan.Claim{ClientID: "app"}:                  "claim h-f for u",
	plan.DropFormer{UID: "u0"}:                   "drop ledger of u0",
	plan.ForgetFormer{}:                          "save ledger",
	plan.Stage{Held: true}:                       "save ledger",
	plan.Recall{}:                                "verify s-p",
}

func TestEveryStepHasExactlyOneEffect(t *testing.T) {
	for step, want := range effectOf {
		t.Run(Name(step), func(t *testing.T) {
			g := NewWithT(t)
			e := &effects{rec: fullLedger, exists: true, verdict: idserver.Verdict{OK: true}, out: plan.Output{Held: &plan.Held{Credential: *held("p")}}}
			x := e.executor(done, step)
			afterLookup := Name(step) == "Recall" || Name(step) == "Claim" // they ask about the registration that was looked up
			if afterLookup {
				e.reply.Credential.Handle = "h-f"
				x = e.executor(done, plan.Lookup{ClientID: "app"}, step)
			}
			result, err := x.Run(t.Context(), desired(idserver.ServerIssued))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(result.End).To(Equal(plan.Done{}))
			if afterLookup {
				g.Expect(e.done[0]).To(Equal("find app"))
				e.done, result.Trace = e.done[1:], result.Trace[1:]
			}
			g.Expect(e.done).To(Equal([]string{want}))
			g.Expect(result.Trace).To(Equal([]plan.Step{step}))
		})
	}
}

func TestSaveReplySavesWhatTheServerTold(t *testing.T) {
	g := NewWithT(t)
	e := &effects{reply: idserver.Reply{Credential: idserver.Credential{Handle: "h", ClientID: "issued", Secret: "told", Control: "token"}}}
	result, err := e.executor(done, plan.SaveIntent{}, plan.Create{}, plan.SaveReply{}).Run(t.Context(), desired(idserver.ServerIssued))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.done).To(Equal([]string{"save ledger", "create with ", "save ledger"}))
	g.Expect(e.rec.Intent).To(BeNil())
	g.Expect(e.rec.Target).To(Equal("t2"))
	g.Expect(e.rec.RotatedAt).To(Equal(now))
	g.Expect(e.rec.Next.Secret.Reveal()).To(Equal("told"))
	g.Expect(e.rec.Next.Control.Reveal()).To(Equal("token"))
	g.Expect(result.Observed.Unsaved).To(BeNil())
}

// The set of steps is closed: none may be forgotten here, nor by the executor.
func TestNoStepIsForgotten(t *testing.T) {
	g := NewWithT(t)
	file, err := parser.ParseFile(token.NewFileSet(), "../plan/step.go", nil, 0)
	g.Expect(err).NotTo(HaveOccurred())
	// The first three have tests of their own, the others are ends.
	known := map[string]bool{"SaveReply": true, "Reserve": true, "Inherit": true, "Done": true, "Observe": true, "Wait": true, "Fail": true}
	for step := range effectOf {
		known[Name(step)] = true
	}
	found := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "step" {
			continue
		}
		name, ok := f.Recv.List[0].Type.(*ast.Ident)
		g.Expect(ok).To(BeTrue())
		g.Expect(known).To(HaveKey(name.Name))
		found++
	}
	g.Expect(found).To(Equal(len(known)))
}

func TestStageDrawsASecretForConfidentialApplicationsOnly(t *testing.T) {
	for public, want := range map[bool]string{false: "drawn", true: ""} {
		g := NewWithT(t)
		e := &effects{}
		d := desired(idserver.ClientChosen)
		d.Want.Public = public
		_, err := e.executor(done, plan.Stage{Draw: true, ClientID: "app"}).Run(t.Context(), d)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.rec.Next.Secret.Reveal()).To(Equal(want))
		g.Expect(e.rec.Next.ClientID).To(Equal("app"))
		g.Expect(e.rec.Target).To(Equal("t2"))
	}
}

func TestALostLedgerIsBegunWithWhatIsPublished(t *testing.T) {
	for name, c := range map[string]struct {
		verdict idserver.Verdict
		effects []string
		secret  string
		staged  int
		since   time.Time
	}{
		"it works":      {idserver.Verdict{OK: true}, []string{"find app", "verify s-p", "save ledger", "update ", "verify s-p", "publish"}, "s-p", 6, now.Add(-time.Hour)},
		"it is refused": {idserver.Verdict{Code: "invalid_client"}, []string{"find app", "verify s-p", "save ledger", "update ", "verify drawn"}, "drawn", 1, now},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := &effects{guarded: true, verdict: c.verdict, out: plan.Output{
				Secret: plan.Differs, Any: true, Held: &plan.Held{Credential: *held("p"), Staged: 5, IssuedAt: now.Add(-time.Hour)},
			}}
			x, d := e.executor(nil), desired(idserver.ClientChosen)
			x.Next, d.Verify, e.reply.Owner = nil, true, d.Key.Owner
			_, err := x.Run(t.Context(), d)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.done).To(Equal(c.effects))
			g.Expect(e.rec.Next.Secret.Reveal()).To(Equal(c.secret))
			g.Expect(e.rec.Next.ClientID).To(Equal("app"), "not what somebody may have written into the object")
			g.Expect(e.rec.Staged).To(Equal(c.staged), "no revision is given twice")
			g.Expect(e.rec.RotatedAt).To(Equal(c.since))
		})
	}
}

func TestAnErrorOfKubernetesEndsTheRunAndNamesTheStep(t *testing.T) {
	for _, step := range []plan.Step{plan.AddFinalizer{}, plan.Stage{}, plan.Publish{}, plan.Unpublish{}, plan.DeleteLedger{}, plan.RemoveFinalizer{}} {
		g := NewWithT(t)
		boom := errors.New("boom")
		e := &effects{kube: boom}
		x := e.executor(done, step, plan.Lookup{ClientID: "app"})
		var told []any
		x.Tell = func(step, failure plan.Step, err error) { told = append(told, step, failure, err) }
		result, err := x.Run(t.Context(), desired(idserver.ClientChosen))
		g.Expect(err).To(MatchError(boom))
		g.Expect(err).To(MatchError(ContainSubstring(Name(step))))
		g.Expect(result.End).To(BeNil())
		g.Expect(result.Trace).To(BeEmpty())
		g.Expect(result.Last).To(Equal(step))
		g.Expect(told).To(HaveExactElements(step, BeNil(), MatchError(boom)))
		g.Expect(e.done).To(HaveLen(1), "nothing follows")
	}
}

func TestARunThatDoesNotEndIsStopped(t *testing.T) {
	g := NewWithT(t)
	e := &effects{}
	result, err := e.executor(func(plan.Desired, plan.Observed) plan.Step { return plan.Lookup{ClientID: "app"} }).Run(t.Context(), desired(idserver.ClientChosen))
	g.Expect(err).To(MatchError(ContainSubstring("did not end")))
	g.Expect(result.Trace).To(HaveLen(maxSteps))
}

func TestARunOfTheRealPlan(t *testing.T) {
	g := NewWithT(t)
	e := &effects{out: plan.Output{Secret: plan.Missing}, verdict: idserver.Verdict{OK: true}}
	x := e.executor(nil)
	x.Next = nil
	d := desired(idserver.ClientChosen)
	d.Verify, e.reply.Owner = true, d.Key.Owner
	result, err := x.Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.End).To(Equal(plan.Done{}))
	g.Expect(e.done).To(Equal([]string{"add finalizer", "find app", "save ledger", "update ", "verify drawn", "publish"}))
	g.Expect(result.Observed.Verified).To(Equal("id-1"))

	e.done, e.guarded = nil, true
	result, err = x.Run(t.Context(), d)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.Trace).To(BeEmpty())
	g.Expect(e.done).To(BeEmpty(), "nothing changed, so nothing is done")
}

func TestAFailingRetryTellsWhenToComeBack(t *testing.T) {
	g := NewWithT(t)
	e := &effects{err: &idserver.Error{Class: idserver.ErrUnavailable, Op: "finding", RetryAfter: time.Minute}}
	x := e.executor(failure, plan.Lookup{ClientID: "app"})
	var told []any
	x.Tell = func(step, failure plan.Step, err error) { told = append(told, step, failure, err) }
	result, err := x.Run(t.Context(), desired(idserver.ClientChosen))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.End).To(HaveField("After", time.Minute))
	g.Expect(result.Last).To(Equal(plan.Lookup{ClientID: "app"}))
	g.Expect(told).To(HaveExactElements(plan.Lookup{ClientID: "app"}, result.End, BeNil()))
	g.Expect(result.Trace).To(BeEmpty(), "it had no effect")
}
