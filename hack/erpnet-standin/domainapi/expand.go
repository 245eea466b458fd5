package domainapi

import "strings"

// parseExpand reads $expand: references or child lists of e, each with an optional ($select=...).
func (h *handler) parseExpand(e *entity, value string) (map[string]selection, error) {
	out := map[string]selection{}
	for _, part := range splitOutsideParentheses(value) {
		name, nested, hasNested := strings.Cut(strings.TrimSpace(part), "(")
		a, ok := e.attribute(name)
		if !ok {
			return nil, errUnknownProperty(name, e)
		}
		if a.kind != reference && a.kind != children {
			return nil, errBadRequest("The property '{0}' cannot be expanded.", name)
		}
		target := h.entities[a.target]
		inner := defaultSelection(target)
		if hasNested {
			options, closed := strings.CutSuffix(nested, ")")
			if !closed {
				return nil, errBadRequest("Syntax error in $expand at '{0}'.", part)
			}
			var err error
			if inner.names, err = nestedSelect(target, options); err != nil {
				return nil, err
			}
		}
		out[name] = inner
	}
	return out, nil
}

// nestedSelect reads the options of one expanded property, separated by semicolons.
func nestedSelect(target *entity, options string) (map[string]bool, error) {
	var names map[string]bool
	for part := range strings.SplitSeq(options, ";") {
		name, value, _ := strings.Cut(part, "=")
		if name != "$select" {
			return nil, errNotSupported("The nested query option '{0}' is not supported by the stand-in.", name)
		}
		selected, err := parseSelect(target, value)
		if err != nil {
			return nil, err
		}
		names = selected
	}
	return names, nil
}

// splitOutsideParentheses splits at the commas that no parenthesis encloses.
func splitOutsideParentheses(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}
