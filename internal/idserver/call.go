package idserver

import "time"

// Call is one finished request to a server, for counting. It holds nothing that a server or an application chose.
type Call struct {
	// Operation is what the request was for, one of the constants.
	Operation Operation
	// Status is the HTTP status of the answer; 0 where there was no whole answer.
	Status int
	// Duration is the time from sending the request to the end of the answer, without the time in which the request waited for its turn.
	Duration time.Duration
}

// Operation is what a request is for, whatever the protocol.
type Operation string

// The operations.
const (
	OperationDiscover Operation = "discover"  // find out what the server is and can do
	OperationLogin    Operation = "login"     // the operator's own token
	OperationVerify   Operation = "verify"    // prove the credential of an application
	OperationFind     Operation = "find"      // look up one registration
	OperationFindUser Operation = "find-user" // look up a system user
	OperationList     Operation = "list"      // list the registrations of a cluster
	OperationCreate   Operation = "create"
	OperationUpdate   Operation = "update"
	OperationDelete   Operation = "delete"
	OperationBatch    Operation = "batch" // several of find, find-user, create, update and delete
)
