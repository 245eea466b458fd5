package domainapi

import (
	"bytes"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
)

// writeBatch renders the answers in order, a successful changeset as a nested multipart.
func writeBatch(parts []batchReply) (reply, error) {
	var body bytes.Buffer
	outer := multipart.NewWriter(&body)
	for _, part := range parts {
		if err := writePart(outer, part); err != nil {
			return reply{}, errInternal(err)
		}
	}
	if err := outer.Close(); err != nil {
		return reply{}, errInternal(err)
	}
	return newReply(http.StatusOK, "multipart/mixed; boundary="+outer.Boundary(), body.Bytes()), nil
}

func writePart(to *multipart.Writer, part batchReply) error {
	if !part.isChangeset {
		return writeReply(to, part.replies[0])
	}
	var nested bytes.Buffer
	inner := multipart.NewWriter(&nested)
	for _, answer := range part.replies {
		if err := writeReply(inner, answer); err != nil {
			return err
		}
	}
	if err := inner.Close(); err != nil {
		return err
	}
	w, err := to.CreatePart(textproto.MIMEHeader{"Content-Type": {"multipart/mixed; boundary=" + inner.Boundary()}})
	if err != nil {
		return err
	}
	_, err = w.Write(nested.Bytes())
	return err
}

func writeReply(to *multipart.Writer, answer partReply) error {
	header := textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}}
	if answer.contentID != "" {
		header["Content-ID"] = []string{answer.contentID}
	}
	w, err := to.CreatePart(header)
	if err != nil {
		return err
	}
	var message bytes.Buffer
	fmt.Fprintf(&message, "HTTP/1.1 %d %s\r\n", answer.status, http.StatusText(answer.status))
	for _, name := range slices.Sorted(maps.Keys(answer.header)) {
		fmt.Fprintf(&message, "%s: %s\r\n", name, answer.header.Get(name))
	}
	message.WriteString("\r\n")
	message.Write(answer.body)
	_, err = w.Write(message.Bytes())
	return err
}
