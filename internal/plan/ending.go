package plan

import (
	"slices"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

// ending are the rules for an application that is being deleted.
var ending = []rule{
	released,                    // without our finalizer there is nothing to do
	endingOnServer(abandon),     // what cannot be ended is let go where somebody says so, and recorded
	endingOnServer(awaitServer), // ending a registration needs the server
	endingOnServer(lookupAll),   // find it, and the one that takes turns with it
	endingOnServer(endByLedger), // server-issued: delete or disable by every credential in the ledger
	endingOnServer(endFound),    // client-chosen: delete or disable the one that was found, if it is ours
	recordOrphans,               // what may have been left at the server is not forgotten with the ledger
	unpublishAll,                // Secret and ConfigMap go before the ledger, which could restore them
	deleteLedger,                // the ledger goes after the registration, which it describes
	release,                     // and the finalizer last
}

func released(_ Desired, o Observed) Step {
	if !o.Finalizer {
		return Done{}
	}
	return nil
}

// endingOnServer makes a rule apply where the policy ends the registration and there may be one.
func endingOnServer(r rule) rule {
	return func(d Desired, o Observed) Step {
		if d.Deletion == Orphan || o.Abandoned || !MayBeRegistered(d, o) {
			return nil
		}
		return r(d, o)
	}
}

// abandon first lets everything be tried that could end the registration.
func abandon(d Desired, o Observed) Step {
	if d.Abandon && (o.Failure != nil || !d.ServerReady) {
		return RecordAbandoned{}
	}
	return nil
}

// MayBeRegistered says whether there may be a registration to end. The ledger tells. Where it was lost, with the operator's namespace say,
// what is published proves that there was one, and a server that needs no handle is asked for it. What is published goes before a ledger
// does, so a ledger that went in order is not taken for a lost one.
func MayBeRegistered(d Desired, o Observed) bool {
	return len(o.Ledger.Credentials()) > 0 || !o.LedgerExists && o.Output.Any && d.Capabilities.Lookup
}

func endByLedger(d Desired, o Observed) Step {
	if !d.serverIssued() {
		return nil
	}
	for i, c := range o.Ledger.Credentials() {
		// What is not the newest is replaced, or was never used: only that which is in use can be left, disabled.
		if s := end(o, c.ID, d.Deletion == DisableOnly && i == 0); s != nil {
			return s
		}
	}
	return nil
}

func lookupAll(d Desired, o Observed) Step {
	if !d.Capabilities.Lookup {
		return nil
	}
	for _, id := range ClientIDs(d, o) {
		if !o.looked(id) {
			return Lookup{ClientID: id}
		}
	}
	return nil
}

// ClientIDs are those of all registrations that there may be. With a lost ledger nobody knows whether two took turns.
func ClientIDs(d Desired, o Observed) []string {
	ids := []string{d.Key.ClientID}
	if d.Rotation.Strategy == v1alpha1.RotationAlternate || len(o.Ledger.Credentials()) == 0 {
		ids = append(ids, d.alternate())
	}
	for _, c := range o.Ledger.Credentials() {
		if !slices.Contains(ids, c.ClientID) {
			ids = append(ids, c.ClientID)
		}
	}
	return ids
}

func endFound(d Desired, o Observed) Step {
	if d.serverIssued() {
		return nil
	}
	for _, id := range ClientIDs(d, o) {
		if !ours(d, o.Found[id]) {
			continue
		}
		if s := end(o, id, d.Deletion == DisableOnly); s != nil {
			return s
		}
	}
	return nil
}

// end ends one registration: it is disabled by policy, or where the server refuses to delete it.
func end(o Observed, id string, disable bool) Step {
	switch {
	case slices.Contains(o.Deleted, id), slices.Contains(o.Disabled, id):
		return nil
	case disable, slices.Contains(o.DeleteRefused, id):
		return Disable{ID: id}
	}
	return DeleteRegistration{ID: id}
}

// ours says whether the registration that was found carries our mark.
func ours(d Desired, found *idserver.Reply) bool { return found != nil && found.Owner == d.Key.Owner }

func recordOrphans(_ Desired, o Observed) Step {
	if len(o.Ledger.Orphans) > 0 && !o.OrphansRecorded {
		return RecordOrphans{}
	}
	return nil
}

func unpublishAll(_ Desired, o Observed) Step {
	if o.Output.Any {
		return Unpublish{All: true}
	}
	return nil
}

func deleteLedger(_ Desired, o Observed) Step {
	if o.LedgerExists {
		return DeleteLedger{}
	}
	return nil
}

func release(Desired, Observed) Step { return RemoveFinalizer{} }
