package plan

import (
	"slices"
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/ledger"
)

// Rotation says when and how a credential is replaced.
type Rotation struct {
	// Strategy is InPlace, Announce or Alternate, Overlap for keys, and Replace where the server issues client ids.
	Strategy v1alpha1.RotationStrategy
	// Next is when a credential made at last is to be replaced, as it looks at the time now; nil where there is no schedule.
	Next func(last, now time.Time) time.Time
	// Invalid is why there is no schedule although one is asked for, and what to do.
	Invalid string
	// Grace is how long a replaced registration goes on to work, Announced how long a secret is published before it is used.
	Grace, Announced time.Duration
	// Asked are the requests of people.
	Asked ledger.Requests
}

// alternate is the client id that takes turns with that of the spec.
func (d Desired) alternate() string { return d.Key.ClientID + v1alpha1.AlternateSuffix }

// Other is the client id that takes turns with the given one; "" where none does.
func (d Desired) Other(id string) string {
	switch {
	case d.Rotation.Strategy != v1alpha1.RotationAlternate:
		return ""
	case id == d.Key.ClientID:
		return d.alternate()
	}
	return d.Key.ClientID
}

// exposed says whether the newest credential has to die at once.
func (o Observed) exposed(d Desired) bool {
	newest := o.Ledger.Newest()
	return d.Rotation.Asked.Revoke != "" && d.Rotation.Asked.Revoke != o.Ledger.Handled.Revoke || newest != nil && newest.ID == o.Ledger.Exposed
}

// due says whether a new credential is to take the place of the newest. One that the server refuses anyway can wait: nobody could prove
// the new one.
func (o Observed) due(d Desired) bool {
	if !d.Want.Enabled {
		return false
	}
	asked := d.Rotation.Asked.Rotate != "" && d.Rotation.Asked.Rotate != o.Ledger.Handled.Rotate
	renewal := o.renewal()
	return asked || d.Rotation.Next != nil && !o.Now.Before(d.Rotation.Next(o.Ledger.RotatedAt, o.Now)) ||
		!renewal.IsZero() && !o.Now.Before(renewal)
}

// renewal is when a secret that the server ends by itself is to be replaced: after two thirds of its life; zero where it does not end.
func (o Observed) renewal() time.Time {
	newest := o.Ledger.Newest()
	if newest == nil || newest.ExpiresAt.IsZero() {
		return time.Time{}
	}
	if o.Ledger.RotatedAt.IsZero() || !o.Ledger.RotatedAt.Before(newest.ExpiresAt) {
		return newest.ExpiresAt
	}
	return o.Ledger.RotatedAt.Add(newest.ExpiresAt.Sub(o.Ledger.RotatedAt) * 2 / 3)
}

// announces says whether the next secret is published before the server is told it.
func (d Desired) announces() bool {
	return d.Rotation.Strategy == v1alpha1.RotationAnnounce && !d.serverIssued()
}

// rotatable says whether a rotation can begin: never before all that the server was told is published and proven, and never while a client
// may still need the registration whose turn is next.
func (o Observed) rotatable(d Desired) bool {
	free := o.Ledger.Old == nil || o.Ledger.Parked && !d.serverIssued()
	return d.ServerReady && d.Confidential() && o.Committed(d) && (o.Ledger.Next == nil || o.Ledger.Current == nil) &&
		free && o.Ledger.Announced == nil && o.Output.TemplateProblem == ""
}

// rotating says whether the server is to be told a new credential now, which is not yet staged.
func (o Observed) rotating(d Desired) bool {
	switch {
	case !d.ServerReady || !d.Confidential() || !o.Committed(d):
		return false
	case o.exposed(d):
		return true
	case o.Ledger.Announced != nil:
		return o.announced(d) && o.Output.TemplateProblem == "" // its successor could not be published
	}
	return !d.announces() && o.Granted && o.due(d) && o.rotatable(d)
}

// announced says whether every client that tries both secrets had the time to read the next one.
func (o Observed) announced(d Desired) bool {
	at := o.Ledger.AnnouncedAt
	return !at.IsZero() && (!d.announces() || !o.Now.Before(at.Add(d.Rotation.Announced)))
}

// successor is the client id that a new credential gets.
func (o Observed) successor(d Desired) string {
	present := o.Ledger.Newest().ClientID
	other := d.Other(present)
	if other == "" || o.exposed(d) { // what was exposed has to be forgotten by its own registration
		return present
	}
	return other
}

// graceOver says whether nobody needs the replaced registration any more.
func (o Observed) graceOver(d Desired) bool {
	return o.Ledger.Old.Proof() == "" || !d.Confidential() || !d.Want.Enabled || o.Ledger.Exposed != "" ||
		!o.Now.Before(o.Ledger.RetiredAt.Add(d.Rotation.Grace))
}

func noteAnnounced(_ Desired, o Observed) Step {
	if o.Ledger.Announced != nil && o.Ledger.AnnouncedAt.IsZero() && o.Output.Secret == Matches {
		return NoteAnnounced{}
	}
	return nil
}

// park is for two registrations that take turns. It disturbs nobody, so it waits for a server that is away.
func park(d Desired, o Observed) Step {
	old := o.Ledger.Old
	if old == nil || d.serverIssued() || o.Ledger.Parked || o.Ledger.Shared() || !d.ServerReady || !o.graceOver(d) {
		return nil
	}
	found := o.Found[old.ClientID]
	switch {
	case !o.looked(old.ClientID):
		return Lookup{ClientID: old.ClientID}
	case ours(d, found) && found.Registration.Enabled && !slices.Contains(o.Disabled, old.ClientID):
		return Disable{ID: old.ClientID}
	}
	return Park{}
}

// retire is for a registration that knows two keys: the replaced one is forgotten there, and then here.
func retire(d Desired, o Observed) Step {
	if !o.Ledger.Shared() || !d.ServerReady || !o.graceOver(d) {
		return nil
	}
	id := o.Ledger.Old.ClientID
	switch {
	case !o.looked(id):
		return Lookup{ClientID: id}
	case ours(d, o.Found[id]) && !o.Retired:
		return Retire{}
	}
	return ForgetOld{}
}

// dropParked makes room for a replaced key: no registration takes turns any more.
func dropParked(d Desired, o Observed) Step {
	if o.Ledger.Old == nil || !o.Ledger.Parked || d.Rotation.Strategy != v1alpha1.RotationOverlap || !d.ServerReady {
		return nil
	}
	id := o.Ledger.Old.ClientID
	switch {
	case !o.looked(id):
		return Lookup{ClientID: id}
	case ours(d, o.Found[id]) && !slices.Contains(o.Deleted, id):
		return DeleteRegistration{ID: id}
	}
	return ForgetOld{}
}

func reserve(d Desired, o Observed) Step {
	if o.due(d) && !o.Granted && o.Spaced == nil && o.rotatable(d) {
		return Reserve{}
	}
	return nil
}

func announce(d Desired, o Observed) Step {
	if d.announces() && o.due(d) && o.Granted && o.rotatable(d) {
		return Announce{}
	}
	return nil
}

func scheduled(d Desired, _ Observed) Step {
	if d.Rotation.Invalid != "" {
		return Fail{Reason: v1alpha1.ReasonInvalidSchedule, Message: d.Rotation.Invalid}
	}
	return nil
}

// restartAgain is the pause before workloads that could not be restarted are tried again.
const restartAgain = 10 * time.Minute

// Wake is when to come back although a run ended with nothing left to do; zero where only a change brings the application back.
func Wake(d Desired, o Observed) time.Time {
	if !d.ServerReady || d.Deleting { // the server wakes it when it is ready
		return time.Time{}
	}
	var wake time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (wake.IsZero() || t.Before(wake)) {
			wake = t
		}
	}
	l := o.Ledger
	switch {
	case l.Announced != nil && !l.AnnouncedAt.IsZero():
		sooner(l.AnnouncedAt.Add(d.Rotation.Announced))
	case o.Spaced != nil:
		sooner(*o.Spaced)
	case l.Old == nil || l.Parked: // else it is held up until then, however long it is due
		sooner(NextRotation(d, o))
	}
	if len(o.RestartProblems) > 0 {
		sooner(o.Now.Add(restartAgain))
	}
	if l.Old != nil && !l.Parked {
		sooner(l.RetiredAt.Add(d.Rotation.Grace))
	}
	return wake
}

// NextRotation is when the schedule asks for the next rotation; zero where there is none.
func NextRotation(d Desired, o Observed) time.Time {
	if !d.Confidential() || !d.Want.Enabled {
		return time.Time{}
	}
	renewal := o.renewal()
	if d.Rotation.Next == nil || o.Ledger.RotatedAt.IsZero() {
		return renewal
	}
	if next := d.Rotation.Next(o.Ledger.RotatedAt, o.Now); renewal.IsZero() || next.Before(renewal) {
		return next
	}
	return renewal
}
