package oauth

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

func TestRetryAfter(t *testing.T) {
	g := NewWithT(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 10 * time.Second, "7": 7 * time.Second, "0": 0, "-3": 10 * time.Second, "99999999": time.Hour, "soon": 10 * time.Second,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		a := Answer{Header: http.Header{"Retry-After": {value}}}
		g.Expect(a.RetryAfter(now, 10*time.Second)).To(Equal(want), value)
	}
}

func TestRequestID(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Answer{Header: http.Header{"Request-Id": {"00-ab.1"}}}.RequestID()).To(Equal("00-ab.1"))
	g.Expect(Answer{Header: http.Header{"Request-Id": {"sk-12345 of the server"}}}.RequestID()).To(BeEmpty(), "only a harmless form")
}

func TestLostAnswer(t *testing.T) {
	g := NewWithT(t)
	for _, c := range []struct {
		lost  NoAnswerError
		write bool
		want  error
	}{
		{NoAnswerError{Sent: false}, true, idserver.ErrUnavailable},
		{NoAnswerError{Sent: true}, true, idserver.ErrOutcomeUnknown},
		{NoAnswerError{Sent: true}, false, idserver.ErrUnavailable},
		{NoAnswerError{Sent: true, Cause: context.Canceled}, true, idserver.ErrOutcomeUnknown},
	} {
		err := Lost("trying", c.write, &c.lost)
		g.Expect(err).To(MatchError(c.want))
		g.Expect(errors.Is(err, context.Canceled)).To(Equal(c.lost.Cause != nil))
	}
}
