package model

import (
	"errors"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"
)

// Errors of the store; the Domain API turns them into the documented JSON.
var (
	ErrNotFound        = errors.New("not found")
	ErrDuplicate       = errors.New("duplicate of a unique value")
	ErrVersionConflict = errors.New("the object was changed by someone else")
	ErrReferenced      = errors.New("still referenced")
)

// Store is the database of one instance. All methods are safe for concurrent use and copy what they return.
type Store struct {
	now func() time.Time

	mu   sync.Mutex
	apps map[string]TrustedApplication
	// byURI are the ids of apps by their client ids, so that a large database answers as soon as a small one.
	byURI map[string]string
	users map[string]User
	// referenced holds ids of applications that something else refers to: deleting them is refused.
	referenced map[string]bool
	// undo is what takes the changes of a transaction back, in their order; nil outside of one.
	undo *[]func()
}

// NewStore makes an empty store that takes the time from now.
func NewStore(now func() time.Time) *Store {
	return &Store{now: now, apps: map[string]TrustedApplication{}, byURI: map[string]string{}, users: map[string]User{}, referenced: map[string]bool{}}
}

// Applications lists all applications, ordered by id.
func (s *Store) Applications() []TrustedApplication {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]TrustedApplication, 0, len(s.apps))
	for _, id := range slices.Sorted(maps.Keys(s.apps)) { // sorting the ids is cheaper than moving whole records
		out = append(out, s.apps[id])
	}
	return out
}

// Application finds an application by its id.
func (s *Store) Application(id string) (TrustedApplication, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.apps[id]
	return a, ok
}

// ApplicationByURI finds an application by its client id, compared byte for byte.
func (s *Store) ApplicationByURI(uri string) (TrustedApplication, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.apps[s.byURI[uri]]
	return a, ok
}

// keep stores an application, which replaces the one with its id.
func (s *Store) keep(a TrustedApplication) {
	s.drop(a.ID)
	s.apps[a.ID], s.byURI[a.ApplicationURI] = a, a.ID
	s.onUndo(func() { s.drop(a.ID) })
}

// drop removes an application, if there is one.
func (s *Store) drop(id string) {
	former, ok := s.apps[id]
	if !ok {
		return
	}
	delete(s.apps, id)
	delete(s.byURI, former.ApplicationURI)
	s.onUndo(func() { s.apps[id], s.byURI[former.ApplicationURI] = former, id })
}

func (s *Store) onUndo(f func()) {
	if s.undo != nil {
		*s.undo = append(*s.undo, f)
	}
}

// CreateApplication stores a new application: it draws the id where none is given, sets the creation time and
// version 1. It fails with ErrDuplicate where the ApplicationURI is taken.
func (s *Store) CreateApplication(a TrustedApplication) (TrustedApplication, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.byURI[a.ApplicationURI]; taken {
		return TrustedApplication{}, ErrDuplicate
	}
	if _, taken := s.apps[a.ID]; taken {
		return TrustedApplication{}, ErrDuplicate
	}
	if a.ID == "" {
		a.ID = NewID()
	}
	a.CreationTimeUTC, a.AggregateLastUpdateTimeUTC, a.ObjectVersion = s.now().UTC(), s.now().UTC(), 1
	s.keep(a)
	return a, nil
}

// UpdateApplication applies change to the stored application and raises its version. Where version is not nil it
// must be the stored one, else ErrVersionConflict. An error of change leaves everything as it was.
func (s *Store) UpdateApplication(id string, version *int32, change func(*TrustedApplication) error) (TrustedApplication, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.apps[id]
	if !ok {
		return TrustedApplication{}, ErrNotFound
	}
	if version != nil && *version != a.ObjectVersion {
		return TrustedApplication{}, ErrVersionConflict
	}
	next := a
	if err := change(&next); err != nil {
		return TrustedApplication{}, err
	}
	if other, taken := s.byURI[next.ApplicationURI]; taken && other != id {
		return TrustedApplication{}, ErrDuplicate
	}
	next.ID, next.CreationTimeUTC = a.ID, a.CreationTimeUTC
	next.ObjectVersion, next.AggregateLastUpdateTimeUTC = a.ObjectVersion+1, s.now().UTC()
	s.keep(next)
	return next, nil
}

// DeleteApplication removes an application, unless it is marked as referenced.
func (s *Store) DeleteApplication(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.apps[id]; !ok {
		return ErrNotFound
	}
	if s.referenced[id] {
		return ErrReferenced
	}
	s.drop(id)
	return nil
}

// SetReferenced says whether something else refers to the application, so that deleting it is refused.
func (s *Store) SetReferenced(id string, referenced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.referenced[id] = referenced
}

// Users lists all users, ordered by id.
func (s *Store) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]User, 0, len(s.users))
	for _, u := range s.users {
		out = append(out, u)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// User finds a user by id.
func (s *Store) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[id]
	return u, ok
}

// UserByLogin finds a user by login, compared byte for byte.
func (s *Store) UserByLogin(login string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.users {
		if u.Login == login {
			return u, true
		}
	}
	return User{}, false
}

// PutUser stores a user under its id (drawn where empty), replacing what was there.
func (s *Store) PutUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.ID == "" {
		u.ID = NewID()
	}
	s.users[u.ID] = u
	return u
}
