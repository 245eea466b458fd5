package domainapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// matching returns the rows that the query's filter and search let through.
func (q query) matching(e *entity, rows []row) []row {
	return slices.DeleteFunc(rows, func(r row) bool {
		return q.filter != nil && !q.filter.matches(r) || q.search != "" && !found(e, r, q.search)
	})
}

// found says whether one of the entity's search members contains the lower-case text.
func found(e *entity, r row, part string) bool {
	return slices.ContainsFunc(e.search, func(name string) bool {
		return slices.ContainsFunc(textsOf(r.value(name)), func(have string) bool {
			return strings.Contains(strings.ToLower(have), part)
		})
	})
}

func (h *handler) list(db *database, who token.Caller, e *entity, op operation) (reply, error) {
	q, err := h.parseQuery(e, op.query, listOptions)
	if err != nil {
		return reply{}, err
	}
	if q.skipToken != "" && len(q.order) > 0 {
		return reply{}, errBadRequest("A skip token cannot be combined with $orderby.")
	}
	rows := q.matching(e, e.candidates(db, who, q.filter))
	sortRows(rows, q.order)
	page, following := q.page(rows)

	values := make([]object, len(page))
	for i, r := range page {
		values[i] = h.render(db, who, e, r, q.selected, q.skipNulls)
	}
	out := object{{"@odata.context", h.root + "$metadata#" + e.set}}
	if q.count {
		out = append(out, member{"@odata.count", len(rows)})
	}
	out = append(out, member{"value", values})
	if len(following) > 0 && q.top > 0 && h.Version.HasNextLink() {
		out = append(out, member{"@odata.nextLink", h.nextLink(e, q, following)})
	}
	return jsonReply(http.StatusOK, out)
}

func (h *handler) single(db *database, who token.Caller, e *entity, id string, op operation) (reply, error) {
	q, err := h.parseQuery(e, op.query, singleOptions)
	if err != nil {
		return reply{}, err
	}
	r, ok := e.find(db, who, id)
	if !ok {
		return reply{}, errNoEntity(h.Quirks.NotFoundStatus, e, id)
	}
	return h.entityReply(http.StatusOK, e, h.render(db, who, e, r, q.selected, q.skipNulls))
}

func (h *handler) entityReply(status int, e *entity, body object) (reply, error) {
	return jsonReply(status, append(object{{"@odata.context", h.root + "$metadata#" + e.set + "/$entity"}}, body...))
}

func (h *handler) count(db *database, who token.Caller, e *entity, op operation) (reply, error) {
	q, err := h.parseQuery(e, op.query, countOptions)
	if err != nil {
		return reply{}, err
	}
	n := len(q.matching(e, e.candidates(db, who, q.filter)))
	return newReply(http.StatusOK, "text/plain;charset=utf-8", []byte(strconv.Itoa(n))), nil
}
