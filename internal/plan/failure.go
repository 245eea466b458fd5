package plan

import (
	"errors"
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

// Failure is the end of a run that an error of the server leads to: Fail where only a person can help, else Wait.
func Failure(err error) Step {
	message := err.Error()
	var after time.Duration
	if e, ok := errors.AsType[*idserver.Error](err); ok {
		after = e.RetryAfter
	}
	switch {
	case errors.Is(err, idserver.ErrRejected):
		switch idserver.ReasonOf(err) {
		case idserver.ReasonTaken, idserver.ReasonConflict: // somebody else was faster: look again
			return Wait{Reason: v1alpha1.ReasonProgressing, Message: message}
		case idserver.ReasonAdministrator:
			return Fail{Reason: v1alpha1.ReasonAccessDenied, Message: message}
		}
		return Fail{Reason: v1alpha1.ReasonInvalid, Message: message}
	case errors.Is(err, idserver.ErrControlLost):
		return Wait{Reason: v1alpha1.ReasonControlLost, Message: message +
			"; the operator cannot change or end this registration, and its credential still works: have it deleted at the server, this goes on then"}
	case errors.Is(err, idserver.ErrUnauthorized):
		return Wait{Reason: v1alpha1.ReasonUnauthorized, Message: message, After: after}
	case errors.Is(err, idserver.ErrOutcomeUnknown):
		return Wait{Reason: v1alpha1.ReasonOutcomeUnknown, Message: message, After: after}
	}
	return Wait{Reason: v1alpha1.ReasonServerUnavailable, Message: message, After: after}
}

// Refused is the end of a run in which the server refused the credential that is to be published.
func Refused(v idserver.Verdict) Step {
	return Wait{Reason: v1alpha1.ReasonVerificationFailed, Message: "the server took the registration, but the credential was " + v.String() +
		"; it was not published"}
}
