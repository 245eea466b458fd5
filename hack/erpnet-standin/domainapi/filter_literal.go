package domainapi

import (
	"slices"
	"time"
)

// literal reads the next token as a value of the attribute's type; null fits every attribute.
func (p *filterParser) literal(a *attribute) (any, error) {
	t := p.next()
	if t.kind == tokenWord && t.text == "null" {
		return nil, nil
	}
	if value, ok := literalValue(a, t); ok {
		return value, nil
	}
	return nil, badLiteral(a, t)
}

func literalValue(a *attribute, t filterToken) (any, bool) {
	switch a.kind {
	case text:
		return t.text, t.kind == tokenString
	case enumeration:
		return t.text, t.kind == tokenString && slices.Contains(a.values, t.text)
	case reference:
		l, ok := parseLink(t.text)
		return l, ok && t.kind == tokenString && l.set == a.target
	case boolean:
		return t.text == "true", t.kind == tokenWord && (t.text == "true" || t.text == "false")
	case guid:
		id, ok := parseGUID(t.text)
		return id, ok && t.kind == tokenWord
	case moment:
		at, ok := parseMoment(t.text)
		return at, ok && t.kind == tokenWord
	}
	return nil, false
}

// parseMoment reads a date or a date-time with zone.
func parseMoment(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
