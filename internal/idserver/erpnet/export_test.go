package erpnet

import "golang.org/x/time/rate"

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
