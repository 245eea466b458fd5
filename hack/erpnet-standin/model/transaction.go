package model

import "maps"

// Transaction runs f on a private copy of the store and takes the copy over where f returns nil: all of f's changes
// happen together or none does, and nobody sees them half-done. f must use only the store it is given; every other
// user of the store waits until f returns.
func (s *Store) Transaction(f func(tx *Store) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &Store{now: s.now, apps: maps.Clone(s.apps), users: maps.Clone(s.users), referenced: maps.Clone(s.referenced)}
	if err := f(tx); err != nil {
		return err
	}
	s.apps, s.users, s.referenced = tx.apps, tx.users, tx.referenced
	return nil
}
