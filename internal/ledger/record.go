// Package ledger is what the operator must never forget about one application: the credentials it staged, published and
// retired, and a creation whose answer it waits for.
package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// MaxOrphans is the greatest number of creations with an unknown outcome that the operator risks for one application.
const MaxOrphans = 3

// Record is the ledger of one application. Its zero value is the ledger of an application that was never registered.
type Record struct {
	// Intent is the creation that was begun and not yet answered; servers with server-issued secrets only.
	Intent *Intent
	// Orphans are the names of registrations that a lost answer may have left behind, at most MaxOrphans.
	Orphans []string
	// Altered are the names of what the server registered otherwise than it was told, sorted.
	Altered []string
	// Current is the credential in use, Next the one on its way, Old the one to delete. At the first registration only Next is
	// set, and stays there until a later credential retires it: that saves a write, because the published objects prove how far
	// it came (see Committed).
	Current, Next, Old *Credential
	// Target is the hash of the registration that the server is being told, written before the server is told. What was
	// published with it (see Revision) proves that the server accepted it.
	Target string
	// Staged counts how often Target was set. It makes every staging a revision of its own: without it, what an earlier staging of the
	// same target published would prove a target that the server was told something else since (S0 -> S1 -> S0).
	Staged int
	// RotatedAt is when the newest credential was staged.
	RotatedAt time.Time
	// Announced is the next credential, published beside the one in use before the server is told it, and AnnouncedAt is since when it is
	// there to be read; zero as long as it is not.
	Announced   *Credential
	AnnouncedAt time.Time
	// RetiredAt is when Old was replaced: it works until its grace period is over.
	RetiredAt time.Time
	// Parked: the server refuses Old. It is the registration whose turn is next, and its secret is forgotten.
	Parked bool
	// Exposed is the ID of the credential in use that was revoked, until nothing of it is left: neither it nor what it replaced gets a grace
	// period, and it has to be replaced also where its successor was lost. "" where there is none.
	Exposed string
	// Overlaps: the server keeps the secret of Current beside that of Next, which has the same client id.
	Overlaps bool
	// RestartDue: the workloads that the spec names have not been restarted since the current credential was published.
	RestartDue bool
	// Former is the UID of the TrustedApplication whose ledger this one was begun with, after a restore, until that ledger is deleted.
	Former string
	// Handled are the requests that the newest credential, or the announced one, answers.
	Handled Requests
}

// Requests are what people asked for, by values of their own: each value once.
type Requests struct {
	// Rotate asks for a rotation, Revoke for one that ends the former secret at once.
	Rotate, Revoke string
}

// Intent is a creation that was begun.
type Intent struct {
	// Name is what an administrator would look for at the server.
	Name string
	// Target is the hash of the registration to create.
	Target string
}

// Credential is a credential with a name of its own, so that it can be spoken of without its value.
type Credential struct {
	// ID names it; random, not secret.
	ID string
	idserver.Credential
}

// NewID draws the ID of a credential.
func NewID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

// Newest is the credential that the ledger drives to: Next where there is one, else Current; nil where there is none.
func (r Record) Newest() *Credential {
	if r.Next != nil {
		return r.Next
	}
	return r.Current
}

// Revision names what is to be published: the newest credential, the target and its staging; "" where there is nothing to publish.
func (r Record) Revision() string {
	newest := r.Newest()
	if newest == nil {
		return ""
	}
	return newest.ID + "." + r.Target + "." + strconv.Itoa(r.Staged)
}

// ParseRevision reads the ID and the count of stagings out of a Revision. ok is false for what Revision never wrote.
func ParseRevision(revision string) (id string, staged int, ok bool) {
	id, rest, _ := strings.Cut(revision, ".")
	target, count, _ := strings.Cut(rest, ".")
	staged, err := strconv.Atoi(count)
	if id == "" || len(id) > maxIDLength || target == "" || err != nil || staged < 1 || staged > maxStaged {
		return "", 0, false
	}
	return id, staged, true
}

// What a revision can hold: everybody who may write the published object can write another.
const (
	maxIDLength = 40
	maxStaged   = 1 << 40
)

// Credentials are all credentials in the ledger that the server may know, newest first.
func (r Record) Credentials() []Credential {
	var all []Credential
	for _, c := range []*Credential{r.Next, r.Current, r.Old} {
		if c != nil {
			all = append(all, *c)
		}
	}
	return all
}

// Keys are the public keys of the registration of the newest credential: its own, and those of credentials that clients may still use there;
// nil where it has none. After an exposure only the newest is good.
func (r Record) Keys() []string {
	newest := r.Newest()
	if newest == nil || newest.Key == "" {
		return nil
	}
	keys := []string{newest.PublicKey}
	for _, c := range r.Credentials() {
		if r.Exposed == "" && c.Key != "" && c.ClientID == newest.ClientID && c.ID != newest.ID {
			keys = append(keys, c.PublicKey)
		}
	}
	return keys
}

// Kept is the secret that clients may still use at the registration of the newest credential, beside its own; "" where there is none. After
// an exposure only the newest is good.
func (r Record) Kept() idserver.Secret {
	newest := r.Newest()
	switch {
	case newest == nil || newest.Secret == "" || r.Exposed != "":
		return ""
	case r.Overlaps && r.Next != nil && r.Current != nil:
		return r.Current.Secret
	case r.Shared():
		return r.Old.Secret
	}
	return ""
}

// Shared says whether Old is a secret or key of the registration that is in use, and no registration of its own.
func (r Record) Shared() bool {
	newest := r.Newest()
	return r.Old != nil && newest != nil && r.Old.Proof() != "" && sameKind(*r.Old, *newest) && r.Old.ClientID == newest.ClientID
}

// sameKind says whether both are secrets, or both are keys.
func sameKind(a, b Credential) bool {
	return (a.Key != "") == (b.Key != "") && (a.Secret != "") == (b.Secret != "")
}

// Empty says whether nothing at the server can stem from this ledger.
func (r Record) Empty() bool {
	return r.Intent == nil && len(r.Orphans) == 0 && r.Newest() == nil && r.Old == nil
}
