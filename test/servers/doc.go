// Package servers holds no code: its tests try the operator on identity servers other than ERP.net: Ory Hydra by its admin API, and dynamic
// registration (RFC 7591) at oidc-provider and at Hydra.
package servers
