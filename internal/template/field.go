package template

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"text/template"
	"text/template/parse"
)

// maxField is the longest text that a field is rendered to, in bytes: the longest annotation that a TrustedApplicationSet may give.
const maxField = 1024

// Server is what the fields of a TrustedApplicationSet are rendered from.
type Server struct {
	// Name is that of the IdentityServer.
	Name string
	// Labels and Annotations are those that it carries.
	Labels, Annotations map[string]string
}

// fieldFunctions are those of entries, with an index that does not take a key that is missing for an empty text.
var fieldFunctions = makeFieldFunctions()

func makeFieldFunctions() template.FuncMap {
	all := maps.Clone(functions)
	all["index"] = func(values map[string]string, key string) (string, error) {
		value, ok := values[key]
		if !ok {
			return "", &missing{key}
		}
		return value, nil
	}
	return all
}

// missing is a label or annotation that the server does not have.
type missing struct{ key string }

// Error implements error.
func (m *missing) Error() string {
	return fmt.Sprintf("the server has no label or annotation %q", m.key)
}

// Field renders one field of the TrustedApplication of a server. A label or annotation that the server does not have is an error, which names it.
func Field(name, text string, server Server) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	t, err := template.New("template").Option("missingkey=error").Funcs(fieldFunctions).Parse(text)
	if err != nil {
		return "", &Error{Key: name, Problem: "it cannot be read: " + strings.TrimPrefix(err.Error(), "template: template:")}
	}
	if len(t.Templates()) > 1 {
		return "", &Error{Key: name, Problem: "define and block are not allowed"}
	}
	if t.Tree == nil {
		return "", nil
	}
	if ranges(t.Root) {
		return "", &Error{Key: name, Problem: "range is not allowed"}
	}
	if problem := check(t.Root, 0); problem != "" {
		return "", &Error{Key: name, Problem: problem}
	}
	out := &limited{limit: maxField}
	err = t.Execute(out, struct{ Server Server }{server})
	switch key, lacks := missingKey(err); {
	case err == nil:
		return string(out.b), nil
	case lacks:
		problem := fmt.Sprintf("the IdentityServer %s has no label or annotation %q: add it there, or change the template", server.Name, key)
		return "", &Error{Key: name, Problem: problem}
	case errors.Is(err, errTooLong):
		return "", &Error{Key: name, Problem: fmt.Sprintf("it is longer than %d bytes", maxField)}
	}
	return "", &Error{Key: name, Problem: problemOf(err)}
}

var noEntry = regexp.MustCompile(`map has no entry for key "([^"]*)"`)

// missingKey is the label or annotation that a template failed for, whichever way it asked.
func missingKey(err error) (string, bool) {
	if lacking, ok := errors.AsType[*missing](err); ok {
		return lacking.key, true
	}
	if err != nil {
		if m := noEntry.FindStringSubmatch(err.Error()); m != nil {
			return m[1], true
		}
	}
	return "", false
}

// ranges says whether a template has a range anywhere: fields have nothing to go over.
func ranges(node parse.Node) bool {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				if ranges(child) {
					return true
				}
			}
		}
	case *parse.RangeNode:
		return true
	case *parse.IfNode:
		return ranges(n.List) || ranges(n.ElseList)
	case *parse.WithNode:
		return ranges(n.List) || ranges(n.ElseList)
	}
	return false
}
