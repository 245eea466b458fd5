package idserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// KeyAlgorithms are those that DrawKey draws keys for, by their names in RFC 7518 section 3.1, the preferred first.
var KeyAlgorithms = []string{string(jose.ES256), string(jose.RS256)}

// rsaBits is the size of an RSA key, the least that RFC 7518 section 3.3 allows.
const rsaBits = 2048

// DrawKey draws the key pair of a client that signs assertions (RFC 7523): both halves as JWK (RFC 7517), with the thumbprint of the key
// (RFC 7638) as its id.
func DrawKey(algorithm string) (private Secret, public string, err error) {
	var key crypto.Signer
	switch algorithm {
	case string(jose.ES256):
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case string(jose.RS256):
		key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		return "", "", fmt.Errorf("drawing a key: there is no algorithm %q", algorithm)
	}
	if err != nil {
		return "", "", fmt.Errorf("drawing a key: %w", err)
	}
	jwk := jose.JSONWebKey{Key: key, Algorithm: algorithm, Use: "sig"}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", "", fmt.Errorf("naming a key: %w", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	whole, err := json.Marshal(jwk)
	if err != nil {
		return "", "", errors.New("writing a key as JWK") // the cause is left out: it may quote the key
	}
	half, err := json.Marshal(jwk.Public())
	if err != nil {
		return "", "", fmt.Errorf("writing a public key as JWK: %w", err)
	}
	return Secret(whole), string(half), nil
}

// ParseKey reads a private key that DrawKey drew. Nothing of the text is ever in the error.
func ParseKey(private Secret) (jose.JSONWebKey, error) {
	var jwk jose.JSONWebKey
	if json.Unmarshal([]byte(private.Reveal()), &jwk) != nil || !jwk.Valid() || jwk.IsPublic() || jwk.KeyID == "" || jwk.Algorithm == "" {
		return jose.JSONWebKey{}, errors.New("reading a key: it is not a private JWK with kid and alg")
	}
	return jwk, nil
}

// PublicKey is the public half of a private key that DrawKey drew.
func PublicKey(private Secret) (string, error) {
	jwk, err := ParseKey(private)
	if err != nil {
		return "", err
	}
	half, err := json.Marshal(jwk.Public())
	if err != nil {
		return "", fmt.Errorf("writing a public key as JWK: %w", err)
	}
	return string(half), nil
}

// AlgorithmOf is the algorithm of a public key that DrawKey drew; empty where it names none.
func AlgorithmOf(public string) string {
	var jwk jose.JSONWebKey
	if json.Unmarshal([]byte(public), &jwk) != nil {
		return ""
	}
	return jwk.Algorithm
}

// KeySet is a JWK Set (RFC 7517 section 5), as servers are sent and send it.
type KeySet struct {
	Keys []json.RawMessage `json:"keys"`
}

// NewKeySet is the set of the public keys of a registration.
func NewKeySet(public []string) KeySet {
	set := KeySet{Keys: []json.RawMessage{}}
	for _, k := range public {
		set.Keys = append(set.Keys, json.RawMessage(k))
	}
	return set
}

// Public are the keys of the set, in the form of DrawKey; one that cannot be read stands for itself.
func (s KeySet) Public() []string {
	var all []string
	for _, raw := range s.Keys {
		var jwk jose.JSONWebKey
		written := []byte(nil)
		if json.Unmarshal(raw, &jwk) == nil {
			written, _ = json.Marshal(jwk.Public())
		}
		if len(written) == 0 {
			written = raw
		}
		all = append(all, string(written))
	}
	return all
}
