package domainapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"
)

// maxBatchParts bounds the requests of one batch.
const maxBatchParts = 1000

// batchPart is a single request or a changeset.
type batchPart struct {
	operations  []operation
	isChangeset bool
}

// parseBatch reads a multipart/mixed batch.
func (h *handler) parseBatch(op operation) ([]batchPart, error) {
	reader, ok := partReader(op.header.Get("Content-Type"), bytes.NewReader(op.body))
	if !ok {
		return nil, errNotSupported("A batch must be multipart/mixed with a boundary.")
	}
	var out []batchPart
	err := eachPart(reader, func(part *multipart.Part) error {
		nested, isChangeset := partReader(part.Header.Get("Content-Type"), part)
		if !isChangeset {
			op, err := h.parseOperation(part)
			out = append(out, batchPart{operations: []operation{op}})
			return err
		}
		operations, err := h.parseChangeset(nested)
		out = append(out, batchPart{operations: operations, isChangeset: true})
		return err
	})
	return out, err
}

func (h *handler) parseChangeset(reader *multipart.Reader) ([]operation, error) {
	var out []operation
	seen := map[string]bool{}
	err := eachPart(reader, func(part *multipart.Part) error {
		op, err := h.parseOperation(part)
		if err != nil {
			return err
		}
		if op.contentID == "" || seen[op.contentID] {
			return errBadRequest("Every request of a changeset needs a Content-ID of its own.")
		}
		seen[op.contentID] = true
		out = append(out, op)
		return nil
	})
	return out, err
}

func partReader(contentType string, body io.Reader) (*multipart.Reader, bool) {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/mixed" || parameters["boundary"] == "" {
		return nil, false
	}
	return multipart.NewReader(body, parameters["boundary"]), true
}

func eachPart(reader *multipart.Reader, f func(*multipart.Part) error) error {
	for n := 0; ; n++ {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errBadRequest("The batch is not well-formed.")
		}
		if n == maxBatchParts {
			return errNotSupported("The batch has too many parts.")
		}
		if err := f(part); err != nil {
			return err
		}
	}
}

// parseOperation reads the HTTP request inside a part. It does not use net/http, which refuses the relative targets
// that batches use.
func (h *handler) parseOperation(part *multipart.Part) (operation, error) {
	malformed := errBadRequest("A part of the batch is not an HTTP request.")
	if mediaType, _, err := mime.ParseMediaType(part.Header.Get("Content-Type")); err != nil || mediaType != "application/http" {
		return operation{}, malformed
	}
	reader := textproto.NewReader(bufio.NewReader(part))
	line, err := reader.ReadLine()
	if err != nil {
		return operation{}, malformed
	}
	words := strings.Fields(line)
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/1.") {
		return operation{}, malformed
	}
	header, err := reader.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return operation{}, malformed
	}
	body, err := io.ReadAll(reader.R)
	if err != nil {
		return operation{}, malformed
	}
	path, query, err := h.splitTarget(words[1])
	if err != nil {
		return operation{}, err
	}
	contentID := part.Header.Get("Content-Id")
	if contentID == "" {
		contentID = header.Get("Content-Id")
	}
	return operation{method: words[0], path: path, query: query, header: map[string][]string(header), body: body, contentID: contentID}, nil
}

// splitTarget reads the target of a part: absolute, relative to the host, or relative to the service root.
func (h *handler) splitTarget(target string) (path, query string, err error) {
	target = strings.TrimPrefix(target, h.root)
	target = strings.TrimPrefix(target, apiPrefix+"odata/")
	rawPath, query, _ := strings.Cut(target, "?")
	if path, err = url.PathUnescape(rawPath); err != nil || strings.Contains(path, ":") {
		return "", "", errBadRequest("The target of a part of the batch is not below the service root.")
	}
	return path, query, nil
}
