package oauth

import (
	"errors"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"trustedapps.dev/operator/internal/idserver"
)

// assertionType is the client_assertion_type of a signed assertion (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionLife is how long an assertion is good: it is used at once, and clocks differ.
const assertionLife = time.Minute

// assert puts a client assertion into a token request (RFC 7523 section 2.2). The token endpoint is its audience, which section 3 names as an
// example, and what servers of all ages accept.
func assert(form url.Values, clientID, endpoint string, key idserver.Secret, now time.Time) error {
	jwk, err := idserver.ParseKey(key)
	if err != nil {
		return err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(jwk.Algorithm), Key: jwk}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return errors.New("reading a key: it cannot sign") // the cause is left out: it may quote the key
	}
	signed, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": clientID, "sub": clientID, "aud": endpoint, "jti": idserver.DrawSecret().Reveal(),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	}).Serialize()
	if err != nil {
		return errors.New("signing an assertion")
	}
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", signed)
	return nil
}
