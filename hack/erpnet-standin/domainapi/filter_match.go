package domainapi

import (
	"strings"
	"time"
)

type allOf []filterNode

func (nodes allOf) matches(r row) bool {
	for _, n := range nodes {
		if !n.matches(r) {
			return false
		}
	}
	return true
}

// pinned is the text that an attribute must have where nodes match, if they say so.
func pinned(filter filterNode, attribute string) (value string, ok bool) {
	nodes, _ := filter.(allOf)
	for _, n := range nodes {
		if c, isComparison := n.(comparison); isComparison && c.operator == "eq" && c.attribute.name == attribute && !c.attribute.ignoreCase {
			value, ok = c.literal.(string)
			return value, ok
		}
	}
	return "", false
}

type comparison struct {
	attribute *attribute
	operator  string // eq, ge, le
	literal   any
	exactTime bool
}

func (c comparison) matches(r row) bool {
	have, want := r.value(c.attribute.name), c.literal
	if at, ok := want.(time.Time); ok && !c.exactTime {
		// The literal loses its time of day, so ge finds more than asked for and le less; eq means the same day.
		want = dateOf(at)
		if have, isTime := have.(time.Time); isTime && c.operator == "eq" {
			return dateOf(have).Equal(dateOf(at))
		}
	}
	if c.operator == "eq" {
		return sameValue(c.attribute, have, want)
	}
	if have == nil || want == nil {
		return false
	}
	order := compareValues(c.attribute, have, want)
	return c.operator == "ge" && order >= 0 || c.operator == "le" && order <= 0
}

type orNull struct{ comparison }

func (o orNull) matches(r row) bool {
	return r.value(o.attribute.name) == nil || o.comparison.matches(r)
}

type oneOf struct {
	attribute *attribute
	literals  []any
}

func (o oneOf) matches(r row) bool {
	have := r.value(o.attribute.name)
	for _, want := range o.literals {
		if sameValue(o.attribute, have, want) {
			return true
		}
	}
	return false
}

// textFunctions compare lower-cased texts: the instance's database does not tell case in patterns.
var textFunctions = map[string]func(have, part string) bool{
	"contains": strings.Contains, "startswith": strings.HasPrefix, "endswith": strings.HasSuffix,
}

type textMatch struct {
	attribute *attribute
	match     func(have, part string) bool
	part      string
}

func (m textMatch) matches(r row) bool {
	for _, have := range textsOf(r.value(m.attribute.name)) {
		if m.match(strings.ToLower(have), strings.ToLower(m.part)) {
			return true
		}
	}
	return false
}

// textsOf lists the texts of a value: one, one per language, or none.
func textsOf(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case languages:
		var out []string
		for _, s := range v {
			out = append(out, s)
		}
		return out
	}
	return nil
}

func sameValue(a *attribute, have, want any) bool {
	switch h := have.(type) {
	case string:
		if w, ok := want.(string); ok && a.ignoreCase {
			return strings.EqualFold(h, w)
		}
	case time.Time:
		w, ok := want.(time.Time)
		return ok && h.Equal(w)
	}
	return have == want
}

// compareValues orders two values of one attribute; null comes first.
func compareValues(a *attribute, x, y any) int {
	switch x := x.(type) {
	case nil:
		if y == nil {
			return 0
		}
		return -1
	case time.Time:
		if y, ok := y.(time.Time); ok {
			return x.Compare(y)
		}
	case string:
		if y, ok := y.(string); ok && a.kind == guid {
			return compareGUIDs(x, y)
		} else if ok {
			return strings.Compare(x, y)
		}
	}
	return 1
}

func dateOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
