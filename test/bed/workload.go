package bed

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Browser is a client of people and workloads, which trusts the stand-in's authority and has connections of its own.
func (b *Bed) Browser(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.Trusted, MinVersion: tls.VersionTLS12}}}
}

// Token asks for a token by the Client Credentials flow, as a workload does, and returns the HTTP status of the answer.
func Token(ctx context.Context, client *http.Client, endpoint, id, secret string) (status int, err error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection is used again
	return response.StatusCode, response.Body.Close()
}
