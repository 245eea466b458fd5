// Package shard says which part of a cluster one operator works on. It is pure.
package shard

import (
	"k8s.io/apimachinery/pkg/labels"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Shard is the IdentityServers that a selector matches, and the TrustedApplications that name one of them. Its zero value is everything.
//
// It is the labels of the server that decide, and never those of the application: one server has one operator, which keeps to its limits, sweeps
// it and counts its applications; and no tenant can take an application out of every shard.
type Shard struct{ selector labels.Selector }

// Parse reads a selector as kubectl takes it; an empty one is everything.
func Parse(selector string) (Shard, error) {
	parsed, err := labels.Parse(selector)
	if err != nil {
		return Shard{}, err
	}
	return Shard{selector: parsed}, nil
}

// Everything says whether there is nothing outside of the shard.
func (s Shard) Everything() bool { return s.selector == nil || s.selector.Empty() }

// Has says whether a server with these labels is in the shard, and with it its applications. A server that does not exist has no labels, so
// the shards that an unlabelled server is in tell the applications which name it.
func (s Shard) Has(server map[string]string) bool {
	return s.Everything() || s.selector.Matches(labels.Set(server))
}

// Moved says whether other labels take a server into the shard, or out of it.
func (s Shard) Moved(before, after map[string]string) bool { return s.Has(before) != s.Has(after) }

// Among says of names whether they are in the shard, where the servers are all that exist.
func (s Shard) Among(servers []v1alpha1.IdentityServer) func(name string) bool {
	if s.Everything() {
		return func(string) bool { return true }
	}
	in := make(map[string]bool, len(servers))
	for i := range servers {
		in[servers[i].Name] = s.Has(servers[i].Labels)
	}
	missing := s.Has(nil)
	return func(name string) bool {
		here, exists := in[name]
		return here || !exists && missing
	}
}
