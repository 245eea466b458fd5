package erpnet

import (
	"errors"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

func TestParseRefusal(t *testing.T) {
	g := NewWithT(t)
	for body, code := range map[string]any{
		`{"message":"` + "x" + `","code":2129,"type":"T","info":"i"}`:  2129,
		`{"error":{"message":"x","code":0,"type":"T"}}`:                0,
		`{"error":{"message":"x"}}`:                                    nil,
		`{"error":{"code":2029}}`:                                      2029,
		`{"error":{"message":"x","code":1.5}}`:                         nil,
		`{"error":{"message":"x","code":99999999999999999999999999}}`:  nil,
		`{"error":{"message":"MaximumLicenseCountExceeded: none"}}`:    nil,
		`{"message":"outer","error":{"message":"inner","code":2029}}`:  2029,
		`{"message":"x","code":2029,"parameters":["a"],"unknown":[1]}`: 2029,
	} {
		r, ok := parseRefusal(oauth.Answer{Status: 500, Body: []byte(body)})
		g.Expect(ok).To(BeTrue(), body)
		if code == nil {
			g.Expect(r.code).To(BeNil(), body)
			g.Expect(r.final()).To(BeFalse(), body)
			continue
		}
		g.Expect(r.code).To(HaveValue(Equal(code)), body)
		g.Expect(r.final()).To(BeTrue(), body)
	}
	for _, body := range []string{"", "null", "{}", "[]", "x", "<html>", `{"error":"invalid_client"}`, `{"message":`, `{"value":[]}`, `{"error":{}}`} {
		_, ok := parseRefusal(oauth.Answer{Status: 500, Body: []byte(body)})
		g.Expect(ok).To(BeFalse(), body)
	}
}

func TestClassify(t *testing.T) {
	s := &Server{config: Config{Now: time.Now}}
	refusalBody := `{"error":{"message":"` + "sk-12345" + `","code":7,"info":"sk-12345"}}`
	licence := `{"error":{"message":"MaximumLicenseCountExceeded","code":500}}`
	for _, c := range []struct {
		status      int
		body        string
		read, write error // nil: a refusal for the caller to decide
	}{
		{302, "", idserver.ErrUnavailable, idserver.ErrOutcomeUnknown},
		{401, refusalBody, idserver.ErrUnauthorized, idserver.ErrUnauthorized},
		{403, "<html>sk-12345", idserver.ErrUnauthorized, idserver.ErrUnauthorized},
		{404, "<html>sk-12345", idserver.ErrUnavailable, idserver.ErrUnavailable},
		{404, refusalBody, nil, nil},
		{408, "", idserver.ErrUnavailable, idserver.ErrOutcomeUnknown},
		{429, refusalBody, idserver.ErrUnavailable, idserver.ErrUnavailable},
		{500, refusalBody, nil, nil},
		{500, "<html>sk-12345", idserver.ErrUnavailable, idserver.ErrOutcomeUnknown},
		{500, licence, idserver.ErrUnavailable, idserver.ErrUnavailable},
		{403, licence, idserver.ErrUnavailable, idserver.ErrUnavailable},
		{502, refusalBody, idserver.ErrUnavailable, idserver.ErrOutcomeUnknown},
		{503, "", idserver.ErrUnavailable, idserver.ErrOutcomeUnknown},
		{504, "", idserver.ErrUnavailable, idserver.ErrOutcomeUnknown},
	} {
		g := NewWithT(t)
		a := oauth.Answer{Status: c.status, Header: http.Header{"X-Request-Id": {"r-1"}, "Retry-After": {"9"}}, Body: []byte(c.body)}
		for write, want := range map[bool]error{false: c.read, true: c.write} {
			err := s.classify("trying", write, a)
			refused, isRefusal := errors.AsType[*refusalError](err)
			g.Expect(isRefusal).To(Equal(want == nil), "HTTP %d %s", c.status, c.body)
			if isRefusal {
				err = refused.as(idserver.ErrRejected, "trying", "", "")
				want = idserver.ErrRejected
			}
			g.Expect(err).To(MatchError(want), "HTTP %d %s", c.status, c.body)
			g.Expect(err.Error()).NotTo(ContainSubstring("sk-12345"), "nothing of the server")
			g.Expect(err.Error()).To(ContainSubstring("request r-1"))
		}
	}
	told, _ := errors.AsType[*idserver.Error](s.classify("trying", true, oauth.Answer{Status: 500, Body: []byte(licence), Header: http.Header{}}))
	NewWithT(t).Expect(told.RetryAfter).To(Equal(waitNoLicence))
}
