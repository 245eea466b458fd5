package plan

import (
	"fmt"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

// The rules that bring the registration at the server to what is wanted.

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
