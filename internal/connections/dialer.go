package connections

import (
	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

// Dialer makes a connection to the server that the spec describes, with the operator's own client id and secret. observe is told of each
// request. It does no I/O: an error is one of the spec.
type Dialer func(
	spec v1alpha1.IdentityServerSpec, clientID string, secret idserver.Secret, observe func(idserver.Call),
) (idserver.Connection, error)

// CredentialsSecret is the name of the Secret with the operator's own credentials at the server.
func CredentialsSecret(spec v1alpha1.IdentityServerSpec) string {
	if spec.ERPNet == nil {
		return ""
	}
	return spec.ERPNet.CredentialsRef.Name
}
