package plan

import (
	"trustedapps.dev/operator/api/v1alpha1"
)

// The rules that publish credentials, and leave alone what is not ours.

func respectForeign(_ Desired, o Observed) Step {
	switch {
	case o.Output.Secret == Foreign:
		return Fail{Reason: v1alpha1.ReasonSecretConflict, Message: "a Secret of the wished name exists and was not written by this operator " +
			"for this application; it was neither read nor changed: " +
			"set spec.credentials.secretName to a free name, or delete that Secret"}
	case o.Output.ConfigMap == Foreign:
		return Fail{Reason: v1alpha1.ReasonConfigMapConflict, Message: "a ConfigMap of the wished name exists and was not written by this operator " +
			"for this application; it was not changed: " +
			"set spec.configMapName to a free name, or delete that ConfigMap"}
	}
	return nil
}

func renderable(_ Desired, o Observed) Step {
	if o.Output.TemplateProblem == "" {
		return nil
	}
	return Fail{Reason: v1alpha1.ReasonTemplateInvalid, Message: "spec.credentials.template: " + o.Output.TemplateProblem +
		"; the published Secret stays as it was, and nothing is rotated: correct the template"}
}

// sparing keeps a stop on an object of somebody else from costing one answer, which replaces the token that the next call needs, at each
// repetition. The kill switch is not held up.
func sparing(d Desired, o Observed) Step {
	if d.Capabilities.RepliesRotate && d.Want.Enabled {
		return respectForeign(d, o)
	}
	return nil
}

func publish(_ Desired, o Observed) Step {
	for _, s := range []ObjectState{o.Output.Secret, o.Output.ConfigMap} {
		if s == Missing || s == Differs {
			return Publish{}
		}
	}
	return nil
}

func unpublish(_ Desired, o Observed) Step {
	if o.Output.Stale {
		return Unpublish{}
	}
	return nil
}

func promote(d Desired, o Observed) Step {
	if d.serverIssued() && o.Ledger.Old != nil { // in its grace period
		return nil
	}
	if o.Ledger.Next != nil && o.Ledger.Current != nil {
		return Promote{}
	}
	return nil
}

func restart(d Desired, o Observed) Step {
	switch {
	case !d.Restart || !o.Ledger.RestartDue || o.Ledger.Newest() == nil:
		return nil
	case o.RestartTried != o.Ledger.Newest().ID:
		return Restart{}
	case len(o.RestartProblems) > 0: // it is tried again later, see Wake; the credential is in order
		return nil
	}
	return NoteRestarted{}
}
