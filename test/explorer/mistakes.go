package explorer

import (
	"context"
	"errors"
	"maps"
	"strings"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/plan"
)

// Mistake is a seeded one: the search must find it. Some are wrong plans, others are wrong ports.
type Mistake struct {
	name    string
	profile string
	// start is the kind of the application at first, service by default.
	start kind
	// budget is what it takes to find it.
	budget Budget
	// losesLedger: it takes a lost ledger to find it. strategy: it takes rotations.
	losesLedger bool
	strategy    v1alpha1.RotationStrategy
	// overlaps: it takes a server that keeps a former secret beside the present one.
	overlaps bool
	// abandons: it takes somebody who lets an application go.
	abandons bool
	// sweeps: it takes sweeps; restores: a backup that is restored; adopts: one of the adoptions.
	sweeps, restores bool
	// restarts: workloads are restarted; grants: grants are taken away.
	restarts, grants bool
	adopts           *int
	// sweepMistake is what a sweep for orphans does wrongly.
	sweepMistake string
	// next is a wrong plan.
	next func(plan.Desired, plan.Observed) plan.Step
	// server answers the executor wrongly.
	server func(idserver.Server) idserver.Server
	// savesLate says which ledgers are saved only after the next call of the server that writes, or before something is published.
	savesLate func(plan.Step) bool
	// ignoresVersions: the ledger is saved whoever wrote it meanwhile.
	ignoresVersions bool
	// readsLedgerOnce: a second read in the same run gives the first answer again.
	readsLedgerOnce bool
}

var mistakes = append(rotationMistakes, []Mistake{
	{
		name: "a lost ledger always costs a new secret", profile: clientChosen, budget: Budget{0, 1}, losesLedger: true,
		next: instead[plan.Recall](plan.Stage{Draw: true}),
	},
	{
		name: "a lost ledger is taken for none when the application ends", profile: clientChosen, budget: Budget{0, 2}, losesLedger: true,
		next: believing(nothingPublished),
	},
	{
		name: "a restart that a crash prevented is not made good", profile: clientChosen, budget: Budget{1, 1},
		restarts: true, strategy: v1alpha1.RotationInPlace,
		next: believing(func(_ *plan.Desired, o *plan.Observed) { o.Ledger.RestartDue = o.Ledger.RestartDue && o.Verified != "" }),
	},
	{name: "an orphan is ended without another look", profile: clientChosen, budget: Budget{0, 3}, sweepMistake: notLookedAgain},
	{name: "what a successor may go on with is taken for an orphan", profile: clientChosen, budget: Budget{0, 3}, sweepMistake: successorIgnored},
	{name: "a restored application inherits without proof", profile: clientChosen, budget: Budget{0, 1}, restores: true, next: believing(inheritSilently)},
	{
		name: "a restored Secret costs a new secret", profile: clientChosen, budget: Budget{0, 1}, restores: true,
		next: instead[plan.Recall](plan.Stage{Draw: true, ClientID: clientID}),
	},
	{
		name: "the ledger of the former application is left", profile: clientChosen, budget: Budget{0, 1}, restores: true,
		next: instead[plan.DropFormer](plan.Done{}),
	},
	{name: "a registration is adopted although no policy allows it", profile: clientChosen, budget: Budget{0, 0}, adopts: new(0), next: believing(adoptAll)},
	{name: "one of another cluster is adopted as if nobody owned it", profile: clientChosen, budget: Budget{0, 0}, adopts: new(5), next: believing(adoptAll)},
	{
		name: "an offered secret is not proven", profile: clientChosen, budget: Budget{0, 0}, adopts: new(3),
		next: instead[plan.Recall](plan.Stage{Held: true}),
	},
	{
		name: "differences are not shown first", profile: clientChosen, budget: Budget{0, 0}, adopts: new(4),
		next: believing(func(d *plan.Desired, _ *plan.Observed) { d.Adoption.Observe = false }),
	},
	{name: "a registration that is gone comes back with another secret", profile: clientChosen, budget: Budget{0, 1}, sweeps: true, next: repairWithNewSecret},
	{name: "a grant that is taken away is not missed", profile: clientChosen, budget: Budget{0, 1}, grants: true, next: believing(ungranted)},
	{name: "a credential that a sweep doubts is not tried", profile: serverIssued, budget: Budget{0, 1}, sweeps: true, next: believing(neverInspect)},
	{name: "what a sweep finds is not looked into", profile: clientChosen, budget: Budget{0, 1}, sweeps: true, next: believing(neverInspect)},
	{name: "a secret that was reset is left", profile: clientChosen, budget: Budget{0, 1}, sweeps: true, next: repairOnlyWhatIsSeen},
	{name: "what could be ended is abandoned", profile: clientChosen, budget: Budget{0, 2}, abandons: true, next: abandonAtOnce},
	{name: "an application is abandoned although nobody says so", profile: clientChosen, budget: Budget{1, 1}, abandons: true, next: believing(abandonUnasked)},
	{
		name: "nobody is told what is abandoned", profile: serverIssued, budget: Budget{1, 2}, abandons: true,
		next: instead[plan.RecordAbandoned](plan.DeleteLedger{}),
	},
	{name: "the server is told before the ledger is saved", profile: clientChosen, budget: Budget{1, 1}, savesLate: is[plan.Stage]},
	{name: "the server's reply is saved late", profile: serverIssued, budget: Budget{1, 1}, savesLate: is[plan.SaveReply]},
	{name: "no intent before a creation", profile: serverIssued, budget: Budget{1, 1}, next: instead[plan.SaveIntent](plan.Create{})},
	{name: "an unknown outcome is taken for a failure", profile: serverIssued, budget: Budget{1, 1}, next: instead[plan.NoteOrphan](plan.ForgetIntent{})},
	{name: "a secret of the server is rotated in place", profile: serverIssued, start: public, budget: Budget{0, 1}, next: rotateInPlace},
	{name: "published before it is applied", profile: clientChosen, budget: Budget{0, 0}, next: publishBefore(isTelling)},
	{name: "published before it is verified", profile: clientChosen, budget: Budget{0, 0}, next: publishBefore(is[plan.Verify])},
	{name: "never verified", profile: serverIssued, budget: Budget{0, 0}, next: believing(func(d *plan.Desired, _ *plan.Observed) { d.Verify = false })},
	{name: "a refused deletion is ignored", profile: clientChosen, budget: Budget{1, 1}, next: believing(refusedIsDeleted)},
	{name: "a refused deletion is ignored", profile: serverIssued, budget: Budget{1, 1}, next: believing(refusedIsDeleted)},
	{name: "the ledger is deleted first", profile: clientChosen, budget: Budget{0, 1}, next: deleteLedgerFirst},
	{name: "the ledger is deleted first", profile: serverIssued, budget: Budget{0, 1}, next: deleteLedgerFirst},
	{name: "the finalizer is added late", profile: clientChosen, budget: Budget{0, 0}, next: finalizerLast},
	{name: "the finalizer goes before the end is confirmed", profile: clientChosen, budget: Budget{0, 1}, next: releaseFirst},
	{name: "the owner is not checked", profile: clientChosen, budget: Budget{0, 1}, next: believing(own)},
	{name: "the Secret stays after a flip to Public", profile: clientChosen, budget: Budget{0, 1}, next: believing(nothingStale)},
	{name: "a foreign Secret is taken for ours", profile: clientChosen, budget: Budget{0, 1}, next: believing(takeOver)},
	{name: "the target is not staged: an edit that is taken back is lost", profile: clientChosen, budget: Budget{1, 2}, next: believing(targetAsWanted)},
	{name: "stagings are not told apart: an edit that is taken back is lost", profile: clientChosen, budget: Budget{1, 2}, next: believing(forgetStagings)},
	{name: "a server that cannot be reached is taken for one without the registration", profile: clientChosen, budget: Budget{1, 1}, server: assumeAbsent},
	{name: "a declared orphan is forgotten with its application", profile: serverIssued, budget: Budget{1, 1}, next: unrecorded},
	{name: "the replaced registration is forgotten", profile: serverIssued, budget: Budget{1, 2}, next: forgetReplaced},
	{name: "a second leader overwrites the ledger", profile: serverIssued, budget: Budget{0, 1}, ignoresVersions: true},
	{name: "a leader that was replaced changes the registration", profile: clientChosen, budget: Budget{1, 2}, readsLedgerOnce: true},
	{name: "the replaced registration is never deleted", profile: serverIssued, budget: Budget{0, 1}, next: instead[plan.DeleteOld](plan.Done{})},
	{name: "a change of the kind is applied to the former registration's credential", profile: clientChosen, budget: Budget{0, 1}, next: neverDraw},
}...)

func is[T plan.Step](s plan.Step) bool {
	_, ok := s.(T)
	return ok
}

// isTelling says whether the server is told a secret.
func isTelling(s plan.Step) bool { return is[plan.Create](s) || is[plan.Apply](s) }

// instead plans another step than T.
func instead[T plan.Step](other plan.Step) func(plan.Desired, plan.Observed) plan.Step {
	return func(d plan.Desired, o plan.Observed) plan.Step {
		if s := plan.Next(d, o); !is[T](s) {
			return s
		}
		return other
	}
}

// believing plans on a wrong belief.
func believing(wrongly func(*plan.Desired, *plan.Observed)) func(plan.Desired, plan.Observed) plan.Step {
	return func(d plan.Desired, o plan.Observed) plan.Step {
		wrongly(&d, &o)
		return plan.Next(d, o)
	}
}

func publishBefore(early func(plan.Step) bool) func(plan.Desired, plan.Observed) plan.Step {
	return func(d plan.Desired, o plan.Observed) plan.Step {
		s := plan.Next(d, o)
		if early(s) && (o.Output.Secret == plan.Missing || o.Output.Secret == plan.Differs) {
			return plan.Publish{}
		}
		return s
	}
}

func rotateInPlace(d plan.Desired, o plan.Observed) plan.Step {
	s := plan.Next(d, o)
	if is[plan.SaveIntent](s) && o.Ledger.Newest() != nil && !o.Absent {
		return plan.Apply{}
	}
	return s
}

func refusedIsDeleted(_ *plan.Desired, o *plan.Observed) {
	o.Deleted = append(append([]string(nil), o.Deleted...), o.DeleteRefused...)
}

func deleteLedgerFirst(d plan.Desired, o plan.Observed) plan.Step {
	if d.Deleting && o.LedgerExists {
		return plan.DeleteLedger{}
	}
	return plan.Next(d, o)
}

func finalizerLast(d plan.Desired, o plan.Observed) plan.Step {
	really := o.Finalizer
	o.Finalizer = true
	s := plan.Next(d, o)
	if is[plan.Done](s) && !really && !d.Deleting {
		return plan.AddFinalizer{}
	}
	return s
}

func releaseFirst(d plan.Desired, o plan.Observed) plan.Step {
	s := plan.Next(d, o)
	if is[plan.DeleteRegistration](s) {
		return plan.RemoveFinalizer{}
	}
	return s
}

func own(d *plan.Desired, o *plan.Observed) {
	found := maps.Clone(o.Found)
	for id, reply := range found {
		if reply != nil {
			mine := *reply
			mine.Owner = d.Key.Owner
			found[id] = &mine
		}
	}
	o.Found = found
}

func nothingStale(_ *plan.Desired, o *plan.Observed) { o.Output.Stale = false }

func nothingPublished(d *plan.Desired, o *plan.Observed) {
	if d.Deleting && !o.LedgerExists {
		o.Output.Any = false
	}
}

func takeOver(_ *plan.Desired, o *plan.Observed) {
	if o.Output.Secret == plan.Foreign {
		o.Output.Secret = plan.Differs
	}
}

func targetAsWanted(d *plan.Desired, o *plan.Observed) {
	if o.Ledger.Newest() != nil {
		o.Ledger.Target = d.Target
	}
}

func forgetReplaced(d plan.Desired, o plan.Observed) plan.Step {
	if o.Ledger.Old != nil && o.Ledger.Next != nil && o.Ledger.Current != nil && is[plan.DeleteOld](plan.Next(d, o)) {
		return plan.Promote{}
	}
	return plan.Next(d, o)
}

// forgetStagings makes the revisions of all stagings of a target equal.
func forgetStagings(_ *plan.Desired, o *plan.Observed) {
	o.Ledger.Staged = 0
	revisions := make([]string, 0, len(o.Output.Revisions))
	for _, r := range o.Output.Revisions {
		revisions = append(revisions, r[:strings.LastIndexByte(r, '.')+1]+"0")
	}
	o.Output.Revisions = revisions
}

func neverDraw(d plan.Desired, o plan.Observed) plan.Step {
	s := plan.Next(d, o)
	if st, ok := s.(plan.Stage); ok && o.Ledger.Newest() != nil {
		st.Draw = false
		return st
	}
	return s
}

// assumingAbsent is a server that knows no difference between no answer and no registration.
type assumingAbsent struct{ idserver.Server }

func assumeAbsent(s idserver.Server) idserver.Server { return assumingAbsent{s} }

func (a assumingAbsent) Find(ctx context.Context, key idserver.Key, have idserver.Credential) (idserver.Reply, error) {
	reply, err := a.Server.Find(ctx, key, have)
	if errors.Is(err, idserver.ErrUnavailable) {
		err = &idserver.Error{Class: idserver.ErrNotFound, Op: "looking the registration up"}
	}
	return reply, err
}

func unrecorded(d plan.Desired, o plan.Observed) plan.Step {
	o.OrphansRecorded = true
	return plan.Next(d, o)
}

func ungranted(d *plan.Desired, _ *plan.Observed) { d.Denied = "" }
