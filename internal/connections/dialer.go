package connections

import (
	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

// Credentials are the operator's own at a server: what the Secret holds that credentialsRef names, by key.
type Credentials map[string]idserver.Secret

// Dialer makes a connection to the server that the spec describes. observe is told of each request. It does no I/O: an error is one of the
// spec.
type Dialer func(spec v1alpha1.IdentityServerSpec, own Credentials, observe func(idserver.Call)) (idserver.Connection, error)

// CredentialsSecret is the name of the Secret with the operator's own credentials at the server; "" where it needs none.
func CredentialsSecret(spec v1alpha1.IdentityServerSpec) string {
	switch {
	case spec.ERPNet != nil:
		return spec.ERPNet.CredentialsRef.Name
	case spec.DynamicRegistration != nil && spec.DynamicRegistration.CredentialsRef != nil:
		return spec.DynamicRegistration.CredentialsRef.Name
	case spec.Hydra != nil && spec.Hydra.CredentialsRef != nil:
		return spec.Hydra.CredentialsRef.Name
	}
	return ""
}

// RequiredKeys are the keys that the Secret must have, not empty.
func RequiredKeys(spec v1alpha1.IdentityServerSpec) []string {
	switch {
	case spec.ERPNet != nil:
		return []string{v1alpha1.KeyOperatorClientID, v1alpha1.KeyOperatorClientSecret}
	case spec.DynamicRegistration != nil:
		return nil // either of them, or both
	}
	return []string{v1alpha1.KeyToken}
}
