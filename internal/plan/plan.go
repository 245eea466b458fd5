// Package plan decides what to do next for one application. It is pure and total: no I/O, no clock, no randomness. The order of
// the rules is the specification.
package plan

import (
	"fmt"
	"slices"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

// rule proposes a step, or nil where it has nothing to say.
type rule func(Desired, Observed) Step

// Next is the next step towards what is desired. Done is a fixed point.
func Next(d Desired, o Observed) Step {
	rules := living
	if d.Deleting {
		rules = ending
	}
	for _, r := range slices.Concat(always, rules) {
		if s := r(d, o); s != nil {
			return s
		}
	}
	return Done{}
}

// always come first, whatever is desired.
var always = []rule{
	saveUnsaved,   // what a server tells only once is saved before anything else
	forgetVoid,    // a creation that certainly failed leaves no intent, which would count as an orphan later
	failed,        // an effect failed: the run ends and says why
	declareOrphan, // a creation whose answer was lost may have left a registration: declare it
}

// living are the rules for an application that shall exist.
var living = []rule{
	guard,                        // the finalizer is there before the first effect outside
	unregistered(possible),       // nothing begins that the server cannot do
	unregistered(respectForeign), // a Secret or ConfigMap of somebody else stops us before anything happens
	unregistered(renderable),     // nor is anything begun that could not be published
	inspect,                      // where a sweep found something, look at the registration itself
	uncommitted(permitted),       // the server is told nothing that its administrators do not grant
	uncommitted(possible),        // nor is the server told of it
	uncommitted(awaitServer),     // what is not yet published needs the server
	uncommitted(lookup),          // look before anything is written
	uncommitted(respectOwner),    // a registration of somebody else is never touched
	uncommitted(preview),         // what an adoption would change is shown first, where that is asked for
	uncommitted(offered),         // and a secret that is offered for it has to be the right one
	uncommitted(inherit),         // what a former application of the same name left after a restore is ours, where its ledger proves it
	uncommitted(sparing),         // where each answer can be the last, the server is told no more than needed while nothing can be published
	uncommitted(replace),         // server-issued: another registration, with an intent saved first
	uncommitted(recall),          // a lost ledger costs no new secret where the published one still works
	uncommitted(stage),           // the ledger knows what the server will be told, before it is told
	uncommitted(claim),           // from now on the registration is ours: the ledger can go on with it whatever happens
	uncommitted(create),          // absent at the server: create
	uncommitted(apply),           // present: change it into what is wanted; repeating this is harmless
	uncommitted(verify),          // nothing unproven is published
	respectForeign,               // the server was told, so that a kill switch works in any case; but nothing of others is overwritten
	renderable,                   // what cannot be rendered leaves what is published
	publish,                      // Secret and ConfigMap are a rendering of ledger and spec; publishing commits what was staged
	unpublish,                    // what is left under former names, or of a former kind, goes after the new is there
	noteAnnounced,                // the time to read an announced credential runs from its publication
	deleteOld,                    // the replaced registration ends after its grace period, and leaves the ledger after that
	park,                         // or is refused until its next turn
	retire,                       // or is a key that the registration forgets
	dropParked,                   // what waits for a turn that does not come is deleted
	promote,                      // the published credential retires the one before, once its place is free
	restart,                      // workloads that read a credential only when they start do so after it is there
	dropFormer,                   // a ledger that was inherited is not needed twice
	denied,                       // what is not granted is told when all else is done
	possible,                     // what cannot be done is told when all else is done
	reserve,                      // a rotation that is due begins when all else is done, in its turn
	announce,                     // and tells clients first, where that is asked for
	scheduled,                    // a schedule that cannot be read is told when nothing else is left to do
}

func saveUnsaved(_ Desired, o Observed) Step {
	if o.Unsaved != nil {
		return SaveReply{}
	}
	return nil
}

func forgetVoid(_ Desired, o Observed) Step {
	if o.IntentVoid && o.Ledger.Intent != nil {
		return ForgetIntent{}
	}
	return nil
}

func failed(d Desired, o Observed) Step {
	if d.Deleting && d.Abandon { // see abandon
		return nil
	}
	return o.Failure
}

func declareOrphan(_ Desired, o Observed) Step {
	if o.Ledger.Intent != nil && !o.IntentMine {
		return NoteOrphan{}
	}
	return nil
}

func guard(_ Desired, o Observed) Step {
	if !o.Finalizer {
		return AddFinalizer{}
	}
	return nil
}

// permitted does not hold up the kill switch of what is registered.
func permitted(d Desired, o Observed) Step {
	if d.Want.Enabled || o.Ledger.Empty() {
		return denied(d, o)
	}
	return nil
}

func denied(d Desired, _ Observed) Step {
	if d.Denied == "" {
		return nil
	}
	return Fail{Reason: v1alpha1.ReasonAccessDenied, Message: d.Denied}
}

// possible does not hold up the kill switch.
func possible(d Desired, _ Observed) Step {
	if d.Unsupported == "" || !d.Want.Enabled {
		return nil
	}
	return Fail{Reason: v1alpha1.ReasonUnsupported, Message: d.Unsupported}
}

func respectForeign(_ Desired, o Observed) Step {
	switch {
	case o.Output.Secret == Foreign:
		return Fail{Reason: v1alpha1.ReasonSecretConflict, Message: "a Secret of the wished name exists and was not written by this operator " +
			"for this application; it was neither read nor changed: " +
			"set spec.credentials.secretName to a free name, or delete that Secret"}
	case o.Output.ConfigMap == Foreign:
		return Fail{Reason: v1alpha1.ReasonConfigMapConflict, Message: "a ConfigMap of the wished name exists and was not written by this operator " +
			"for this application; it was not changed: " +
			"set spec.configMapName to a free name, or delete that ConfigMap"}
	}
	return nil
}

func renderable(_ Desired, o Observed) Step {
	if o.Output.TemplateProblem == "" {
		return nil
	}
	return Fail{Reason: v1alpha1.ReasonTemplateInvalid, Message: "spec.credentials.template: " + o.Output.TemplateProblem +
		"; the published Secret stays as it was, and nothing is rotated: correct the template"}
}

// sparing keeps a stop on an object of somebody else from costing one answer, which replaces the token that the next call needs, at each
// repetition. The kill switch is not held up.
func sparing(d Desired, o Observed) Step {
	if d.Capabilities.RepliesRotate && d.Want.Enabled {
		return respectForeign(d, o)
	}
	return nil
}

// unregistered makes a rule apply only as long as nothing was ever staged.
func unregistered(r rule) rule {
	return func(d Desired, o Observed) Step {
		if !o.Ledger.Empty() {
			return nil
		}
		return r(d, o)
	}
}

// uncommitted makes a rule apply only until what the ledger drives to was published, or once the credential is to be replaced, or the
// registration brought back.
func uncommitted(r rule) rule {
	return func(d Desired, o Observed) Step {
		if o.Committed(d) && !o.rotating(d) && !o.repairing(d) {
			return nil
		}
		return r(d, o)
	}
}

func awaitServer(d Desired, _ Observed) Step {
	if !d.ServerReady {
		return d.ServerWait
	}
	return nil
}

func lookup(d Desired, o Observed) Step {
	if id := o.ClientID(d); d.Capabilities.Lookup && !o.looked(id) {
		return Lookup{ClientID: id}
	}
	return nil
}

func respectOwner(d Desired, o Observed) Step {
	have := o.Server(d)
	if have == nil || have.Owner == d.Key.Owner || !d.Capabilities.Lookup || o.claimable(d, have) {
		return nil
	}
	return Fail{Reason: v1alpha1.ReasonOwnershipConflict, Message: fmt.Sprintf("the client id %s is registered already %s; it was not changed: "+
		"%s, or have that registration deleted", o.ClientID(d), ownerOf(d.Key.Owner, have), d.elsewhere(o.ClientID(d)))}
}

// elsewhere says how to do without a client id.
func (d Desired) elsewhere(id string) string {
	if id == d.Key.ClientID {
		return "choose another spec.applicationUri"
	}
	return "choose another spec.credentials.rotation.strategy than Alternate"
}

// ownerOf tells whose a registration is, without details of other teams.
func ownerOf(mine idserver.Mark, have *idserver.Reply) string {
	theirs := have.Owner
	switch {
	case theirs == (idserver.Mark{}):
		return "and carries no mark of this operator"
	case theirs.Cluster != mine.Cluster:
		return "and belongs to a TrustedApplication of another cluster"
	case theirs.Namespace == mine.Namespace && theirs.Name == mine.Name:
		return "by a former TrustedApplication of the same name, which left it there"
	case theirs.Namespace == mine.Namespace:
		return "by the TrustedApplication " + theirs.Name + " of this namespace"
	}
	return "and belongs to a TrustedApplication of another namespace"
}

func replace(d Desired, o Observed) Step {
	lost := o.fits(d) && slices.Contains(o.Lost, o.Ledger.Newest().ID)
	if !d.serverIssued() || (o.fits(d) && !o.Absent && !lost && !o.rotating(d)) {
		return nil
	}
	switch {
	case o.Ledger.Intent != nil: // at once: an intent that is left would be declared an orphan
		return Create{}
	case lost && o.Ledger.Old != nil && !o.graceOver(d): // clients may still need it, and what is published works
		return Wait{
			Reason: v1alpha1.ReasonControlLost, After: o.Ledger.RetiredAt.Add(d.Rotation.Grace).Sub(o.Now),
			Message: "the server does not take the access token of the registration " + o.Ledger.Newest().ClientID + ", which goes on to work as it is: " +
				"it is replaced when the gracePeriod of the former one is over",
		}
	case o.Ledger.Old != nil: // one replaced registration at a time: end the former first
		return deleteOldOf(o)
	case len(o.Ledger.Orphans) >= ledger.MaxOrphans:
		return tooManyOrphans(o)
	}
	return SaveIntent{}
}

func tooManyOrphans(o Observed) Step {
	return Fail{Reason: v1alpha1.ReasonTooManyOrphans, Message: fmt.Sprintf("%d registrations may have been left at the server, "+
		"because the answers to their creation, or their access tokens, were lost: "+
		"have those in status.orphans deleted there, then delete this TrustedApplication and create it again", len(o.Ledger.Orphans))}
}

func recall(d Desired, o Observed) Step {
	if o.recallable(d) && o.Verified != o.Output.Held.Credential.ID && !o.HeldRefused {
		return Recall{}
	}
	return nil
}

func stage(d Desired, o Observed) Step {
	switch {
	case o.recallable(d) && !o.HeldRefused:
		return Stage{Held: true}
	case !o.fits(d), o.rotating(d) && o.Ledger.Announced == nil, o.rotating(d) && o.exposed(d):
		return Stage{Draw: true, ClientID: o.ClientID(d)}
	case o.rotating(d):
		return Stage{Announced: true, ClientID: o.ClientID(d)}
	case o.Ledger.Target != d.Target:
		return Stage{}
	}
	return nil
}

func create(d Desired, o Observed) Step {
	if !d.serverIssued() && !o.Applied && o.Server(d) == nil {
		return Create{}
	}
	return nil
}

func apply(_ Desired, o Observed) Step {
	if !o.Applied {
		return Apply{}
	}
	return nil
}

func verify(d Desired, o Observed) Step {
	if o.unproven(d) {
		return Verify{}
	}
	return nil
}

func publish(_ Desired, o Observed) Step {
	for _, s := range []ObjectState{o.Output.Secret, o.Output.ConfigMap} {
		if s == Missing || s == Differs {
			return Publish{}
		}
	}
	return nil
}

func unpublish(_ Desired, o Observed) Step {
	if o.Output.Stale {
		return Unpublish{}
	}
	return nil
}

func promote(d Desired, o Observed) Step {
	if d.serverIssued() && o.Ledger.Old != nil { // in its grace period
		return nil
	}
	if o.Ledger.Next != nil && o.Ledger.Current != nil {
		return Promote{}
	}
	return nil
}

func restart(d Desired, o Observed) Step {
	switch {
	case !d.Restart || !o.Ledger.RestartDue || o.Ledger.Newest() == nil:
		return nil
	case o.RestartTried != o.Ledger.Newest().ID:
		return Restart{}
	case len(o.RestartProblems) > 0: // it is tried again later, see Wake; the credential is in order
		return nil
	}
	return NoteRestarted{}
}

// deleteOld is for servers that issue secrets: there each credential is a registration of its own.
func deleteOld(d Desired, o Observed) Step {
	if o.Ledger.Old == nil || !d.serverIssued() || !o.graceOver(d) {
		return nil
	}
	if !d.ServerReady {
		return d.ServerWait
	}
	return deleteOldOf(o)
}

func deleteOldOf(o Observed) Step {
	lost := slices.Contains(o.Lost, o.Ledger.Old.ID)
	switch {
	case slices.Contains(o.Deleted, o.Ledger.Old.ID):
		return ForgetOld{}
	case lost && o.Ledger.Exposed != "": // it is no orphan that can wait
		return Wait{Reason: v1alpha1.ReasonControlLost, Message: "the registration " + o.Ledger.Old.ClientID + " cannot be deleted, because its access " +
			"token was lost, and its credential, which was exposed, still works: have it deleted at the server, this goes on then"}
	case lost && len(o.Ledger.Orphans) >= ledger.MaxOrphans:
		return tooManyOrphans(o)
	case lost:
		return NoteLost{}
	}
	return DeleteOld{}
}
