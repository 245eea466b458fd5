package explorer

// fault is what can happen to one call.
type fault string

const (
	none fault = ""
	// crashBefore and crashAfter end the operator around the effect; all that it knew is lost.
	crashBefore fault = "crash before it"
	crashAfter  fault = "crash after it"
	// answerLost: the effect happened, and the operator cannot know.
	answerLost fault = "its answer is lost"
	// conflict: the apiserver refuses the write.
	conflict fault = "conflict"
	// The server answers, and certainly did nothing.
	unavailable  fault = "server unavailable"
	unauthorized fault = "operator's login refused"
	rejected     fault = "server rejects the input"
	referenced   fault = "server refuses the deletion: something refers to it"
	// unknownUndone: nothing happened, and the operator cannot know.
	unknownUndone fault = "the request is lost"
)

// callKind says what can happen to a call.
type callKind int

const (
	// read is a question to the apiserver. It has no faults of its own: a failed read is a crash after the effect before it.
	read callKind = iota
	kubeWrite
	serverRead
	serverWrite
	serverDelete
)

// faults by the kind of the call.
var faults = map[callKind][]fault{
	kubeWrite:    {crashBefore, crashAfter, answerLost, conflict},
	serverRead:   {crashBefore, unavailable, unauthorized},
	serverWrite:  {crashBefore, crashAfter, answerLost, unknownUndone, unavailable, rejected},
	serverDelete: {crashBefore, crashAfter, answerLost, unknownUndone, unavailable, referenced},
}

// point is one call of a run, at which the script can strike.
type point struct {
	kind callKind
	op   string
	// enabled are the actions that were possible just before it, a bit for each index in within.
	enabled uint64
}

// perturbation strikes at one call of a run: either a fault of the call or an action just before it.
type perturbation struct {
	at     int
	fault  fault
	action *action
}

// script is what strikes in one run, in order.
type script []perturbation

// cost of a script in faults and actions.
func (sc script) cost() (faults, actions int) {
	for _, p := range sc {
		if p.fault != none {
			faults++
		} else {
			actions += p.action.cost
		}
	}
	return faults, actions
}
