package plan

import (
	"slices"
	"strings"
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

// Desired is what the spec of one application asks for, on the server that it names.
type Desired struct {
	// Unsupported is what the spec asks for that the server cannot do, and what to change; "" where there is nothing.
	Unsupported string
	// Denied is what of the spec no grant of the server covers, and what to do; "" where one covers all of it. DisableDenied: the server is to
	// refuse what is not granted.
	Denied        string
	DisableDenied bool
	// Key is the wished client id and our mark.
	Key idserver.Key
	// Want is the registration, normalized, without Keys: see Observed.Want.
	Want idserver.Registration
	// KeyAlgorithm is that of a key to draw, where Want.PrivateKey.
	KeyAlgorithm string
	// Target is the hash of Want at the server.
	Target string
	// Capabilities of the server.
	Capabilities idserver.Capabilities
	// Server says whether the server can be asked; ServerWait is why not.
	ServerReady bool
	ServerWait  Wait
	// Verify: credentials are proven before they are published.
	Verify bool
	// Rotation says when and how the credential is replaced.
	Rotation Rotation
	// Deleting: the TrustedApplication is being deleted; Deletion says what becomes of the registration.
	Deleting bool
	Deletion Deletion
	// Restart: workloads are restarted after a new credential was published.
	Restart bool
	// Adoption says which registrations of others may be taken over.
	Adoption Adoption
	// Suspect: a sweep found that the registration may have been changed at the server; Enforce: it is brought back then.
	Suspect, Enforce bool
	// Abandon: it may go although its registration cannot be ended.
	Abandon bool
	// Unlisted: no list of the server's registrations, nor anything since, showed one with the client id of Key. It may be somebody else's all the
	// same, whom lists of this cluster do not show.
	Unlisted bool
}

// Deletion says what becomes of a registration whose TrustedApplication is deleted.
type Deletion int

// The deletion policies of the API.
const (
	Delete Deletion = iota
	DisableOnly
	Orphan
)

// Confidential says whether the application has a secret or a key.
func (d Desired) Confidential() bool { return !d.Want.Public }

// Observed is what is known so far in one run. Nothing in it outlives the run, except what Ledger and Output were read from.
type Observed struct {
	// Now is when the run began.
	Now time.Time
	// Finalizer: it is on the TrustedApplication.
	Finalizer bool
	// Ledger as saved; LedgerExists tells an empty one from none.
	Ledger       ledger.Record
	LedgerExists bool
	// Unsaved is what an answer of the server made of the ledger, and was not saved yet.
	Unsaved *ledger.Record
	// IntentMine: the intent in the ledger was saved in this run, and the creation was not yet tried.
	IntentMine bool
	// IntentVoid: the creation certainly had no effect.
	IntentVoid bool
	// Found are the registrations that were looked up in this run, by client id; nil for one that is absent.
	Found map[string]*idserver.Reply
	// Absent: the server said in this run that the registration of the newest credential does not exist.
	Absent bool
	// Lost are the IDs of credentials whose registrations the server lets nobody change any more, as it said in this run.
	Lost []string
	// Applied: the server was told Want and the newest credential in this run.
	Applied bool
	// Verified is the ID of the credential that was proven in this run.
	Verified string
	// Refused: the server refused in this run the credential that is in use, which a sweep doubted.
	Refused bool
	// HeldRefused: the server refused in this run what Output.Held holds.
	HeldRefused bool
	// OwnerLives: the application that a registration found in this run belongs to exists. Left is the ledger that a former application of
	// the same name left; FormerDropped: it was deleted in this run.
	OwnerLives    bool
	Left          *ledger.Record
	FormerDropped bool
	// RestartTried is the ID of the credential for which it was tried in this run to restart the workloads; RestartProblems are why that did
	// not work.
	RestartTried    string
	RestartProblems []string
	// Granted: a rotation may begin now. Spaced is why not: when to ask again; zero where the turn is told.
	Granted bool
	Spaced  *time.Time
	// Deleted are the registrations that were deleted in this run, by the ID of DeleteRegistration.
	Deleted []string
	// DeleteRefused are, in the same way, those that the server does not delete because something refers to them.
	DeleteRefused []string
	// Retired: the server was told in this run to forget a replaced key.
	Retired bool
	// Disabled are, in the same way, those that the server was told to refuse in this run.
	Disabled []string
	// Repaired are the names of what this run brought back at the server.
	Repaired []string
	// Abandoned: it was recorded in this run that registrations are left behind.
	Abandoned bool
	// OrphansRecorded: it was recorded in this run which registrations may have been left behind.
	OrphansRecorded bool
	// Output is what is published, compared with what the ledger and the spec say.
	Output Output
	// Forbidden: the server found in this run what no grant allows, see Failure.
	Forbidden bool
	// Failure is why the run cannot go on.
	Failure Step
}

// ObjectState compares one published object with what should be there.
type ObjectState int

// The states of an object to publish.
const (
	// Unneeded: nothing should be there under this name, and nothing of ours is.
	Unneeded ObjectState = iota
	// Missing: it should be there and is not.
	Missing
	// Matches: it is as it should be.
	Matches
	// Differs: it is ours, and not as it should be.
	Differs
	// Foreign: the name is taken by an object that is not ours.
	Foreign
)

// Output is what is published.
type Output struct {
	// Secret and ConfigMap compare the two objects with what should be there.
	Secret, ConfigMap ObjectState
	// Revisions are those found on any object of ours, also under a former name.
	Revisions []string
	// Held is what our published Secret holds, where the ledger has no credential: it can bring a lost ledger back. Else nil.
	Held *Held
	// Offered: Held is not what is published, but what a Secret holds that is labelled for an adoption. OfferProblem is why such a Secret
	// cannot be used.
	Offered      bool
	OfferProblem string
	// TemplateProblem is why the Secret cannot be rendered as the spec asks; what is published stays as it is.
	TemplateProblem string
	// Stale: objects of ours exist that should not.
	Stale bool
	// Any: objects of ours exist.
	Any bool
}

// Held is a credential as it was published.
type Held struct {
	Credential ledger.Credential
	// Staged is the count of stagings that it was published with.
	Staged int
	// IssuedAt is when it was made; zero where that is not known.
	IssuedAt time.Time
}

// Committed says whether what the ledger drives to was published: the server has accepted it then.
func (o Observed) Committed(d Desired) bool {
	return o.fits(d) && o.Ledger.Target == d.Target && slices.Contains(o.Output.Revisions, o.Ledger.Revision())
}

// fits says whether the newest credential is of the kind that is asked for, and of a client id that it may have.
func (o Observed) fits(d Desired) bool {
	newest := o.Ledger.Newest()
	if newest == nil || (newest.Proof() != "") != d.Confidential() || (newest.Key != "") != d.Want.PrivateKey {
		return false
	}
	return d.serverIssued() || newest.ClientID == d.Key.ClientID || d.Rotation.Strategy == v1alpha1.RotationAlternate
}

// Want is what the server is told: what the spec asks for, and the keys in the ledger.
func (o Observed) Want(d Desired) idserver.Registration {
	want := d.Want
	want.Keys = o.Ledger.Keys()
	return want
}

// ClientID is the client id of the registration that the server is, or will be, told next. It means nothing where the server draws it.
func (o Observed) ClientID(d Desired) string {
	newest := o.Ledger.Newest()
	switch {
	case o.fits(d) && o.rotating(d):
		return o.successor(d)
	case o.fits(d):
		return newest.ClientID
	case newest == nil && o.Output.Held != nil && d.Rotation.Strategy == v1alpha1.RotationAlternate && o.Output.Held.Credential.ClientID == d.alternate():
		return d.alternate()
	}
	return d.Key.ClientID
}

// Server is the registration that the server is told next, as it was looked up in this run; nil where it is absent, or was not looked up.
func (o Observed) Server(d Desired) *idserver.Reply { return o.Found[o.ClientID(d)] }

// looked says whether the registration of a client id was looked up in this run.
func (o Observed) looked(id string) bool {
	_, ok := o.Found[id]
	return ok
}

// recallable says whether the ledger was lost and the server can say whether what is published is still good.
func (o Observed) recallable(d Desired) bool {
	return o.Output.Held != nil && len(o.Ledger.Credentials()) == 0 && o.Server(d) != nil && !d.serverIssued() && d.provable()
}

// Published says whether a credential of the given ID was published with any target.
func (o Observed) Published(id string) bool {
	return slices.ContainsFunc(o.Output.Revisions, func(r string) bool { return strings.HasPrefix(r, id+".") })
}

// serverIssued says whether the server draws the secrets.
func (d Desired) serverIssued() bool { return d.Capabilities.SecretOrigin == idserver.ServerIssued }
