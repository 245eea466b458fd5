package erpnet

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

func TestRefreshAfter(t *testing.T) {
	g := NewWithT(t)
	for life, want := range map[time.Duration]time.Duration{
		time.Hour: 48 * time.Minute, 4 * time.Minute: 3 * time.Minute, 100 * time.Second: 80 * time.Second, 10 * time.Second: 8 * time.Second,
	} {
		g.Expect(refreshAfter(life)).To(Equal(want))
	}
}

// endpoint is a token endpoint that a test scripts.
type endpoint struct {
	*httptest.Server
	requests atomic.Int32
	answer   func(r *http.Request) (int, string)
}

func newEndpoint(t *testing.T, answer func(*http.Request) (int, string)) *endpoint {
	t.Helper()
	e := &endpoint{answer: answer}
	e.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.requests.Add(1)
		status, body := e.answer(r)
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) server(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	c := Config{
		URL: e.URL, ClientID: "com.example/op", ClientSecret: "the+se/cret",
		WrapTransport: func(http.RoundTripper) http.RoundTripper { return e.Client().Transport },
	}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func issue(n *atomic.Int32) func(*http.Request) (int, string) {
	return func(*http.Request) (int, string) {
		return 200, fmt.Sprintf(`{"access_token":"token-%d","expires_in":3600,"scope":"read update sec"}`, n.Add(1))
	}
}

func TestLoginIsSharedAndRefreshed(t *testing.T) {
	g := NewWithT(t)
	var issued atomic.Int32
	e := newEndpoint(t, issue(&issued))
	var now atomic.Int64
	s := e.server(t, func(c *Config) { c.Now = func() time.Time { return time.Unix(now.Load(), 0) } })
	get := func(stale idserver.Secret) idserver.Secret {
		token, err := s.accessToken(t.Context(), e.URL, stale)
		g.Expect(err).NotTo(HaveOccurred())
		return token
	}
	var callers sync.WaitGroup
	for range 2 * oauth.MaxTokenRequests {
		callers.Go(func() { _, _ = s.accessToken(t.Context(), e.URL, "") })
	}
	callers.Wait()
	g.Expect(get("").Reveal()).To(Equal("token-1"))
	g.Expect(e.requests.Load()).To(Equal(int32(1)), "many callers, one request")
	now.Store(48*60 - 1)
	g.Expect(get("").Reveal()).To(Equal("token-1"))
	now.Store(48 * 60)
	g.Expect(get("").Reveal()).To(Equal("token-2"), "before it ends")
	for range 2 * oauth.MaxTokenRequests {
		callers.Go(func() { _, _ = s.accessToken(t.Context(), e.URL, "token-2") })
	}
	callers.Wait()
	g.Expect(get("token-2").Reveal()).To(Equal("token-3"))
	g.Expect(e.requests.Load()).To(Equal(int32(3)), "a refused token is replaced once")
}

func TestLoginErrorsTeach(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		class  error
		says   string
	}{
		{400, `{"error":"invalid_client"}`, idserver.ErrUnauthorized, "check the credentials Secret"},
		{400, `{"error":"unauthorized_client"}`, idserver.ErrUnauthorized, "SystemUserAllowed"},
		{400, `{"error":"invalid_scope"}`, idserver.ErrUnauthorized, "needs read, update and sec"},
		{400, `{"error":"strange: the+se/cret"}`, idserver.ErrUnauthorized, "unknown_error"},
		{200, `{"access_token":"t","scope":"read"}`, idserver.ErrUnauthorized, "lacks the scope update, sec"},
		{503, `busy the+se/cret`, idserver.ErrUnavailable, "cannot answer now"},
		{200, `<html>the+se/cret`, idserver.ErrUnavailable, "something before it"},
	} {
		g := NewWithT(t)
		e := newEndpoint(t, func(*http.Request) (int, string) { return c.status, c.body })
		_, err := e.server(t, nil).accessToken(t.Context(), e.URL, "")
		g.Expect(err).To(MatchError(c.class), c.body)
		g.Expect(err).To(MatchError(ContainSubstring(c.says)), c.body)
		g.Expect(err.Error()).NotTo(ContainSubstring("the+se/cret"))
	}
}

func TestClientAuthentication(t *testing.T) {
	for style, check := range map[string]func(g *WithT, r *http.Request){
		"Post": func(g *WithT, r *http.Request) {
			g.Expect(r.Header).NotTo(HaveKey("Authorization"))
			g.Expect(r.PostFormValue("client_id")).To(Equal("com.example/op"))
			g.Expect(r.PostFormValue("client_secret")).To(Equal("the+se/cret"))
		},
		"Basic": func(g *WithT, r *http.Request) {
			id, secret, _ := r.BasicAuth()
			g.Expect(url.QueryUnescape(id)).To(Equal("com.example/op"))
			g.Expect(url.QueryUnescape(secret)).To(Equal("the+se/cret"))
			g.Expect(id + secret).NotTo(ContainSubstring("/"))
			g.Expect(r.ParseForm()).To(Succeed())
			g.Expect(r.PostForm).NotTo(HaveKey("client_secret"))
		},
	} {
		var issued atomic.Int32
		e := newEndpoint(t, func(r *http.Request) (int, string) {
			check(NewWithT(t), r)
			return issue(&issued)(r)
		})
		_, err := e.server(t, func(c *Config) { c.ClientAuthentication = style }).accessToken(t.Context(), e.URL, "")
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
	}
}

// Every code of the error catalogue, for both kinds of clients.
func TestVerdicts(t *testing.T) {
	service := idserver.Registration{Service: true}
	web := idserver.Registration{RedirectURIs: []string{"https://b/", "https://a/"}}
	for _, c := range []struct {
		body string
		want idserver.Registration
		ok   bool
		code string
	}{
		{`{"error":"invalid_grant"}`, web, true, ""},
		{`{"error":"invalid_client"}`, web, false, "invalid_client"},
		{`{"error":"unauthorized_client"}`, web, false, "unauthorized_client"},
		{`{"error":"unsupported_grant_type"}`, web, false, "unsupported_grant_type"},
		{`{"error":"invalid_redirect_uri"}`, web, false, "invalid_redirect_uri"},
		{`{"error":"invalid_grant"}`, service, false, "invalid_grant"},
		{`{"error":"invalid_client"}`, service, false, "invalid_client"},
		{`{"error":"unauthorized_client"}`, service, false, "unauthorized_client"},
		{`{"error":"invalid_scope"}`, service, false, "invalid_scope"},
		{`{"error":"invalid_request"}`, service, false, "invalid_request"},
		{`{"error":"Weird <b>"}`, service, false, "unknown_error"},
	} {
		g := NewWithT(t)
		e := newEndpoint(t, func(r *http.Request) (int, string) {
			g.Expect(r.PostFormValue("scope")).To(BeEmpty(), "no scope, so that a wrong one cannot fail it")
			if !c.want.Service {
				g.Expect(r.PostFormValue("redirect_uri")).To(Equal("https://a/"))
				g.Expect(len(r.PostFormValue("code_verifier"))).To(BeNumerically(">=", 43))
			}
			return 400, c.body
		})
		s := e.server(t, nil)
		s.site = &site{endpoints: idserver.Endpoints{Token: e.URL}}
		v, err := s.Verify(t.Context(), idserver.Credential{ClientID: "id", Secret: "x"}, c.want)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(v.OK).To(Equal(c.ok), c.body)
		g.Expect(v.Code).To(Equal(c.code), c.body)
		hinted := v.Hint != ""
		g.Expect(hinted).To(Equal(!c.ok), c.body)
	}
	g := NewWithT(t)
	e := newEndpoint(t, func(*http.Request) (int, string) { return 200, `{"access_token":"t"}` })
	s := e.server(t, nil)
	s.site = &site{endpoints: idserver.Endpoints{Token: e.URL}}
	v, err := s.Verify(t.Context(), idserver.Credential{}, service)
	g.Expect(v, err).To(Equal(idserver.Verdict{OK: true}))
	_, err = s.Verify(t.Context(), idserver.Credential{}, web)
	g.Expect(err).To(MatchError(idserver.ErrUnavailable), "a server that exchanges made-up codes proves nothing")
}

func TestTokenRequestsAreBounded(t *testing.T) {
	g := NewWithT(t)
	var inFlight, most atomic.Int32
	begun, let := make(chan struct{}, 2*oauth.MaxTokenRequests), make(chan struct{})
	e := newEndpoint(t, func(*http.Request) (int, string) {
		most.Store(max(most.Load(), inFlight.Add(1)))
		begun <- struct{}{}
		<-let
		inFlight.Add(-1)
		return 400, `{"error":"invalid_client"}`
	})
	s := e.server(t, nil)
	var callers sync.WaitGroup
	for range 2 * oauth.MaxTokenRequests {
		callers.Go(func() {
			_, _ = s.oauth.Token(context.WithoutCancel(t.Context()), "x", e.URL, idserver.Credential{ClientID: "id", Secret: "s"}, url.Values{})
		})
	}
	for range oauth.MaxTokenRequests {
		<-begun
	}
	close(let)
	callers.Wait()
	g.Expect(most.Load()).To(Equal(int32(oauth.MaxTokenRequests)))
}
