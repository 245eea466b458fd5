// Package audit reads what an API server noted of who asked for what.
package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
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

// Of are the requests of a user in the log of an API server.
func Of(file, user string) (all []Request, err error) {
	log, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("reading a line of the audit log: %w", err)
		}
		if r.User.Username == user && r.ObjectRef != nil {
			all = append(all, r)
		}
	}
	return all, lines.Err()
}

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
