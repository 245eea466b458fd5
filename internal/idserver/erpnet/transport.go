package erpnet

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
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
)

// Bounds of answers, in bytes.
const (
	maxSingle = 1 << 20
	maxList   = 16 << 20
)

// answer is a whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// noAnswerError is a request that got no whole answer.
type noAnswerError struct {
	sent    bool   // the server may have got the request
	message string // made here: errors of net/http quote the server and the URL
	cause   error  // of the context, or nil
}

func (e *noAnswerError) Error() string { return e.message }
func (e *noAnswerError) Unwrap() error { return e.cause }

// exchange sends one request and reads its answer, at most limit bytes of it. The error is a *noAnswerError.
func (s *Server) exchange(ctx context.Context, r *http.Request, limit int64) (answer, error) {
	var sent atomic.Bool
	r = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	}))
	r.Header.Set("User-Agent", s.config.UserAgent)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Accept-Language", "en")
	response, err := s.client.Do(r)
	if err != nil {
		return answer{}, failed(ctx, sent.Load(), err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return answer{}, failed(ctx, true, err)
	}
	if int64(len(body)) > limit {
		return answer{}, &noAnswerError{sent: true, message: "the answer is larger than " + strconv.FormatInt(limit>>20, 10) + " MiB"}
	}
	return answer{response.StatusCode, response.Header, bytes.TrimPrefix(body, []byte("\ufeff"))}, nil
}

// failed tells people why there is no answer, without a word of the server.
func failed(ctx context.Context, sent bool, err error) *noAnswerError {
	f := &noAnswerError{sent: sent, message: "the connection failed or was cut"}
	if cause := ctx.Err(); cause != nil {
		f.cause, f.message = cause, "the call was given up"
		return f
	}
	if e, ok := errors.AsType[*url.Error](err); ok && e.Timeout() {
		f.message = "the server did not answer in time"
		return f
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		f.message = "the host name cannot be resolved"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		f.message = "the connection was refused"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		f.message = "the server's certificate is not trusted; set caBundle if it is of a private authority"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		f.message = "the server's certificate is for another host name"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		f.message = "the server's certificate is expired or not yet valid"
	}
	return f
}

var requestID = regexp.MustCompile(`^[A-Za-z0-9._:|-]{1,64}$`)

// requestID returns what the server calls the request, where it says so in a harmless form.
func (a answer) requestID() string {
	for _, name := range []string{"Request-Id", "X-Request-Id", "X-Correlation-Id"} {
		if id := a.header.Get(name); requestID.MatchString(id) {
			return id
		}
	}
	return ""
}

const maxRetryAfter = time.Hour

// retryAfter returns how long the server asks to wait, at most an hour; otherwise where it does not say so.
func (a answer) retryAfter(now time.Time, otherwise time.Duration) time.Duration {
	value := a.header.Get("Retry-After")
	wait := otherwise
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
