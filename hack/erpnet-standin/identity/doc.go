// Package identity is the OAuth 2.0 and OpenID Connect server of one stand-in instance, served under /id.
//
// The grants themselves - codes, PKCE, refresh rotation and reuse, ID tokens, response modes - are ory/fosite's.
// Around it this package does what the library cannot: ERP.net's order of evaluation and error codes (which differ
// from RFC 6749 in places), its secret hash, its claims (service tokens without "sub", an audience that is sometimes
// a plain string), exact redirect matching without the library's loopback exception, and a virtual clock (the
// library reads the real time only).
package identity
