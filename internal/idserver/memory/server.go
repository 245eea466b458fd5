// Package memory is an identity server that lives in memory. It is for the exhaustive explorer, which tries every
// crash and every lost answer over the real plan and executor and therefore needs a server that is deterministic, that can be
// forked at any moment and whose state can be compared. It is never part of the operator: its secrets are counters.
//
// It has no faults of its own: the explorer puts them around its calls.
package memory

import (
	"fmt"
	"slices"
	"sync"

	"trustedapps.dev/operator/internal/idserver"
)

// Server implements idserver.Server. Make one with NewClientChosen or NewServerIssued.
type Server struct {
	capabilities idserver.Capabilities

	mu    sync.Mutex
	drawn int      // how many values the server drew so far
	held  []Stored // in the order of their creation
	write int
}

// Stored is a registration as the server holds it, with what it never tells.
type Stored struct {
	// Handle is the server's own id of the registration.
	Handle string
	// ClientID is the OAuth 2.0 client_id.
	ClientID string
	// Owner is whose registration it is. A server with server-issued ids has no place for a mark: there it is kept for
	// inspection only and not told.
	Owner idserver.Mark
	// ForeignOwner describes a mark that somebody else put on it.
	ForeignOwner string
	// Registration is what is registered.
	Registration idserver.Registration
	// Secret is the client secret; empty where there is none. Former are others that are valid as well.
	Secret idserver.Secret
	Former []idserver.Secret
	// Control is the one registration access token that is valid; empty where the server has none.
	Control idserver.Secret
	// Notes stand for everything that the operator does not manage.
	Notes string
	// Referenced makes the server refuse to delete it, because something there refers to it.
	Referenced bool
	// version rises with each change, for optimistic locking.
	version int
}

// NewClientChosen makes a server with the capabilities of ERP.net: the caller chooses client id and secret, one secret is valid
// at a time, registrations carry a mark and can be looked up and listed, and updates are locked by a version.
func NewClientChosen() *Server {
	return &Server{capabilities: idserver.Capabilities{
		ChosenID: true, SecretOrigin: idserver.ClientChosen, SecretSlots: 1, Lookup: true, MaxInFlight: 1,
		SystemUsers: true, UserGroups: true, ReferenceTokens: true,
	}}
}

// AdminUser is the login of the one administrator of a server with system users.
const AdminUser = "svc.admin"

// NewOverlapping makes a server as NewClientChosen does, where a former secret may go on to be valid beside the present one.
func NewOverlapping() *Server {
	s := NewClientChosen()
	s.capabilities.SecretSlots = 2
	return s
}

// NewServerIssued makes a server of RFC 7591 and RFC 7592 at its most inconvenient: it draws client id and secret, tells a secret
// once, finds nothing without a handle, and every answer, also that of a read, replaces the registration access token.
func NewServerIssued() *Server {
	return &Server{capabilities: idserver.Capabilities{
		SecretOrigin: idserver.ServerIssued, SecretSlots: 1, RepliesRotate: true,
	}}
}

// Clone forks the server: what happens to one does not happen to the other.
func (s *Server) Clone() *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Server{capabilities: s.capabilities, drawn: s.drawn, held: slices.Clone(s.held), write: s.write}
}

// Registrations are all registrations, in the order of their creation.
func (s *Server) Registrations() []Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Stored, 0, len(s.held))
	for _, r := range s.held {
		all = append(all, r.copy())
	}
	return all
}

// Writes counts the creations, updates and deletions that the server was sent; edits by hand are not among them.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write
}

// Authenticate says whether a confidential client could get a token with this secret now, or with a key of this public half.
func (s *Server) Authenticate(clientID string, secret idserver.Secret) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.byClientID(clientID)
	return i >= 0 && s.held[i].accepts(secret)
}

// EditByHand lets a person at the server change the registration with this client id; false where there is none.
func (s *Server) EditByHand(clientID string, edit func(*Stored)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.byClientID(clientID)
	if i < 0 {
		return false
	}
	edited := s.held[i].copy()
	edit(&edited)
	edited.Registration = edited.Registration.Normalize()
	edited.version++
	s.held[i] = edited
	return true
}

// AddByHand lets a person at the server register something, whatever mark and secret it has. An empty Handle is drawn.
func (s *Server) AddByHand(added Stored) Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	if added.Handle == "" {
		added.Handle = s.draw("handle")
	}
	added = added.copy()
	s.held = append(s.held, added)
	return added.copy()
}

// RemoveByHand lets a person at the server delete the registration with this client id; false where there is none.
func (s *Server) RemoveByHand(clientID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.byClientID(clientID)
	if i < 0 {
		return false
	}
	s.held = slices.Delete(s.held, i, i+1)
	return true
}

// copy returns r with slices of its own, so that a caller cannot reach into the server or one of its clones.
func (r Stored) copy() Stored {
	r.Registration, r.Former = r.Registration.Normalize(), slices.Clone(r.Former)
	return r
}

func (r Stored) accepts(secret idserver.Secret) bool {
	if r.Registration.PrivateKey {
		return r.Registration.Enabled && slices.Contains(r.Registration.Keys, secret.Reveal())
	}
	return r.Registration.Enabled && !r.Registration.Public && secret != "" && (r.Secret == secret || slices.Contains(r.Former, secret))
}

func (s *Server) byClientID(clientID string) int {
	return slices.IndexFunc(s.held, func(r Stored) bool { return r.ClientID == clientID })
}

func (s *Server) byHandle(handle string) int {
	return slices.IndexFunc(s.held, func(r Stored) bool { return r.Handle == handle })
}

// draw makes a value that no other draw of this server or of its ancestors made. See Canonical for its form.
func (s *Server) draw(kind string) string {
	s.drawn++
	return fmt.Sprintf("drawn-%s-%d", kind, s.drawn)
}
