// Package audit reads what an API server noted of who asked for what.
package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// Request is one that ended, about a resource.
type Request struct {
	Verb           string
	User           struct{ Username string }
	ResponseStatus struct {
		Code    int
		Message string
	}
	ObjectRef *struct{ APIGroup, Resource, Subresource, Namespace, Name string }
}

// Log is the log of an API server, read as far as it goes.
type Log struct {
	file, user string
	read       int64
}

// Follow reads what a user asks for, from the beginning.
func Follow(file, user string) *Log { return &Log{file: file, user: user} }

// Next are the requests that were noted since the last call. A line that is not yet written to its end is left for the next one.
func (l *Log) Next() (all []Request, err error) {
	file, err := os.Open(l.file)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Seek(l.read, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		l.read += int64(len(line))
		var r Request
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("reading a line of the audit log: %w", err)
		}
		if r.User.Username == l.user && r.ObjectRef != nil {
			all = append(all, r)
		}
	}
}

// Of are all requests of a user so far.
func Of(file, user string) ([]Request, error) { return Follow(file, user).Next() }

// Refused says whether the user lacked a permission.
func (r Request) Refused() bool { return r.ResponseStatus.Code == http.StatusForbidden }

// String says what was asked for, and what was said.
func (r Request) String() string {
	return fmt.Sprintf("%s %s, in %q: %d %s", r.Verb, r.Resource(), r.ObjectRef.Namespace, r.ResponseStatus.Code, r.ResponseStatus.Message)
}

// Resource is what was asked for, as roles name it, with its group after a dot.
func (r Request) Resource() string {
	resource := r.ObjectRef.Resource
	if r.ObjectRef.Subresource != "" {
		resource += "/" + r.ObjectRef.Subresource
	}
	if r.ObjectRef.APIGroup != "" {
		resource += "." + r.ObjectRef.APIGroup
	}
	return resource
}
