package domainapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// query holds the options of a read.
type query struct {
	options   []option // as received, for the next link
	filter    filterNode
	selected  selection
	order     []ordering
	top       int // -1 = not given
	skip      int
	skipToken string // id of the first row of the page
	count     bool
	search    string
	skipNulls bool
}

type option struct{ name, value string }

// The options that each kind of read understands, beside those without a dollar sign.
var (
	listOptions   = []string{"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$search"}
	singleOptions = []string{"$select", "$expand"}
	countOptions  = []string{"$filter", "$search"}
)

// parseOptions splits a raw query. It does not use net/url's parser, which refuses the semicolons of $expand.
func parseOptions(raw string) ([]option, error) {
	var out []option
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, errBadRequest("The query option '{0}' is malformed.", rawName)
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, errBadRequest("The value of the query option '{0}' is malformed.", name)
		}
		if slices.ContainsFunc(out, func(o option) bool { return o.name == name }) {
			return nil, errBadRequest("The query option '{0}' is given twice.", name)
		}
		out = append(out, option{name, value})
	}
	return out, nil
}

// parseQuery reads the options of a read of e; an option that is not among the allowed ones is refused, never ignored.
func (h *handler) parseQuery(e *entity, raw string, allowed []string) (query, error) {
	options, err := parseOptions(raw)
	if err != nil {
		return query{}, err
	}
	q := query{options: options, top: -1, selected: defaultSelection(e)}
	for _, o := range options {
		if strings.HasPrefix(o.name, "$") && !slices.Contains(allowed, o.name) {
			return query{}, errNotSupported("The query option '{0}' is not supported here.", o.name)
		}
		if err := h.readOption(&q, e, o); err != nil {
			return query{}, err
		}
	}
	return q, nil
}

func (h *handler) readOption(q *query, e *entity, o option) (err error) {
	switch o.name {
	case "$filter":
		q.filter, err = parseFilter(e, o.value, h.Quirks.FullDateTimeFilter)
	case "$select":
		q.selected.names, err = parseSelect(e, o.value)
	case "$expand":
		q.selected.expand, err = h.parseExpand(e, o.value)
	case "$orderby":
		q.order, err = parseOrderBy(e, o.value)
	case "$top":
		q.top, err = parseCount(o)
	case "$skip":
		q.skip, err = parseCount(o)
	case "$skiptoken":
		var ok bool
		if q.skipToken, ok = parseGUID(o.value); !ok {
			err = errBadRequest("The skip token is not valid.")
		}
	case "$count":
		if q.count = o.value == "true"; !q.count && o.value != "false" {
			err = errBadRequest("The value of $count must be true or false.")
		}
	case "$search":
		q.search = strings.ToLower(strings.Trim(o.value, `"`))
	case "options":
		if q.skipNulls = o.value == "skipnulls"; !q.skipNulls {
			err = errNotSupported("The option '{0}' is not supported by the stand-in.", o.value)
		}
	}
	return err
}

func parseCount(o option) (int, error) {
	n, err := strconv.Atoi(o.value)
	if err != nil || n < 0 {
		return 0, errBadRequest("The value of {0} must be a number that is not negative.", o.name)
	}
	return n, nil
}

// noOptions refuses query options on a request that has no use for them.
func noOptions(raw string) error {
	options, err := parseOptions(raw)
	if err != nil {
		return err
	}
	for _, o := range options {
		if strings.HasPrefix(o.name, "$") || o.name == "options" {
			return errNotSupported("The query option '{0}' is not supported here.", o.name)
		}
	}
	return nil
}
