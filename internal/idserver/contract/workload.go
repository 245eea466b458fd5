package contract

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"trustedapps.dev/operator/internal/idserver"
)

// Authenticate says whether a token endpoint takes a credential, without the backend under test. A made-up code is refused as such only
// after the client was accepted.
func Authenticate(t *testing.T, ca []byte, endpoint, clientID string, secret idserver.Secret, service bool) bool {
	t.Helper()
	return request(t, ca, endpoint, url.Values{"client_id": {clientID}, "client_secret": {secret.Reveal()}}, service)
}

// AuthenticateKey is as Authenticate, for a client that signs assertions.
func AuthenticateKey(t *testing.T, ca []byte, endpoint string, cred idserver.Credential, service bool) bool {
	t.Helper()
	var key jose.JSONWebKey
	if err := json.Unmarshal([]byte(cred.Key.Reveal()), &key); err != nil {
		t.Fatal("the key is no JWK")
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: cred.ClientID, Subject: cred.ClientID, Audience: jwt.Audience{endpoint}, ID: idserver.DrawSecret().Reveal(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return request(t, ca, endpoint, url.Values{
		"client_id": {cred.ClientID}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}, service)
}

// request adds the grant to the form, and says whether the client was accepted.
func request(t *testing.T, ca []byte, endpoint string, form url.Values, service bool) bool {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatal("the server's authority is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	form.Set("grant_type", "client_credentials")
	if !service {
		form.Set("grant_type", "authorization_code")
		form.Set("code", "made-up")
		form.Set("redirect_uri", "https://shop.example.com/cb")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var told struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
	}
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	if service {
		return told.AccessToken != ""
	}
	return told.Error == "invalid_grant"
}
