// Package idserver is the boundary to identity servers: what the operator wants of one, whatever its protocol. It knows
// servers and never Kubernetes.
package idserver

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Server manages registrations at one identity server. All methods are safe for concurrent use. Every error is, or wraps,
// exactly one of the errors of this package.
type Server interface {
	// Capabilities say what the server can do. They change only where a probe finds that it is another version.
	Capabilities() Capabilities
	// Find looks a registration up: by key where Capabilities.Lookup, else by the handle in have. It returns the registration
	// whoever owns it. ErrNotFound is a proof of absence, never a guess.
	Find(ctx context.Context, key Key, have Credential) (Reply, error)
	// Create registers a new client. With Capabilities.ChosenID the id in key is the client id and a second Create is
	// ErrRejected with the reason ReasonTaken; without it any doubt about the outcome is ErrOutcomeUnknown.
	Create(ctx context.Context, key Key, want Registration, secret Secret) (Reply, error)
	// Update changes the registration that have describes into want. A secret that is not empty takes the place of all others where
	// Capabilities.SecretOrigin is ClientChosen; with more than one of Capabilities.SecretSlots, that of have, where it has one, goes on to
	// work beside it. Repeating it changes nothing further. Fields that the operator does not manage
	// keep their values. Where have has a Version and the registration was changed since, by whomever, the answer is ErrRejected
	// with the reason ReasonConflict, and nothing was changed: only the caller knows whether it still speaks for the application.
	// It starts again from a fresh look-up.
	Update(ctx context.Context, have Reply, want Registration, secret Secret) (Reply, error)
	// Claim puts the mark of an owner on a registration, whosever it was before, where Capabilities.Lookup. Nothing else changes; repeating it
	// changes nothing further. Where have has a Version and the registration was changed since, the answer is as that of Update.
	Claim(ctx context.Context, have Reply, owner Mark) (Reply, error)
	// Delete removes the registration of the credential. nil means that it is certainly gone, also if it was before.
	Delete(ctx context.Context, have Credential) error
	// List yields all registrations that carry the mark of the cluster, page by page, where Capabilities.Lookup.
	List(ctx context.Context, cluster string) iter.Seq2[Reply, error]
	// Verify proves a credential by a token request, which opens no session. An error means that nothing was found out.
	Verify(ctx context.Context, cred Credential, want Registration) (Verdict, error)
}

// SecretOrigin says who chooses client secrets.
type SecretOrigin int

const (
	// ClientChosen secrets are drawn by the operator: every write can be repeated with the same value.
	ClientChosen SecretOrigin = iota
	// ServerIssued secrets are told once, in the answer to a creation.
	ServerIssued
)

// Capabilities of a server, as probed.
type Capabilities struct {
	// ChosenID: the caller picks the client_id.
	ChosenID bool
	// SecretOrigin says who chooses secrets.
	SecretOrigin SecretOrigin
	// SecretSlots is the number of secrets of one registration that are valid at once; 1 is a hard cut-over.
	SecretSlots int
	// Lookup: Find and List work without a handle.
	Lookup bool
	// RepliesRotate: any answer may replace the secret or the registration access token; it has to be saved before anything else.
	RepliesRotate bool
	// MaxInFlight is the number of requests that the server takes at the same time; 0 is no limit.
	MaxInFlight int
	// Batch is how many calls may go as one request; 0 or 1: each is one of its own.
	Batch int
	// SystemUsers: a service acts as a user of the server, who has to be named.
	SystemUsers bool
	// UserGroups: a registration says which groups of users may sign in.
	UserGroups bool
	// ReferenceTokens: a registration has a policy for opaque tokens.
	ReferenceTokens bool
}

// Reduce returns the registration without what the server has no place for, normalized.
func (c Capabilities) Reduce(r Registration) Registration {
	if !c.SystemUsers {
		r.SystemUser, r.AdminUser = "", false
	}
	if !c.UserGroups {
		r.InternalUsers, r.CommunityUsers = false, false
	}
	if !c.ReferenceTokens {
		r.ReferenceTokens = ReferenceTokensNone
	}
	return r.Normalize()
}

// Key says which registration is meant, and whose it is.
type Key struct {
	// ClientID is the wished client_id (ERP.net: the ApplicationUri).
	ClientID string
	// Owner is the mark that the registration carries.
	Owner Mark
}

// Mark says which object of which cluster a registration belongs to. The zero Mark is an unmarked registration.
type Mark struct {
	// Cluster is the UID of the cluster's kube-system namespace.
	Cluster string
	// Namespace, Name and UID are those of the TrustedApplication.
	Namespace, Name, UID string
}

// String renders the mark without the cluster: namespace/name/uid.
func (m Mark) String() string {
	if m == (Mark{}) {
		return ""
	}
	return m.Namespace + "/" + m.Name + "/" + m.UID
}

// ParseMark reads what String wrote. ok is false where s is not of that form.
func ParseMark(cluster, s string) (m Mark, ok bool) {
	parts := strings.Split(s, "/")
	if cluster == "" || len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return Mark{}, false
	}
	return Mark{Cluster: cluster, Namespace: parts[0], Name: parts[1], UID: parts[2]}, true
}

// Credential is how a client, and the operator on its behalf, is known to the server.
type Credential struct {
	// Handle is the server's own id of the registration: a GUID on ERP.net, the client configuration URI of RFC 7592.
	Handle string
	// ClientID is the OAuth 2.0 client_id.
	ClientID string
	// Secret is the client_secret; empty for a public client, and for one that has a key.
	Secret Secret
	// Key is the private key, as DrawKey drew it, of a client that signs assertions (RFC 7523) instead of sending a secret, and PublicKey its
	// other half.
	Key       Secret
	PublicKey string
	// Control is the registration access token of RFC 7592, where the server issued one.
	Control Secret
	// ExpiresAt is when the server ends the secret; zero: never.
	ExpiresAt time.Time
}

// Proof is what proves the client at the token endpoint: its key or its secret; empty for a public client.
func (c Credential) Proof() Secret {
	if c.Key != "" {
		return c.Key
	}
	return c.Secret
}

// Reply is a registration as the server holds it.
type Reply struct {
	// Credential holds what the answer brought: the handle and client id always, a secret or control token only where told.
	Credential Credential
	// Registration is what the server registered, which may differ from what was asked for.
	Registration Registration
	// Owner is the mark it carries; zero where it carries none, or a foreign one.
	Owner Mark
	// ForeignOwner describes a mark that is not of this operator's form; empty otherwise.
	ForeignOwner string
	// HasSecret says whether the server holds a secret for it.
	HasSecret bool
	// Version is for optimistic locking, where the server has it: see Update. Empty otherwise, and where a write did not tell it.
	Version string
	// Warnings are accepted risks of the registration, each with what to do; made by the backend, never by the server.
	Warnings []string
	// Raw is for the backend that made the Reply, and nobody else.
	Raw any
}

// Verdict is the outcome of a verification.
type Verdict struct {
	// OK: the server accepted the credential.
	OK bool
	// Code is the error code of the server (RFC 6749 section 5.2) where it did not.
	Code string
	// Hint says what to look at; may be empty. It never holds text of the server.
	Hint string
}

// String says what the verdict is.
func (v Verdict) String() string {
	if v.OK {
		return "accepted"
	}
	if v.Hint != "" {
		return fmt.Sprintf("refused with %s: %s", v.Code, v.Hint)
	}
	return "refused with " + v.Code
}
