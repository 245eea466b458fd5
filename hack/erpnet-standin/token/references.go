package token

import (
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
)

// ReferencePrefix starts every reference token.
const ReferencePrefix = "enrt_"

// Reference is a seeded personal or service access token. The Domain API documents no way to issue one.
type Reference struct {
	Token    string   `json:"token"`    // ReferencePrefix and 64 upper-case hex digits
	ClientID string   `json:"clientId"` // the trusted application that it was issued for
	Login    string   `json:"login"`    // the user that it acts as
	Scopes   []string `json:"scopes"`
}

// References are the reference tokens of an instance. It keeps digests only and is safe for concurrent use.
type References struct {
	mu     sync.RWMutex
	tokens map[[sha256.Size]byte]Reference
}

// NewReferences makes an empty collection.
func NewReferences() *References {
	return &References{tokens: map[[sha256.Size]byte]Reference{}}
}

// Add seeds a token.
func (r *References) Add(ref Reference) error {
	if !strings.HasPrefix(ref.Token, ReferencePrefix) {
		return errors.New("a reference token starts with " + ReferencePrefix)
	}
	digest := sha256.Sum256([]byte(ref.Token))
	ref.Token = ""
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens[digest] = ref
	return nil
}

// Find looks a token up; the Token of the answer is empty.
func (r *References) Find(value string) (Reference, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	ref, ok := r.tokens[sha256.Sum256([]byte(value))]
	return ref, ok
}
