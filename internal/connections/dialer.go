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

// Lacking says what the Secret must hold, for people, and does not; "" where nothing is missing.
func Lacking(spec v1alpha1.IdentityServerSpec, own Credentials) string {
	has := func(key string) bool { return own[key] != "" }
	switch {
	case spec.ERPNet != nil && (!has(v1alpha1.KeyOperatorClientID) || !has(v1alpha1.KeyOperatorClientSecret)):
		return v1alpha1.KeyOperatorClientID + " and " + v1alpha1.KeyOperatorClientSecret
	case spec.DynamicRegistration != nil && !has(v1alpha1.KeyInitialAccessToken) && !has(v1alpha1.KeySoftwareStatement):
		return v1alpha1.KeyInitialAccessToken + ", or " + v1alpha1.KeySoftwareStatement + ", or both"
	case spec.Hydra != nil && !has(v1alpha1.KeyToken):
		return v1alpha1.KeyToken
	}
	return ""
}
