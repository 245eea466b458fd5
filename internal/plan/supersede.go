package plan

// supersede makes the server refuse what a replaced leader may still send. The ledger says that something else was staged: a request for it may
// be on its way, locked by the version that the server has now. Where the server holds already what is wanted, because that edit was taken back,
// telling it so would change nothing, not even the version, and the late request would win after the run is done. Anything that changes for
// certain makes it too late. It comes before the staging, so that a crash cannot skip it: what it changed is there to be seen.
func supersede(d Desired, o Observed) Step {
	switch {
	case o.Superseded, o.Applied, o.Server == nil, o.Server.Version == "", o.Ledger.Target == d.Target, len(d.Want.Diff(o.Server.Registration)) > 0:
		return nil
	}
	return Supersede{}
}
