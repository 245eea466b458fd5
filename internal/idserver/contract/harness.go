// Package contract is the one specification that every backend passes: what an idserver.Server promises to the plan and the
// executor, tried from the outside.
package contract

import (
	"testing"

	"trustedapps.dev/operator/internal/idserver"
)

// Harness is one server without registrations of its own, seen from both sides: through the backend under test, and behind its
// back. A function that is nil is something this server cannot do; the specs that need it are listed in the output and left out.
type Harness struct {
	// Server is the backend under test, ready to be used.
	Server idserver.Server
	// Prefix is what client ids begin with.
	Prefix string
	// SystemUsers are two logins that services may act as, where Capabilities.SystemUsers.
	SystemUsers [2]string
	// AdminUser is the login of an administrator of the server; empty where there is none that services may act as.
	AdminUser string
	// DefaultScopes says that the server puts scopes of its own in the place of none.
	DefaultScopes bool
	// Replaces says that an update sets everything, also what the operator does not manage.
	Replaces bool
	// Stateless says that there is no login of the backend's own that could be renewed.
	Stateless bool
	// PageSize is how many registrations List fetches with one request; 0 where List is not paged.
	PageSize int
	// Locking says that what is looked up has a Version, by which updates are locked.
	Locking bool
	// SecretUnreadable says that the server does not tell whether the stored secret is the given one: an Update with a secret
	// is then a write each time.
	SecretUnreadable bool

	// Break makes calls fail as f says until heal is called or f.Count requests failed.
	Break func(t *testing.T, f Fault) (heal func())
	// Kinds are the faults that Break can do.
	Kinds []FaultKind
	// Requests counts what reached the server since the harness was made.
	Requests func(t *testing.T) Requests

	// Authenticate tries the credential without the backend under test: true where the server accepts it. service says which
	// flow to try: Client Credentials, else the Authorization Code flow's client authentication.
	Authenticate func(t *testing.T, clientID string, secret idserver.Secret, service bool) bool
	// KeyAlgorithm is that of idserver.Info, and AuthenticateKey is as Authenticate, for a client that signs assertions; empty where there is none.
	KeyAlgorithm    string
	AuthenticateKey func(t *testing.T, cred idserver.Credential, service bool) bool
	// Look reads a registration behind the backend's back; ok is false where there is none.
	Look func(t *testing.T, clientID string) (seen Seen, ok bool)
	// Edit changes a registration as an administrator would, by hand.
	Edit func(t *testing.T, clientID string, change Edit)
	// Remove deletes a registration by hand.
	Remove func(t *testing.T, clientID string)
	// Plant registers a client by hand: without a mark, or with the mark of another system where foreign.
	Plant func(t *testing.T, clientID string, foreign bool)
	// Refer makes the server refuse (or no longer refuse) to delete the registration.
	Refer func(t *testing.T, clientID string, referred bool)
}

// Seen is a registration as somebody else sees it.
type Seen struct {
	DisplayName string
	Enabled     bool
	Public      bool
	HasSecret   bool
	// Unmanaged is the value of a field that the operator does not manage (ERP.net: SystemUserLoginUrl).
	Unmanaged string
}

// Edit is a change made by hand; nil fields stay.
type Edit struct {
	DisplayName *string
	Enabled     *bool
	Unmanaged   *string
	Keys        *[]string
}

// Requests are numbers of requests that reached the server.
type Requests struct {
	// Reads and Writes manage registrations, Tokens are token requests (the backend's own login included).
	Reads, Writes, Tokens int
	// MaxInFlight is the greatest number of managing requests at the same time.
	MaxInFlight int
}

// Target says which requests a Fault is for.
type Target int

// The targets of faults.
const (
	// Reads are the requests that look registrations up, one or many.
	Reads Target = iota
	// Writes are the requests that create, update and delete registrations.
	Writes
	// Tokens are token requests.
	Tokens
)

// Fault is a way to fail.
type Fault struct {
	On   Target
	Kind FaultKind
	// Count is the number of requests that fail; 0: all until healed.
	Count int
}

// FaultKind names a way to fail.
type FaultKind string

// The kinds of faults. Only AnswerLost and Truncated let a write have its effect.
const (
	// Unreachable: nothing reaches the server; the client knows it (connection refused).
	Unreachable FaultKind = "unreachable"
	// CutBefore: the connection is cut after the request was sent, before it had an effect; the client cannot know.
	CutBefore FaultKind = "cut before the effect"
	// AnswerLost: the request has its effect, then the connection is cut.
	AnswerLost FaultKind = "answer lost"
	// Hang: the server takes the request and never answers.
	Hang FaultKind = "no answer"
	// Status401 to Status503 answer with that status and no effect.
	Status401 FaultKind = "HTTP 401"
	Status403 FaultKind = "HTTP 403"
	Status404 FaultKind = "HTTP 404"
	Status429 FaultKind = "HTTP 429"
	Status500 FaultKind = "HTTP 500"
	Status503 FaultKind = "HTTP 503"
	// Truncated: the real answer, cut in the middle.
	Truncated FaultKind = "truncated JSON"
	// HTML: a page with status 200, as of a captive portal.
	HTML FaultKind = "HTML with status 200"
	// OtherJSON: JSON with status 200 that is no answer to the question.
	OtherJSON FaultKind = "other JSON with status 200"
	// Huge: a well-formed answer of a hundred megabytes.
	Huge FaultKind = "huge answer"
	// Endless: an answer that never ends.
	Endless FaultKind = "endless answer"
	// Nested: JSON nested a million deep.
	Nested FaultKind = "deeply nested JSON"
	// Redirected: a redirect to another host.
	Redirected FaultKind = "redirect to another host"
)
