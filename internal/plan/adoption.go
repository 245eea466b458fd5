package plan

import (
	"fmt"
	"slices"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

// Adoption says which registrations of others may be taken over.
type Adoption struct {
	// Unowned: those without a mark, and those that a former application of the same name left.
	Unowned bool
	// Takeover: those with a mark of another cluster or system, or of an application that is gone.
	Takeover bool
	// Observe: the differences are shown, and nothing is written.
	Observe bool
	// FormerClusters are those that this one was restored from.
	FormerClusters []string
}

// None says whether no registration of others may be taken over.
func (a Adoption) None() bool { return !a.Unowned && !a.Takeover }

// former says whether a mark is that of an application of the same namespace and name: made again, or restored from a backup.
func (d Desired) former(m idserver.Mark) bool {
	mine := d.Key.Owner
	return m.Namespace == mine.Namespace && m.Name == mine.Name && m.UID != mine.UID &&
		(m.Cluster == mine.Cluster || slices.Contains(d.Adoption.FormerClusters, m.Cluster))
}

// restorable says whether a registration of a former application proves to be ours: by the ledger that it left, or by a published secret that
// still works there. Without proof nothing is inherited.
func (o Observed) restorable(d Desired, have *idserver.Reply) bool {
	if !d.former(have.Owner) {
		return false
	}
	return len(o.Ledger.Credentials()) > 0 || o.Left != nil || o.Output.Held != nil && !o.HeldRefused && d.provable()
}

// unowned says whether nobody marked a registration.
func unowned(have *idserver.Reply) bool {
	return have.Owner == (idserver.Mark{}) && have.ForeignOwner == ""
}

// adoptable says whether the policies allow to take a registration over.
func (o Observed) adoptable(d Desired, have *idserver.Reply) bool {
	switch {
	case unowned(have), d.former(have.Owner):
		return d.Adoption.Unowned
	case have.Owner.Cluster == d.Key.Owner.Cluster:
		return d.Adoption.Takeover && !o.OwnerLives
	}
	return d.Adoption.Takeover
}

// claimable says whether a registration of somebody else becomes ours.
func (o Observed) claimable(d Desired, have *idserver.Reply) bool {
	return o.restorable(d, have) || o.adoptable(d, have)
}

// provable says whether the server can say whether a secret works.
func (d Desired) provable() bool { return d.Confidential() && d.Verify && d.Want.Enabled }

// Preview names what an adoption would change; "registration" where there is none to adopt.
func (o Observed) Preview(d Desired) []string {
	have := o.Server(d)
	switch {
	case o.vanished(d):
		return []string{"registration"}
	case have == nil || have.Owner == d.Key.Owner || !d.Adoption.Observe || !o.adoptable(d, have) || o.restorable(d, have):
		return nil
	}
	return d.Want.Diff(have.Registration)
}

// vanished says whether an application that is to show first what it would adopt found nothing, and never had anything of its own.
func (o Observed) vanished(d Desired) bool {
	id := o.ClientID(d)
	return d.Adoption.Observe && !d.Adoption.None() && o.looked(id) && o.Found[id] == nil && o.Ledger.Empty() && !o.Output.Any
}

// preview shows what an adoption would change, and waits. Where nobody owns the registration and nothing would change, there is nothing to wait
// for: it is as the spec says.
func preview(d Desired, o Observed) Step {
	if o.vanished(d) {
		return Fail{Reason: v1alpha1.ReasonAdoptionPending, Message: fmt.Sprintf("the client id %s is not registered, so there is nothing to adopt. "+
			"Nothing was changed: set spec.driftPolicy to Enforce or Warn to register it", o.ClientID(d))}
	}
	have := o.Server(d)
	if have == nil || have.Owner == d.Key.Owner || !d.Adoption.Observe || o.restorable(d, have) {
		return nil
	}
	if unowned(have) && len(o.Preview(d)) == 0 {
		return Observe{}
	}
	return Fail{Reason: v1alpha1.ReasonAdoptionPending, Message: fmt.Sprintf("the client id %s is registered already and would be adopted; "+
		"status.drift names what differs from the spec. Nothing was changed: set spec.driftPolicy to Enforce or Warn to adopt it", o.ClientID(d))}
}

// offered stops where the Secret that is labelled for the adoption is of no use.
func offered(d Desired, o Observed) Step {
	have := o.Server(d)
	adopting := have != nil && have.Owner != d.Key.Owner && len(o.Ledger.Credentials()) == 0 && d.Confidential()
	useless := o.Output.Offered && (o.HeldRefused || !d.provable())
	if !adopting || o.Output.OfferProblem == "" && !useless {
		return nil
	}
	problem := o.Output.OfferProblem
	switch {
	case problem != "":
	case !d.provable():
		problem = "the client_secret in it cannot be proven while verification is Off or spec.enabled is false"
	default:
		problem = "the server refuses the client_secret in it"
	}
	return Fail{Reason: v1alpha1.ReasonAdoptionSecretInvalid, Message: "the Secret with the label " + v1alpha1.AdoptForLabel + ": " + problem +
		"; nothing was changed: correct it, or remove the label to set a new secret, which ends the present one"}
}

// inherit begins the ledger with the one that a former application of the same name left.
func inherit(d Desired, o Observed) Step {
	if have := o.Server(d); have != nil && d.former(have.Owner) && o.Left != nil && len(o.Ledger.Credentials()) == 0 {
		return Inherit{UID: have.Owner.UID}
	}
	return nil
}

// claim puts our mark on what the ledger knows how to go on with.
func claim(d Desired, o Observed) Step {
	if have := o.Server(d); have != nil && d.Capabilities.Lookup && have.Owner != d.Key.Owner {
		return Claim{ClientID: o.ClientID(d)}
	}
	return nil
}

// dropFormer deletes the ledger that this one was begun with, once it is not needed any more.
func dropFormer(_ Desired, o Observed) Step {
	switch {
	case o.Ledger.Former == "":
		return nil
	case o.FormerDropped:
		return ForgetFormer{}
	}
	return DropFormer{UID: o.Ledger.Former}
}
