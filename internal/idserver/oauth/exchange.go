package oauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// Bounds of answers, in bytes.
const (
	// MaxSingle is for one registration, document or token.
	MaxSingle = 1 << 20
	// MaxList is for a page of a list.
	MaxList = 16 << 20
)

// Answer is a whole HTTP answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// OK says whether it is a success (2xx).
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// NoAnswerError is a request that got no whole answer.
type NoAnswerError struct {
	Sent    bool   // the server may have got the request
	Message string // made here: errors of net/http quote the server and the URL
	Cause   error  // of the context, or nil
}

func (e *NoAnswerError) Error() string { return e.Message }
func (e *NoAnswerError) Unwrap() error { return e.Cause }

// GivenUp is a call that ended before anything was sent, for the reason of its context.
func GivenUp(cause error) *NoAnswerError {
	return &NoAnswerError{Message: "the call was given up", Cause: cause}
}

// exchange sends one request and reads its answer, at most limit bytes of it. The error is a *NoAnswerError.
func (c *Client) exchange(ctx context.Context, r *http.Request, limit int64) (Answer, error) {
	var sent atomic.Bool
	r = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	}))
	r.Header.Set("User-Agent", c.options.UserAgent)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Accept-Language", "en")
	response, err := c.http.Do(r)
	if err != nil {
		return Answer{}, failed(ctx, sent.Load(), err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return Answer{}, failed(ctx, true, err)
	}
	if int64(len(body)) > limit {
		return Answer{}, &NoAnswerError{Sent: true, Message: "the answer is larger than " + strconv.FormatInt(limit>>20, 10) + " MiB"}
	}
	return Answer{response.StatusCode, response.Header, bytes.TrimPrefix(body, []byte("\ufeff"))}, nil
}

// failed tells people why there is no answer, without a word of the server.
func failed(ctx context.Context, sent bool, err error) *NoAnswerError {
	f := &NoAnswerError{Sent: sent, Message: "the connection failed or was cut"}
	if cause := ctx.Err(); cause != nil {
		f.Cause, f.Message = cause, "the call was given up"
		return f
	}
	if e, ok := errors.AsType[*url.Error](err); ok && e.Timeout() {
		f.Message = "the server did not answer in time"
		return f
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		f.Message = "the host name cannot be resolved"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		f.Message = "the connection was refused"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		f.Message = "the server's certificate is not trusted; set caBundle if it is of a private authority"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		f.Message = "the server's certificate is for another host name"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		f.Message = "the server's certificate is expired or not yet valid"
	}
	return f
}

var harmlessID = regexp.MustCompile(`^[A-Za-z0-9._:|-]{1,64}$`)

// RequestID returns what the server calls the request, where it says so in a harmless form.
func (a Answer) RequestID() string {
	for _, name := range []string{"Request-Id", "X-Request-Id", "X-Correlation-Id"} {
		if id := a.Header.Get(name); harmlessID.MatchString(id) {
			return id
		}
	}
	return ""
}

const (
	maxRetryAfter = time.Hour
	// WaitTooMany is how long to wait after an HTTP 429 that does not say it.
	WaitTooMany = 10 * time.Second
)

// RetryAfter returns how long the server asks to wait, at most an hour; otherwise where it does not say so.
func (a Answer) RetryAfter(now time.Time, otherwise time.Duration) time.Duration {
	value := a.Header.Get("Retry-After")
	wait := otherwise
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// Lost classifies a request that got no whole answer.
func Lost(op string, write bool, err error) *idserver.Error {
	e := &idserver.Error{Class: idserver.ErrUnavailable, Op: op, Message: err.Error()}
	if lost, ok := errors.AsType[*NoAnswerError](err); ok {
		e.Cause = lost.Cause
		if write && lost.Sent {
			e.Class = idserver.ErrOutcomeUnknown
		}
	}
	return e
}

// Rejected is an error about the input that the operator found itself.
func Rejected(op, reason, format string, args ...any) *idserver.Error {
	return &idserver.Error{Class: idserver.ErrRejected, Op: op, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
