package contract

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

// Authenticate says whether a token endpoint takes a credential, without the backend under test. A made-up code is refused as such only
// after the client was accepted.
func Authenticate(t *testing.T, ca []byte, endpoint, clientID string, secret idserver.Secret, service bool) bool {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatal("the server's authority is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret.Reveal()}}
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
