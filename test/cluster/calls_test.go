package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// call asks a workload at its address, by the name in its certificate, and decodes what it answers.
func call(ctx context.Context, host, address, path string, into any) error {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return get(ctx, &http.Transport{DialContext: dial, TLSClientConfig: trust(plane.CA), DisableKeepAlives: true}, "https://"+host+path, "", into)
}

// readAPI reads business data of the instance with an access token.
func readAPI(ctx context.Context, token string) int {
	GinkgoHelper()
	var page struct {
		Value []json.RawMessage `json:"value"`
	}
	address, err := url.JoinPath(instance.DomainAPI, "Crm_Customers")
	Expect(err).NotTo(HaveOccurred())
	Expect(get(ctx, &http.Transport{TLSClientConfig: trust(standIn.CA), DisableKeepAlives: true}, address+"?$top=2", token, &page)).To(Succeed())
	return len(page.Value)
}

func trust(ca []byte) *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func get(ctx context.Context, transport http.RoundTripper, address, token string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: transport, Timeout: longEnough}).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", address, response.Status, body)
	}
	return json.Unmarshal(body, into)
}

// tokens is what became of the token requests that a workload makes all the time.
type tokens struct {
	Requests int    `json:"requests"`
	Failures int    `json:"failures"`
	Last     string `json:"last"`
}

// tokensOf asks every workload that has the Client Credentials flow.
func tokensOf(ctx context.Context) map[string]tokens {
	GinkgoHelper()
	all := map[string]tokens{}
	for _, k := range kinds {
		if k.application(ctx).Spec.Service == nil {
			continue
		}
		var t tokens
		Expect(call(ctx, k.host, addresses[k.app], "/tokens", &t)).To(Succeed())
		all[k.app] = t
	}
	Expect(all).To(HaveLen(2))
	return all
}

// nobodyNoticed asserts that since then no token request failed, and that there were some.
func nobodyNoticed(ctx context.Context, before map[string]tokens) {
	GinkgoHelper()
	Eventually(func(g Gomega) { // some were made after what just happened, too
		for name, now := range tokensOf(ctx) {
			g.Expect(now.Requests).To(BeNumerically(">", before[name].Requests+5))
		}
	}).Should(Succeed())
	for name, now := range tokensOf(ctx) {
		Expect(now.Failures).To(Equal(before[name].Failures), "%s could not get a token: %s", name, now.Last)
	}
}
