package bed

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Browser is a client of people and workloads, which trusts the stand-in's authority and has connections of its own.
func (b *Bed) Browser(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.Trusted, MinVersion: tls.VersionTLS12}}}
}

// Token asks for a token by the Client Credentials flow, as a workload does, and returns the HTTP status of the answer.
func Token(ctx context.Context, client *http.Client, endpoint, id, secret string) (status int, err error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	status, _, err = Ask(ctx, client, endpoint, form)
	return status, err
}

// Ask sends a form to a token endpoint, and returns the HTTP status and the text of the answer.
func Ask(ctx context.Context, client *http.Client, endpoint string, form url.Values) (status int, text string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(response.Body) // to its end, so that the connection is used again
	return response.StatusCode, string(body), errors.Join(err, response.Body.Close())
}

// Proof is what a workload sends of its published Secret: the secret, or an assertion that it signs with the PEM of its key (RFC 7523).
func Proof(published map[string][]byte) (url.Values, error) {
	id := string(published["client_id"])
	if value, ok := published["client_secret"]; ok {
		return url.Values{"client_id": {id}, "client_secret": {string(value)}}, nil
	}
	block, _ := pem.Decode(published["private_key"])
	if block == nil {
		return nil, errors.New("the Secret has neither a client_secret nor a private_key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: string(published["key_id"])}}, nil)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: id, Subject: id, Audience: jwt.Audience{string(published["token_endpoint"])}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	return url.Values{
		"client_id": {id}, "client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}, err
}
