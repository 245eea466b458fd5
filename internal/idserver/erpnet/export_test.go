package erpnet

import (
	"context"

	"golang.org/x/time/rate"
)

// Unpaced lets tests go as fast as they can, with small pages: pacing has a test of its own.
func Unpaced(s *Server, pageSize int) *Server {
	s.limit.rate.SetLimit(rate.Inf)
	s.limit.thrift.SetLimit(rate.Inf)
	s.pageSize = pageSize
	return s
}

// AlwaysBatching makes single calls go as batches, too.
func AlwaysBatching(s *Server) *Server {
	s.alwaysBatch = true
	return s
}

// Hold takes the turn: what is called waits until it is released.
func Hold(ctx context.Context, s *Server) (release func(), err error) {
	return s.limit.enter(ctx)
}

// Waiting is how many calls wait for their turn.
func Waiting(s *Server) int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return len(s.queue.waiting)
}
