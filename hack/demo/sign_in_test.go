package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

// application is where a sign-in must end.
const application = "https://app.example.com/signin"

func TestBrowserFillsInTheForm(t *testing.T) {
	g := NewWithT(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `<!DOCTYPE html><html><body><form method="post" action="/login">
			<input type="hidden" name="state" value="a&amp;b"><p><label>Login <input name="login" autofocus></label>
			<input name="password" type="password"><button>Sign in</button></form></body></html>`)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("login") != anna || r.FormValue("password") != "made-up" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, application+"?code=c1&state="+r.FormValue("state")[:1], http.StatusFound)
	})
	mux.HandleFunc("GET /circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusFound) })
	mux.HandleFunc("GET /empty", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<p>nothing to fill in</p>") })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	person, err := newBrowser(server.Client().Transport, anna, "made-up")
	g.Expect(err).NotTo(HaveOccurred())
	arrived, err := person.visit(t.Context(), server.URL+"/authorize", application)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(arrived.Get("code")).To(Equal("c1"))
	g.Expect(arrived.Get("state")).To(Equal("a"), "hidden fields are sent back, decoded")
	g.Expect(person.asked).To(Equal(1))

	for path, problem := range map[string]string{"/circle": "in circles", "/empty": "without a form", "/missing": "HTTP 404"} {
		_, err := person.visit(t.Context(), server.URL+path, application)
		g.Expect(err).To(MatchError(ContainSubstring(problem)))
	}
	stranger, err := newBrowser(server.Client().Transport, anna, idserver.Secret("wrong"))
	g.Expect(err).NotTo(HaveOccurred())
	_, err = stranger.visit(t.Context(), server.URL+"/authorize", application)
	g.Expect(err).To(MatchError(ContainSubstring("HTTP 401")))
}

func TestIDTokenIsChecked(t *testing.T) {
	f := frontEnd{clientID: "com.example/app", authority: "https://id.example.com"}
	good := func() map[string]any {
		return map[string]any{
			"iss": f.authority, "aud": f.clientID, "nonce": "n1", "exp": float64(time.Now().Add(time.Minute).Unix()),
		}
	}
	NewWithT(t).Expect(checkIDToken(good(), f, "n1")).To(Succeed())
	for claim, value := range map[string]any{
		"iss": "https://other.example.com", "aud": "com.example/other", "nonce": "n2", "exp": float64(1),
	} {
		t.Run(claim, func(t *testing.T) {
			bad := good()
			bad[claim] = value
			NewWithT(t).Expect(checkIDToken(bad, f, "n1")).NotTo(Succeed())
			delete(bad, claim)
			NewWithT(t).Expect(checkIDToken(bad, f, "n1")).NotTo(Succeed())
		})
	}
}

func TestVerdictNamesWhatFailed(t *testing.T) {
	g := NewWithT(t)
	var r report
	for _, a := range tourists {
		r.Apps = append(r.Apps, &appReport{Name: a.name, Kind: a.kind, TokenOK: true, APIOK: true})
	}
	g.Expect(r.verdict()).To(Succeed())
	r.app("board").APIOK = false
	r.fail("the kill switch: it does not work")
	g.Expect(r.verdict()).To(MatchError(And(ContainSubstring("board"), ContainSubstring("kill switch"))))
}
