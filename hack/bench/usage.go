package main

import (
	"context"
	"strings"
	"time"

	"trustedapps.dev/operator/test/standin"
)

// still is for how long nothing may happen where the operator is said to have come to rest.
const still = 2 * time.Second

// usage is what the operator asked for so far.
type usage struct {
	cpu float64 // seconds of its process
	// kubeWrites are the durable writes, without events, Leases and questions.
	kubeWrites int
	// server is what an instance was asked for.
	server standin.Counts
}

// usage of the operator, if it runs, and of the server that most is measured at.
func (s *stage) usage(ctx context.Context) (u usage, err error) {
	if s.operator != nil {
		if u.cpu, err = s.cpu(); err != nil {
			return u, err
		}
	}
	if u.kubeWrites, err = s.kubeWrites(); err != nil {
		return u, err
	}
	u.server, err = s.servers[server].Counts(ctx)
	return u, err
}

// since is the usage from a former one on.
func (u usage) since(before usage) usage {
	requests := map[string]int{}
	for of, n := range u.server.Requests {
		if n -= before.server.Requests[of]; n != 0 {
			requests[of] = n
		}
	}
	return usage{cpu: u.cpu - before.cpu, kubeWrites: u.kubeWrites - before.kubeWrites, server: standin.Counts{
		Requests: requests, DomainAPI: u.server.DomainAPI - before.server.DomainAPI,
		Rejected429: u.server.Rejected429 - before.server.Rejected429, Writes: u.server.Writes - before.server.Writes,
	}}
}

// calls are all requests that reached the server.
func (u usage) calls() (n int) {
	for _, requests := range u.server.Requests {
		n += requests
	}
	return n
}

// kubeWrites reads on in the audit log.
func (s *stage) kubeWrites() (int, error) {
	more, err := s.audit.Next()
	for _, r := range more {
		switch {
		case r.ObjectRef.Resource == "events" || r.ObjectRef.Resource == "leases" || strings.HasSuffix(r.ObjectRef.Resource, "reviews"):
		case r.Verb == "create" || r.Verb == "update" || r.Verb == "patch" || r.Verb == "delete":
			s.writes++
		}
	}
	return s.writes, err
}

// rest waits until neither the server nor Kubernetes was asked for anything for a while.
func (s *stage) rest(ctx context.Context) error {
	last, since := -1, time.Now()
	return s.until(ctx, "the operator is at rest", func() (bool, error) {
		now, err := s.usage(ctx)
		if n := now.kubeWrites + now.calls(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > still, err
	})
}

// cpu is what the operator's process took so far, in seconds.
func (s *stage) cpu() (float64, error) {
	p, err := processOf(s.operator.PID())
	return p.seconds, err
}
