// Package shards runs two releases of the chart beside each other, on a real API server, whose selectors divide the IdentityServers, and holds
// what its audit log says of each ServiceAccount against that: no object is written by both, a server that moves takes its applications with it,
// and an operator without its selector would be seen.
package shards
