package domainapi

import "strings"

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // name, operator, number, GUID, date-time, true, false, null
	tokenString           // quoted; text is unquoted
	tokenOpen
	tokenClose
	tokenComma
)

type filterToken struct {
	kind tokenKind
	text string
}

// lexFilter splits a $filter expression; the result always ends with tokenEnd.
func lexFilter(s string) ([]filterToken, error) {
	var out []filterToken
	for s != "" {
		switch s[0] {
		case ' ', '\t':
			s = s[1:]
		case '(':
			out, s = append(out, filterToken{tokenOpen, "("}), s[1:]
		case ')':
			out, s = append(out, filterToken{tokenClose, ")"}), s[1:]
		case ',':
			out, s = append(out, filterToken{tokenComma, ","}), s[1:]
		case '\'':
			value, rest, ok := lexString(s)
			if !ok {
				return nil, errBadRequest("There is an unterminated string literal in the filter.")
			}
			out, s = append(out, filterToken{tokenString, value}), rest
		default:
			end := strings.IndexAny(s, " \t(),'")
			if end < 0 {
				end = len(s)
			}
			out, s = append(out, filterToken{tokenWord, s[:end]}), s[end:]
		}
	}
	return append(out, filterToken{kind: tokenEnd}), nil
}

// lexString reads the quoted literal at the start of s; a doubled quote stands for one.
func lexString(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", "", false
}
