package hydra

// Paged lets tests see pages.
func Paged(s *Server, size int) *Server {
	s.pageSize = size
	return s
}
