package idserver

import (
	"errors"
	"fmt"
	"time"
)

// The classes of errors. Every error of a Server is, or wraps, exactly one of them.
var (
	// ErrUnavailable: the call certainly had no effect, and may work later.
	ErrUnavailable = errors.New("unavailable")
	// ErrRejected: the server refuses this input for good; trying again without a change is useless.
	ErrRejected = errors.New("rejected")
	// ErrUnauthorized: the operator's own login was refused, or lacks rights.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrControlLost: the registration access token was refused; the registration cannot be managed any more.
	ErrControlLost = errors.New("control lost")
	// ErrOutcomeUnknown: the call may have had its effect. Treated exactly like a crash.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrNotFound: the registration certainly does not exist.
	ErrNotFound = errors.New("not found")
)

// Reasons of an ErrRejected that the plan knows.
const (
	// ReasonTaken: the client id is registered already.
	ReasonTaken = "Taken"
	// ReasonReferenced: the registration cannot be deleted because something refers to it.
	ReasonReferenced = "Referenced"
	// ReasonInvalid: the server or one of its rules refuses a value.
	ReasonInvalid = "Invalid"
	// ReasonAdministrator: the system user is an administrator of the server, see Registration.AdminUser.
	ReasonAdministrator = "Administrator"
	// ReasonConflict: somebody else changed the registration meanwhile.
	ReasonConflict = "Conflict"
	// ReasonUnmanaged: the server registers clients, and has no way to change or delete them.
	ReasonUnmanaged = "Unmanaged"
)

// Error is a classified error with what may be shown to people. It never holds a server's body.
type Error struct {
	// Class is one of the errors of this package.
	Class error
	// Op is what was tried, a gerund: "creating the registration".
	Op string
	// Reason is a short state for programs, such as ReasonTaken; may be empty.
	Reason string
	// Message tells people what is wrong and what to do; made by the operator, never by the server; may be empty.
	Message string
	// HTTPStatus and ServerCode are what the server answered; 0 and "" where it did not.
	HTTPStatus int
	ServerCode string
	// RequestID is what the server calls the request, where it says so.
	RequestID string
	// RetryAfter is how long the server asks to wait; 0 where it does not.
	RetryAfter time.Duration
	// Cause may hold a transport error.
	Cause error
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Op + ": " + e.Class.Error()
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.HTTPStatus != 0 {
		s += fmt.Sprintf(" (HTTP %d", e.HTTPStatus)
		if e.ServerCode != "" {
			s += ", code " + e.ServerCode
		}
		if e.RequestID != "" {
			s += ", request " + e.RequestID
		}
		s += ")"
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap makes errors.Is find the class and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause != nil {
		return []error{e.Class, e.Cause}
	}
	return []error{e.Class}
}

// ReasonOf returns the reason of an Error, "" for any other error.
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

// IsNotFound says whether an error proves that a registration does not exist.
func IsNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
