package erpnet

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"trustedapps.dev/operator/internal/idserver/oauth"
)

const opBatch = "sending several calls as one request"

// deliver sends calls: one as it is, several as a batch (OData 4.01 part 1, section 11.7), in which each change is a changeset of its own, with
// an outcome of its own.
func (s *Server) deliver(calls []*waiter) {
	if len(calls) == 1 && !s.alwaysBatch {
		w := calls[0]
		a, err := s.single(w)
		w.end(a, err)
		return
	}
	a, err := s.batch(calls)
	switch {
	case err == nil && refusesBatches(a):
		s.queue.separate(calls) // it worked on none
		return
	case err == nil && a.OK():
		s.distribute(calls, a)
		return
	}
	for _, w := range calls {
		w.end(a, err)
	}
}

// single sends a call of its own.
func (s *Server) single(w *waiter) (oauth.Answer, error) {
	r, err := http.NewRequestWithContext(w.ctx, w.call.method, w.call.url, bytes.NewReader(w.body))
	if err != nil {
		return oauth.Answer{}, &oauth.NoAnswerError{Message: "the Domain API's URL cannot be used"}
	}
	if len(w.body) > 0 {
		r.Header.Set("Content-Type", jsonContent)
	}
	r.Header.Set("Authorization", "Bearer "+w.token.Reveal())
	return s.oauth.Send(w.ctx, w.call.op, r, w.call.limit)
}

const jsonContent = "application/json; charset=utf-8"

// batch sends calls as one request, which lives on when one of those gives up who wait for it.
func (s *Server) batch(calls []*waiter) (oauth.Answer, error) {
	last := calls[len(calls)-1] // its token is the newest
	body, boundary := writeBatch(calls)
	ctx := context.WithoutCancel(last.ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, last.odata+"$batch", body)
	if err != nil {
		return oauth.Answer{}, &oauth.NoAnswerError{Message: "the Domain API's URL cannot be used"}
	}
	r.Header.Set("Content-Type", "multipart/mixed; boundary="+boundary)
	r.Header.Set("Prefer", "odata.continue-on-error") // the failure of one is not that of the next
	r.Header.Set("Authorization", "Bearer "+last.token.Reveal())
	return s.oauth.Send(ctx, opBatch, r, oauth.MaxList)
}

// refusesBatches says whether an instance worked on no part of a batch, because it takes none.
func refusesBatches(a oauth.Answer) bool {
	switch a.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusNotImplemented:
		return true
	case http.StatusInternalServerError:
		refused, wellFormed := parseRefusal(a)
		return wellFormed && !refused.noLicence
	}
	return false
}

// distribute gives each call its part of the answer. Where parts are left out, calls go alone for a while: the instance stops at a failure,
// whatever the request prefers.
func (s *Server) distribute(calls []*waiter, a oauth.Answer) {
	parts := readBatch(calls, a)
	if len(parts) < len(calls) {
		s.queue.separate(nil)
	}
	for i, w := range calls {
		if i < len(parts) {
			w.end(parts[i], nil)
			continue
		}
		w.end(oauth.Answer{}, &oauth.NoAnswerError{Sent: true, Message: "the answer to several calls lacks that to this one"})
	}
}

// writeBatch writes calls in the multipart format, the only one that ERP.net documents.
func writeBatch(calls []*waiter) (body *bytes.Buffer, boundary string) {
	body, boundary = &bytes.Buffer{}, "batch-"+rand.Text()
	for i, w := range calls {
		fmt.Fprintf(body, "--%s\r\n", boundary)
		if !w.call.write() {
			w.write(body, 0)
			continue
		}
		change := "change-" + rand.Text()
		fmt.Fprintf(body, "Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n", change, change)
		w.write(body, i+1)
		fmt.Fprintf(body, "--%s--\r\n", change)
	}
	fmt.Fprintf(body, "--%s--\r\n", boundary)
	return body, boundary
}

// write writes the part of a call; id tells changes apart.
func (w *waiter) write(to *bytes.Buffer, id int) {
	to.WriteString("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n")
	if id > 0 {
		fmt.Fprintf(to, "Content-ID: %d\r\n", id)
	}
	fmt.Fprintf(to, "\r\n%s %s HTTP/1.1\r\nAccept: application/json\r\n", w.call.method, w.call.url)
	if len(w.body) > 0 {
		fmt.Fprintf(to, "Content-Type: %s\r\nContent-Length: %d\r\n", jsonContent, len(w.body))
	}
	to.WriteString("\r\n")
	to.Write(w.body)
	to.WriteString("\r\n")
}

// readBatch reads the parts of an answer, which come in the order of the calls, as far as they can be read.
func readBatch(calls []*waiter, a oauth.Answer) (parts []oauth.Answer) {
	reader, ok := multiparts(a.Header.Get("Content-Type"), bytes.NewReader(a.Body))
	if !ok {
		return nil
	}
	for i := range calls {
		part, err := reader.NextRawPart()
		if err != nil {
			return parts
		}
		if change, ok := multiparts(part.Header.Get("Content-Type"), part); ok { // a changeset that succeeded
			if part, err = change.NextRawPart(); err != nil {
				return parts
			}
		}
		answer, err := readPart(part, i+1)
		if err != nil {
			return parts
		}
		parts = append(parts, answer)
	}
	return parts
}

func multiparts(contentType string, body io.Reader) (*multipart.Reader, bool) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" || parameters["boundary"] == "" {
		return nil, false
	}
	return multipart.NewReader(body, parameters["boundary"]), true
}

var errNotAPart = errors.New("not a part of an answer to a batch")

// readPart reads one HTTP answer. Where it names a call, it must be the one with the id.
func readPart(part *multipart.Part, id int) (oauth.Answer, error) {
	reader := textproto.NewReader(bufio.NewReader(part))
	line, err := reader.ReadLine()
	if err != nil {
		return oauth.Answer{}, errNotAPart
	}
	words := strings.SplitN(line, " ", 3)
	if len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/") {
		return oauth.Answer{}, errNotAPart
	}
	status, err := strconv.Atoi(words[1])
	if err != nil || status < 100 || status > 599 {
		return oauth.Answer{}, errNotAPart
	}
	header, err := reader.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return oauth.Answer{}, errNotAPart
	}
	body, err := io.ReadAll(reader.R)
	if err != nil {
		return oauth.Answer{}, errNotAPart
	}
	for _, named := range slices.Concat(part.Header["Content-Id"], http.Header(header)["Content-Id"]) {
		if named != strconv.Itoa(id) {
			return oauth.Answer{}, errNotAPart
		}
	}
	return oauth.Answer{Status: status, Header: http.Header(header), Body: bytes.TrimPrefix(body, []byte("\ufeff"))}, nil
}
