// Package template renders what application teams write as templates: entries of a published Secret, and fields of the applications of a set. A
// template sees the values of its own application or server and nothing else: no environment, file, network, time or chance. It cannot loop, grow or
// recurse beyond small bounds.
package template

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

const (
	// maxOutput is the longest entry that a template renders, in bytes.
	maxOutput = 64 << 10
	// maxTotal is the length of all entries together: a Secret holds one MiB.
	maxTotal = 256 << 10
	// maxDepth is how deep ranges may be nested: each goes over one of the short lists of Values.
	maxDepth = 2
)

// Values are what a template sees. Text that the server or the application does not have is empty.
type Values struct {
	// ClientID, ClientSecret and NextClientSecret are the credential, and the secret that is announced.
	ClientID, ClientSecret, NextClientSecret string
	// PrivateKey, PrivateKeyJWK and KeyID are the key of an application that has no secret: PKCS #8 in PEM, JWK, and its kid.
	PrivateKey, PrivateKeyJWK, KeyID string
	// Issuer and the endpoints are those of the server; APIURL is the base URL of the API that tokens are for.
	Issuer, TokenEndpoint, AuthorizationEndpoint, EndSessionEndpoint, UserInfoEndpoint, JWKSURI, APIURL string
	// Scope has all Scopes, separated by spaces.
	Scope string
	// Scopes, RedirectURIs and PostLogoutRedirectURIs are those of the registration.
	Scopes, RedirectURIs, PostLogoutRedirectURIs []string
	// Name and Namespace are those of the TrustedApplication, Server is the name of its IdentityServer.
	Name, Namespace, Server string
	// SystemUser is the login of the user that the application acts as.
	SystemUser string
	// Interactive and Service say what the application does.
	Interactive, Service bool
}

// Error is a template that cannot be rendered. It never holds a value, only the template's own text.
type Error struct {
	// Key is the entry, Problem what is wrong with it.
	Key, Problem string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("the entry %q: %s", e.Key, e.Problem) }

// Render renders all entries, or none: the error is that of the first by name that cannot be.
func Render(presets []string, entries map[string]string, v Values) (map[string][]byte, error) {
	all := map[string]string{}
	for _, name := range presets {
		text, ok := presetTexts[name]
		if !ok {
			return nil, &Error{Key: name, Problem: "there is no such preset"}
		}
		if v.PrivateKeyJWK != "" {
			return nil, &Error{Key: name, Problem: "presets write a client_secret, and this application has a key: write an entry of data instead"}
		}
		all[name] = text
	}
	for key, text := range entries {
		if _, twice := all[key]; twice {
			return nil, &Error{Key: key, Problem: "a preset has the same name: remove one of them"}
		}
		all[key] = text
	}
	out, total := make(map[string][]byte, len(all)), 0
	for _, key := range slices.Sorted(maps.Keys(all)) {
		value, err := render(key, all[key], v)
		if err != nil {
			return nil, err
		}
		if total += len(value); total > maxTotal {
			return nil, &Error{Key: key, Problem: fmt.Sprintf("all entries together are longer than %d bytes", maxTotal)}
		}
		out[key] = value
	}
	return out, nil
}

func render(key, text string, v Values) ([]byte, error) {
	t, err := template.New("template").Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return nil, &Error{Key: key, Problem: "it cannot be read: " + strings.TrimPrefix(err.Error(), "template: template:")}
	}
	if len(t.Templates()) > 1 {
		return nil, &Error{Key: key, Problem: "define and block are not allowed"}
	}
	if t.Tree != nil {
		if problem := check(t.Root, 0); problem != "" {
			return nil, &Error{Key: key, Problem: problem}
		}
	}
	out := &limited{limit: maxOutput}
	if err := t.Execute(out, v); err != nil {
		return nil, &Error{Key: key, Problem: problemOf(err)}
	}
	return out.b, nil
}

// check finds what could run or grow without bound.
func check(node parse.Node, depth int) string {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return ""
		}
		for _, child := range n.Nodes {
			if problem := check(child, depth); problem != "" {
				return problem
			}
		}
	case *parse.TemplateNode:
		return "template is not allowed"
	case *parse.RangeNode:
		if depth == maxDepth {
			return fmt.Sprintf("more than %d ranges within each other are not allowed", maxDepth)
		}
		if !overList(n.Pipe) {
			return "range goes over .Scopes, .RedirectURIs or .PostLogoutRedirectURIs only"
		}
		return check(n.List, depth+1) + check(n.ElseList, depth)
	case *parse.IfNode:
		return check(n.List, depth) + check(n.ElseList, depth)
	case *parse.WithNode:
		return check(n.List, depth) + check(n.ElseList, depth)
	}
	return ""
}

// overList says whether a pipeline is one of the lists of Values and nothing else. Numbers can be ranged over, too, to any height.
func overList(pipe *parse.PipeNode) bool {
	if len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 1 {
		return false
	}
	var fields []string
	switch n := pipe.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		fields = n.Ident
	case *parse.VariableNode: // $.Scopes, within another range
		fields = n.Ident[1:]
	}
	return len(fields) == 1 && slices.Contains([]string{"Scopes", "RedirectURIs", "PostLogoutRedirectURIs"}, fields[0])
}

var place = regexp.MustCompile(`^template: template:(\d+:\d+): executing "template" at (<.*?>): `)

// problemOf tells where a template failed, without what it failed on: such texts quote values.
func problemOf(err error) string {
	if errors.Is(err, errTooLong) {
		return fmt.Sprintf("it is longer than %d bytes", maxOutput)
	}
	if m := place.FindStringSubmatch(err.Error()); m != nil {
		return m[1] + ": " + m[2] + " cannot be evaluated: check the name of the value, the function and its arguments"
	}
	return "it cannot be rendered"
}

var errTooLong = errors.New("too long")

// limited keeps what is written, up to a limit.
type limited struct {
	b     []byte
	limit int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if len(l.b)+len(p) > l.limit {
		return 0, errTooLong
	}
	l.b = append(l.b, p...)
	return len(p), nil
}
