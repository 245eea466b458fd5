package model

import "slices"

// Transaction runs f on the store and takes all of its changes of applications back where f does not return nil: all of them happen together or
// none does, and nobody sees them half-done. f must use only the store it is given, which has no other changes; every other user of the store
// waits until f returns.
func (s *Store) Transaction(f func(tx *Store) error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var undo []func()
	tx := &Store{now: s.now, apps: s.apps, byURI: s.byURI, users: s.users, referenced: s.referenced, undo: &undo}
	done := false
	defer func() { // also where f panics
		if done {
			if s.undo != nil { // within another transaction, which may still fail
				*s.undo = append(*s.undo, undo...)
			}
			return
		}
		tx.undo = nil // what is taken back is not to be
		for _, back := range slices.Backward(undo) {
			back()
		}
	}()
	err = f(tx)
	done = err == nil
	return err
}
