package plan

import "slices"

// ending are the rules for an application that is being deleted.
var ending = []rule{
	released,                    // without our finalizer there is nothing to do
	endingOnServer(awaitServer), // ending a registration needs the server
	endingOnServer(lookup),      // find it
	endingOnServer(endByLedger), // server-issued: delete or disable by every credential in the ledger
	endingOnServer(endFound),    // client-chosen: delete or disable the one that was found, if it is ours
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
		if d.Deletion == Orphan || !mayBeRegistered(d, o) {
			return nil
		}
		return r(d, o)
	}
}

// mayBeRegistered says whether there may be a registration to end. The ledger tells. Where it was lost, with the operator's namespace say,
// what is published proves that there was one, and a server that needs no handle is asked for it. What is published goes before a ledger
// does, so a ledger that went in order is not taken for a lost one.
func mayBeRegistered(d Desired, o Observed) bool {
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

func endFound(d Desired, o Observed) Step {
	if d.serverIssued() || !ours(d, o) {
		return nil
	}
	return end(o, "", d.Deletion == DisableOnly)
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
func ours(d Desired, o Observed) bool { return o.Server != nil && o.Server.Owner == d.Key.Owner }

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
