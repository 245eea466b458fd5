package erpnet_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trustedapps.dev/operator/internal/idserver"
)

// workload talks to the identity server without the backend under test.
type workload struct {
	client *http.Client
	token  string
}

func newWorkload(t *testing.T, issuer string) workload {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(process.CA) {
		t.Fatal("the stand-in's CA is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return workload{&http.Client{Transport: transport}, issuer + "/connect/token"}
}

// authenticate says whether the server takes the credential. A made-up code is refused as such only after the client was
// accepted.
func (w workload) authenticate(t *testing.T, clientID string, secret idserver.Secret, service bool) bool {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret.Reveal()}}
	if !service {
		form.Set("grant_type", "authorization_code")
		form.Set("code", "made-up")
		form.Set("redirect_uri", "https://shop.example.com/cb")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.token, strings.NewReader(form.Encode()))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := w.client.Do(r)
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	var told struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
	}
	must(t, json.NewDecoder(response.Body).Decode(&told))
	if service {
		return told.AccessToken != ""
	}
	return told.Error == "invalid_grant"
}
