package plan

import (
	"fmt"
	"slices"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/ledger"
)

// The rules for servers that issue client ids, where each credential is a registration of its own.

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
