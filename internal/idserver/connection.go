package idserver

import "context"

// Connection is a Server that can be asked what it is and whether the operator may manage registrations there.
type Connection interface {
	Server
	// Probe discovers the server and checks the operator's own login and rights. What was found out before an error is in
	// Info all the same: Info.Endpoints.Issuer is empty until discovery succeeded.
	Probe(ctx context.Context) (Info, error)
}

// Info is what a probe found out.
type Info struct {
	// Type is the kind of server, for people: "ERP.net".
	Type string
	// Provider is the kind of server, for programs: "erp.net".
	Provider string
	// Version is the product version, as announced.
	Version string
	// Endpoints are the discovered URLs.
	Endpoints Endpoints
	// KeyAlgorithm is the algorithm of keys that clients may sign assertions with (RFC 7523), one of KeyAlgorithms; empty where the server takes
	// none.
	KeyAlgorithm string
	// Features are names of what this version has.
	Features []string
	// Warnings are accepted risks, each with what to do.
	Warnings []string
}

// Endpoints of a server; empty where it has none.
type Endpoints struct {
	Issuer, Token, Authorization, EndSession, UserInfo, JWKS, API, Registration string
}

// Reasons of errors of Probe.
const (
	// ReasonDiscoveryFailed: the server answered, but not with what discovery needs.
	ReasonDiscoveryFailed = "DiscoveryFailed"
	// ReasonIssuerMismatch: the server announces another issuer than the URL it was reached by.
	ReasonIssuerMismatch = "IssuerMismatch"
	// ReasonUnsupportedVersion: the version cannot do what the operator needs.
	ReasonUnsupportedVersion = "UnsupportedVersion"
)
