package oauth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

func TestParseGranted(t *testing.T) {
	g := NewWithT(t)
	for _, c := range []struct {
		status int
		body   string
		want   Granted
	}{
		{200, `{"access_token":"t","expires_in":3600,"scope":"read"}`, Granted{Token: "t", Scope: "read", Life: time.Hour, Status: 200}},
		{200, `{"access_token":"t","expires_in":"60"}`, Granted{Token: "t", Life: time.Minute, Status: 200}},
		{200, `{"access_token":"t"}`, Granted{Token: "t", Life: defaultTokenLife, Status: 200}},
		{200, `{"access_token":"t","expires_in":-1}`, Granted{Token: "t", Life: defaultTokenLife, Status: 200}},
		{200, `{"access_token":"t","expires_in":99999999}`, Granted{Token: "t", Life: maxTokenLife, Status: 200}},
		{400, `{"error":"invalid_client","error_description":"x"}`, Granted{Code: "invalid_client", Status: 400}},
		{401, `{"error":"invalid_client"}`, Granted{Code: "invalid_client", Status: 401}},
		{400, `{"error":"Not a Code: secret"}`, Granted{Code: "unknown_error", Status: 400}},
	} {
		got, ok := parseGranted(Answer{Status: c.status, Body: []byte(c.body)})
		g.Expect(ok).To(BeTrue(), c.body)
		g.Expect(got).To(Equal(c.want), c.body)
	}
	for _, bad := range []Answer{
		{Status: 200, Body: []byte(`{}`)}, {Status: 200, Body: []byte(`<html>`)}, {Status: 200, Body: []byte(`{"access_token":""}`)},
		{Status: 200, Body: []byte(`{"access_token":"t","error":"x"}`)}, {Status: 200, Body: []byte(`{"access_token":7}`)}, {Status: 200},
		{Status: 400, Body: []byte(`{}`)}, {Status: 400, Body: []byte(`<html>`)}, {Status: 403, Body: []byte(`{"error":"invalid_client"}`)},
		{Status: 429, Body: []byte(`{"error":"x"}`)}, {Status: 500, Body: []byte(`{"error":"server_error"}`)}, {Status: 302},
	} {
		_, ok := parseGranted(bad)
		g.Expect(ok).To(BeFalse(), "%d %s", bad.Status, bad.Body)
	}
}

// A server that takes an empty secret for a wrong one would say of a public client that it does not exist.
func TestAPublicClientOnlySaysWhoItIs(t *testing.T) {
	for _, way := range []string{"Post", "Basic"} {
		g := NewWithT(t)
		var form url.Values
		var header string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			g.Expect(r.ParseForm()).To(Succeed())
			form, header = r.PostForm, r.Header.Get("Authorization")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		}))
		c, err := NewClient(Options{ClientAuthentication: way})
		g.Expect(err).NotTo(HaveOccurred())
		granted, err := c.Token(t.Context(), "trying", server.URL, idserver.Credential{ClientID: "app"}, url.Values{"grant_type": {"authorization_code"}})
		server.Close()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(granted.Code).To(Equal("invalid_grant"))
		g.Expect(form).To(HaveKeyWithValue("client_id", []string{"app"}), way)
		g.Expect(form).NotTo(HaveKey("client_secret"), way)
		g.Expect(header).To(BeEmpty(), way)
	}
}
