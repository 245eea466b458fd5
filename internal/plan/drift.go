package plan

import "slices"

// inspecting says whether a sweep's suspicion is to be looked into: only of what the server has accepted once, and where a look is no effect.
func (o Observed) inspecting(d Desired) bool {
	return d.Suspect && d.ServerReady && d.Capabilities.Lookup && o.Committed(d) && !o.rotating(d)
}

// Proving says whether a sweep's doubt is to be settled by a token request: only where nobody can look at the registration.
func (o Observed) Proving(d Desired) bool {
	return d.Suspect && d.ServerReady && !d.Capabilities.Lookup && d.provable() && o.Committed(d) && !o.rotating(d)
}

// Inspected says whether this run looked at a registration that was told before, or tried its credential.
func (o Observed) Inspected(d Desired) bool {
	if o.Proving(d) {
		return o.Refused || o.Verified == o.Ledger.Newest().ID
	}
	return o.inspecting(d) && o.looked(o.Ledger.Newest().ClientID)
}

// Drift names what differs at the server, as it was looked at in this run.
func (o Observed) Drift(d Desired) []string {
	if !o.Inspected(d) {
		return nil
	}
	found := o.Found[o.Ledger.Newest().ClientID]
	switch {
	case o.Proving(d) && (!o.Refused || o.Verified == o.Ledger.Newest().ID):
		return nil
	case o.Refused, found == nil:
		return []string{"registration"}
	}
	names := slices.DeleteFunc(o.Want(d).Diff(found.Registration), func(n string) bool { return slices.Contains(o.Ledger.Altered, n) })
	if !ours(d, found) {
		names = append(names, "owner")
	}
	return names
}

// repairing says whether the registration is brought back. It is told the whole of it: what a person did to a secret cannot be seen.
func (o Observed) repairing(d Desired) bool {
	if o.Proving(d) && !o.Refused {
		return false
	}
	return d.Enforce && o.Inspected(d) && (!o.Applied || o.unproven(d))
}

// unproven says whether the newest credential has yet to be proven in this run.
func (o Observed) unproven(d Desired) bool {
	return d.Verify && d.Confidential() && d.Want.Enabled && o.Verified != o.Ledger.Newest().ID
}

func inspect(d Desired, o Observed) Step {
	if o.inspecting(d) && !o.Inspected(d) {
		return Lookup{ClientID: o.Ledger.Newest().ClientID}
	}
	if o.Proving(d) && !o.Inspected(d) {
		return Verify{}
	}
	return nil
}
