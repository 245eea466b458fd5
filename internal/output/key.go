package output

import (
	"crypto/x509"
	"encoding/pem"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

// keyForm is a private key as programs without a library for JWK read it.
type keyForm struct{ pem, id string }

// keyForms are empty for a credential without a key, and for what is none: the JWK is published as it is.
func keyForms(cred ledger.Credential) keyForm {
	if cred.Key == "" {
		return keyForm{}
	}
	jwk, err := idserver.ParseKey(cred.Key)
	if err != nil {
		return keyForm{}
	}
	der, err := x509.MarshalPKCS8PrivateKey(jwk.Key)
	if err != nil {
		return keyForm{}
	}
	return keyForm{pem: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), id: jwk.KeyID}
}
