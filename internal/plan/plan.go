// Package plan decides what to do next for one application. It is pure and total: no I/O, no clock, no randomness. The order of
// the rules is the specification.
package plan

import "slices"

// rule proposes a step, or nil where it has nothing to say.
type rule func(Desired, Observed) Step

// Next is the next step towards what is desired. Done is a fixed point.
func Next(d Desired, o Observed) Step {
	for _, r := range always {
		if s := r(d, o); s != nil {
			return s
		}
	}
	rules := living
	if d.Deleting {
		rules = ending
	}
	for _, r := range rules {
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
	if s := forbid(d, o); s != nil {
		return s
	}
	return o.Failure
}

// forbid makes the server refuse an application of which only the server could tell that no grant covers it, where that is the policy.
func forbid(d Desired, o Observed) Step {
	id := o.ClientID(d)
	if found := o.Found[id]; o.Forbidden && d.DisableDenied && ours(d, found) && found.Registration.Enabled && !slices.Contains(o.Disabled, id) {
		return Disable{ID: id}
	}
	return nil
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
