package instance

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/session"
)

// around serves the request, with the fault that strikes it.
func (f *Faults) around(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	fault, removed, ok := f.hit(r)
	if !ok {
		serve(w, r)
		return
	}
	if fault.LatencyMs > 0 {
		timer := time.NewTimer(time.Duration(fault.LatencyMs) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			cut()
		}
	}
	if fault.NoLicence {
		r = r.WithContext(session.WithoutLicence(r.Context()))
	}
	switch {
	case fault.Drop == DropBefore:
		cut()
	case fault.Drop == DropHang:
		hang(r, removed)
	case fault.Drop == DropAfter:
		serve(newHeldAnswer(), r)
		if fault.Status == 0 {
			cut()
		}
		fault.answer(w)
	case fault.Status != 0:
		fault.answer(w)
	case fault.Truncate > 0:
		truncated(w, r, serve, fault.Truncate)
	default:
		serve(w, r)
	}
}

// cut ends the connection (over HTTP/2, the stream) without an answer.
func cut() { panic(http.ErrAbortHandler) }

// hang waits until the client gives up or the fault is removed. The server notices a client that went away only
// after the body was read.
func hang(r *http.Request, removed <-chan struct{}) {
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case <-r.Context().Done():
	case <-removed:
	}
	cut()
}

// answer sends the injected answer.
func (f Fault) answer(w http.ResponseWriter) {
	if f.ContentType != "" {
		w.Header().Set("Content-Type", f.ContentType)
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}

// truncated announces the whole real answer and cuts the connection after limit bytes of it.
func truncated(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc, limit int) {
	held := newHeldAnswer()
	serve(held, r)
	for name, values := range held.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(held.body.Len()))
	w.WriteHeader(held.status)
	_, _ = w.Write(held.body.Bytes()[:min(limit, held.body.Len())])
	_ = http.NewResponseController(w).Flush()
	cut()
}

// heldAnswer keeps an answer back.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newHeldAnswer() *heldAnswer { return &heldAnswer{header: http.Header{}, status: http.StatusOK} }

// Header implements http.ResponseWriter.
func (h *heldAnswer) Header() http.Header { return h.header }

// WriteHeader implements http.ResponseWriter.
func (h *heldAnswer) WriteHeader(status int) { h.status = status }

// Write implements http.ResponseWriter.
func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }
