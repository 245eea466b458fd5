package domainapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

type ordering struct {
	attribute  *attribute
	descending bool
}

// parseOrderBy reads $orderby; only attributes that the model publishes as sortable are allowed.
func parseOrderBy(e *entity, value string) ([]ordering, error) {
	var out []ordering
	for part := range strings.SplitSeq(value, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
			return nil, errBadRequest("Syntax error in $orderby at '{0}'.", part)
		}
		a, ok := e.attribute(words[0])
		if !ok {
			return nil, errUnknownProperty(words[0], e)
		}
		if !a.sortable {
			return nil, errNotSupported("The attribute '{0}' cannot be used in $orderby.", a.name)
		}
		out = append(out, ordering{a, len(words) == 2 && words[1] == "desc"})
	}
	return out, nil
}

// sortRows orders by the given attributes and then by Id in SQL Server's order, which is also the default.
func sortRows(rows []row, order []ordering) {
	byID := &attribute{name: "Id", kind: guid}
	slices.SortFunc(rows, func(x, y row) int {
		for _, o := range order {
			c := compareValues(o.attribute, x.value(o.attribute.name), y.value(o.attribute.name))
			if c != 0 && o.descending {
				return -c
			}
			if c != 0 {
				return c
			}
		}
		return compareValues(byID, x.value("Id"), y.value("Id"))
	})
}

// page cuts the rows that the query asks for out of all sorted ones; more holds the rows that follow.
func (q query) page(rows []row) (page, more []row) {
	if q.skipToken != "" {
		start, _ := slices.BinarySearchFunc(rows, q.skipToken, func(r row, id string) int {
			have, _ := r.value("Id").(string)
			return compareGUIDs(have, id)
		})
		rows = rows[start:]
	}
	rows = rows[min(q.skip, len(rows)):]
	if q.top < 0 || q.top >= len(rows) {
		return rows, nil
	}
	return rows[:q.top], rows[q.top:]
}

// nextLink addresses the page that follows: by the id of its first row, or, where the rows are ordered by something
// else, by their number.
func (h *handler) nextLink(e *entity, q query, following []row) string {
	var parts []string
	for _, o := range q.options {
		if o.name != "$skip" && o.name != "$skiptoken" {
			parts = append(parts, o.name+"="+url.QueryEscape(o.value))
		}
	}
	if len(q.order) > 0 {
		parts = append(parts, "$skip="+strconv.Itoa(q.skip+q.top))
	} else {
		id, _ := following[0].value("Id").(string)
		parts = append(parts, "$skiptoken="+id)
	}
	next := e.set + "?" + strings.Join(parts, "&")
	if h.Quirks.RelativeNextLink {
		return next
	}
	return h.root + next
}
