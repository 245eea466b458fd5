package plan

import "time"

// Step is what to do next. A step that is not an end performs exactly one durable effect or one question to the server.
// The set is closed: the executor has one case for each.
type Step interface{ step() }

type (
	// AddFinalizer puts the finalizer on the TrustedApplication.
	AddFinalizer struct{}
	// SaveReply writes the ledger that an answer of the server made necessary.
	SaveReply struct{}
	// SaveIntent writes into the ledger that a creation begins whose answer cannot be looked up.
	SaveIntent struct{}
	// ForgetIntent takes the intent out of the ledger after a creation that certainly had no effect.
	ForgetIntent struct{}
	// NoteOrphan turns an intent whose answer was lost into a declared orphan.
	NoteOrphan struct{}
	// NoteLost turns a replaced registration that nobody can delete any more into a declared orphan.
	NoteLost struct{}
	// Recall asks the server whether the credential that is published works, after the ledger was lost.
	Recall struct{}
	// Stage writes into the ledger what the server will be told next: the target, and a newly drawn credential of the client id if Draw, or
	// the one that is published if Held, or the one that was announced if Announced.
	Stage struct {
		Draw, Held, Announced bool
		ClientID              string
	}
	// Reserve asks whether a rotation may begin now, which others at the same server wait for, too.
	Reserve struct{}
	// Announce writes a newly drawn credential into the ledger, to be published beside the one in use before the server is told it.
	Announce struct{}
	// NoteAnnounced writes into the ledger since when the announced credential is published.
	NoteAnnounced struct{}
	// Lookup asks the server for the registration of the client id.
	Lookup struct{ ClientID string }
	// Create registers the application.
	Create struct{}
	// Apply changes the registration, and its secret where the client chooses it, into what is wanted.
	Apply struct{}
	// Verify proves the newest credential by a token request.
	Verify struct{}
	// Publish writes Secret and ConfigMap.
	Publish struct{}
	// Promote makes the published credential the current one in the ledger.
	Promote struct{}
	// Restart restarts the workloads that read a credential only when they start.
	Restart struct{}
	// NoteRestarted writes into the ledger that they were.
	NoteRestarted struct{}
	// DeleteOld deletes the replaced registration at the server, which issued its client id.
	DeleteOld struct{}
	// ForgetOld takes the deleted registration, or the forgotten key, out of the ledger.
	ForgetOld struct{}
	// Retire makes the registration in use forget the replaced key.
	Retire struct{}
	// Inherit begins the ledger with that of a former application of the same name, which had the UID.
	Inherit struct{ UID string }
	// Claim puts our mark on the registration of the client id.
	Claim struct{ ClientID string }
	// DropFormer deletes the ledger of the former application, ForgetFormer takes its UID out of ours.
	DropFormer struct{ UID string }
	// ForgetFormer is the second half of DropFormer.
	ForgetFormer struct{}
	// Park writes into the ledger that the server refuses the replaced registration, which waits for its next turn.
	Park struct{}
	// Disable makes the server refuse a client, before the TrustedApplication goes or between its turns. ID is as in DeleteRegistration.
	Disable struct{ ID string }
	// DeleteRegistration deletes a registration at the server: that of the credential with the ID where the server issues secrets, else
	// that of the client id, which was looked up.
	DeleteRegistration struct{ ID string }
	// Unpublish deletes what was published and is not wanted any more; everything, if All.
	Unpublish struct{ All bool }
	// DeleteLedger deletes the ledger.
	DeleteLedger struct{}
	// RecordAbandoned records at the IdentityServer that registrations are left behind.
	RecordAbandoned struct{}
	// RecordOrphans records at the IdentityServer which registrations may have been left behind.
	RecordOrphans struct{}
	// RemoveFinalizer lets the TrustedApplication go.
	RemoveFinalizer struct{}

	// Done is the end of a run: nothing is left to do.
	Done struct{}
	// Observe is the end of a run that found a registration which nobody owns to be as the spec says, and is not to adopt it: nothing was
	// written there, and nothing is published.
	Observe struct{}
	// Wait is the end of a run that goes on by itself, after the time or when what it waits for changes.
	Wait struct {
		// Reason and Message are for the conditions.
		Reason, Message string
		// After is when to try again; zero leaves it to the caller's back-off.
		After time.Duration
	}
	// Fail is the end of a run that needs a person.
	Fail struct {
		// Reason and Message are for the conditions.
		Reason, Message string
	}
)

func (AddFinalizer) step()       {}
func (SaveReply) step()          {}
func (SaveIntent) step()         {}
func (ForgetIntent) step()       {}
func (NoteOrphan) step()         {}
func (NoteLost) step()           {}
func (Recall) step()             {}
func (Stage) step()              {}
func (Reserve) step()            {}
func (Announce) step()           {}
func (NoteAnnounced) step()      {}
func (Inherit) step()            {}
func (Claim) step()              {}
func (DropFormer) step()         {}
func (ForgetFormer) step()       {}
func (Park) step()               {}
func (Lookup) step()             {}
func (Create) step()             {}
func (Apply) step()              {}
func (Verify) step()             {}
func (Publish) step()            {}
func (Promote) step()            {}
func (Restart) step()            {}
func (NoteRestarted) step()      {}
func (DeleteOld) step()          {}
func (ForgetOld) step()          {}
func (Retire) step()             {}
func (Disable) step()            {}
func (DeleteRegistration) step() {}
func (Unpublish) step()          {}
func (DeleteLedger) step()       {}
func (RecordAbandoned) step()    {}
func (RecordOrphans) step()      {}
func (RemoveFinalizer) step()    {}
func (Done) step()               {}
func (Observe) step()            {}
func (Wait) step()               {}
func (Fail) step()               {}

// IsEnd says whether a run ends with the step.
func IsEnd(s Step) bool {
	switch s.(type) {
	case Done, Observe, Wait, Fail:
		return true
	}
	return false
}
