package hydra_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/internal/idserver/hydra"
)

// through lets a test answer requests about former secrets in the place of the server: nil leaves one to it.
type through func(*http.Request) *http.Response

func (f through) around(next http.RoundTripper) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/secrets/rotate") {
			if answer := f(r); answer != nil {
				return answer, nil
			}
		}
		return next.RoundTrip(r)
	})
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewBufferString(body))}
}

func probed(t *testing.T, where at, answers through) *hydra.Server {
	t.Helper()
	s, err := hydra.New(hydra.Config{AdminURL: where.AdminURL, PublicURL: where.PublicURL, CABundle: where.CA, WrapTransport: answers.around})
	must(t, err)
	_, err = s.Probe(t.Context())
	must(t, err)
	return s
}

func nothing(*http.Request) *http.Response { return nil }

func TestFormerSecretsAreFoundOut(t *testing.T) {
	g := NewWithT(t)
	plain, keeps := at{server.AdminURL, server.PublicURL, server.CA}, at{rotating.AdminURL, rotating.PublicURL, rotating.CA}
	g.Expect(probed(t, plain, nothing).Capabilities().SecretSlots).To(Equal(1))
	g.Expect(probed(t, keeps, nothing).Capabilities().SecretSlots).To(Equal(6), "the present one, and five")

	for what, said := range map[string]struct {
		status int
		body   string
	}{
		"a proxy that lets nobody through": {http.StatusForbidden, "no"},
		"a captive portal":                 {http.StatusOK, "{}"}, "another way to say that nothing is there": {http.StatusNotFound, `{"error":"no route"}`},
	} {
		asked := 0
		s := probed(t, keeps, func(*http.Request) *http.Response { asked++; return answer(said.status, said.body) })
		g.Expect(s.Capabilities().SecretSlots).To(Equal(1), what)
		_, err := s.Probe(t.Context())
		must(t, err)
		g.Expect(asked).To(Equal(1), "%s: that is an answer", what)
	}

	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		away := true
		s := probed(t, keeps, func(*http.Request) *http.Response {
			if away {
				return answer(status, "")
			}
			return nil
		})
		g.Expect(s.Capabilities().SecretSlots).To(Equal(1), "nobody knows yet")
		away = false
		_, err := s.Probe(t.Context())
		must(t, err)
		g.Expect(s.Capabilities().SecretSlots).To(Equal(6), "that was no answer, so it is asked again")
	}
}

// client is registered, with a secret.
func registered(t *testing.T, s *hydra.Server, id string) (have idserver.Reply, want idserver.Registration, secret idserver.Secret) {
	t.Helper()
	want = idserver.Registration{DisplayName: "Sync", Enabled: true, Service: true, Scopes: []string{"read"}}
	owner := idserver.Mark{Cluster: "0b5a6bd0", Namespace: "team", Name: "sync", UID: "uid"}
	secret = idserver.DrawSecret()
	have, err := s.Create(t.Context(), idserver.Key{ClientID: prefix + id, Owner: owner}, want, secret)
	must(t, err)
	t.Cleanup(func() { _ = s.Delete(t.Context(), have.Credential) })
	return have, want, secret
}

// A gateway may refuse the method of all that it does not know.
func TestFormerSecretsThatOnlySeemedToBeKeptAreDoneWithout(t *testing.T) {
	g := NewWithT(t)
	s := probed(t, at{server.AdminURL, server.PublicURL, server.CA}, func(r *http.Request) *http.Response {
		if r.Method == http.MethodGet {
			return answer(http.StatusMethodNotAllowed, "")
		}
		return answer(http.StatusNotFound, `{"error":"Unable to locate the resource","error_description":""}`)
	})
	g.Expect(s.Capabilities().SecretSlots).To(Equal(6), "it seems so")
	have, want, first := registered(t, s, "misled")
	have.Credential.Secret = first
	second := idserver.DrawSecret()
	_, err := s.Update(t.Context(), have, want, second)
	g.Expect(err).To(MatchError(idserver.ErrUnavailable))
	g.Expect(err).To(MatchError(ContainSubstring("keeps no former secrets")))
	g.Expect(s.Capabilities().SecretSlots).To(Equal(1))
	accepted := func(secret idserver.Secret) bool {
		return contract.Authenticate(t, server.CA, server.PublicURL+"/oauth2/token", have.Credential.ClientID, secret, true)
	}
	g.Expect(accepted(first)).To(BeTrue(), "nothing was changed")
	have.Credential.Secret = ""
	_, err = s.Update(t.Context(), have, want, second)
	must(t, err)
	g.Expect(accepted(second)).To(BeTrue())
	g.Expect(accepted(first)).To(BeFalse())
}

// The first documentation of the feature knows no secret that the caller chooses.
func TestASecretThatTheServerDrewIsReplacedByOurs(t *testing.T) {
	g := NewWithT(t)
	rotating.DrawsSecrets = true
	defer func() { rotating.DrawsSecrets = false }()
	rotations := 0
	s := probed(t, at{rotating.AdminURL, rotating.PublicURL, rotating.CA}, func(r *http.Request) *http.Response {
		if r.Method == http.MethodPost {
			rotations++
		}
		return nil
	})
	have, want, first := registered(t, s, "drawn")
	second := idserver.DrawSecret()
	for range 2 {
		have.Credential.Secret = first
		_, err := s.Update(t.Context(), have, want, second)
		must(t, err)
		for _, secret := range []idserver.Secret{first, second} {
			g.Expect(contract.Authenticate(t, rotating.CA, rotating.PublicURL+"/oauth2/token", have.Credential.ClientID, secret, true)).To(BeTrue())
		}
	}
	g.Expect(rotations).To(Equal(1), "what is valid is not told again")
}
