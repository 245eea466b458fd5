package token

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// keyBits is the size of the RSA keys of the documented sample tokens.
const keyBits = 2048

// Keys are the signing keys of one instance: the current one, and the one before it, which still verifies.
// It is safe for concurrent use.
type Keys struct {
	mu   sync.RWMutex
	keys []jose.JSONWebKey // current first
}

// NewKeys draws the first signing key.
func NewKeys() (*Keys, error) {
	k := &Keys{}
	if err := k.Rotate(); err != nil {
		return nil, err
	}
	return k, nil
}

// Rotate draws a new signing key. Tokens of the key before it stay valid, those of older keys do not.
func (k *Keys) Rotate() error {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("drawing a signing key: %w", err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: NewID(), Algorithm: string(jose.RS256), Use: "sig"}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = append([]jose.JSONWebKey{key}, k.keys...)[:min(len(k.keys)+1, 2)]
	return nil
}

// Public is the key set that clients verify tokens with.
func (k *Keys) Public() jose.JSONWebKeySet {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var set jose.JSONWebKeySet
	for _, key := range k.keys {
		set.Keys = append(set.Keys, key.Public())
	}
	return set
}

// Private is the current signing key.
func (k *Keys) Private() *rsa.PrivateKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.keys[0].Key.(*rsa.PrivateKey)
}

// Sign makes a JWT of these claims with the given "typ" header.
func (k *Keys) Sign(typ string, claims map[string]any) (string, error) {
	k.mu.RLock()
	key := k.keys[0]
	k.mu.RUnlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", fmt.Errorf("preparing to sign a token: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding claims: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return signed.CompactSerialize()
}

// Open checks the signature and the "typ" header of a JWT and reads its claims into claims. It looks neither at the
// issuer nor at the times.
func (k *Keys) Open(typ, raw string, claims any) error {
	parsed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return fmt.Errorf("parsing a token: %w", err)
	}
	if got, _ := parsed.Signatures[0].Header.ExtraHeaders[jose.HeaderType].(string); got != typ {
		return fmt.Errorf("the token is a %q, not a %q", got, typ)
	}
	kid := parsed.Signatures[0].Header.KeyID
	keys := k.Public()
	found := keys.Key(kid)
	if len(found) == 0 {
		return errors.New("the token is signed with an unknown key")
	}
	payload, err := parsed.Verify(found[0])
	if err != nil {
		return fmt.Errorf("verifying a token: %w", err)
	}
	if err := json.Unmarshal(payload, claims); err != nil {
		return fmt.Errorf("decoding claims: %w", err)
	}
	return nil
}

// NewID draws 16 random bytes as 32 upper-case hex digits: the form of a kid and of a jti.
func NewID() string { return randomHex(16) }

// NewOpaque draws 32 random bytes as 64 upper-case hex digits: the form of a code, a refresh token and the value of
// a reference token after its prefix.
func NewOpaque() string { return randomHex(32) }

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return strings.ToUpper(hex.EncodeToString(b))
}
