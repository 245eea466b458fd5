package erpnet

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

const (
	applicationSet = "Systems_Security_TrustedApplications"
	userSet        = "Systems_Security_Users"
)

// query are the options of a request for a list.
type query struct {
	filter, selected, expand, orderBy string
	top, skip                         int
}

// String writes the query string. Only values are percent-encoded: the names keep their dollar sign.
func (q query) String() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
		}
	}
	add("$filter", q.filter)
	add("$select", q.selected)
	add("$expand", q.expand)
	add("$orderby", q.orderBy)
	add("$top", strconv.Itoa(q.top))
	if q.skip > 0 {
		add("$skip", strconv.Itoa(q.skip))
	}
	return strings.Join(parts, "&")
}

// literal writes a string of a filter: in single quotes, a quote doubled.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// maxRows bounds a list, whatever $top the server was asked for.
const maxRows = 10_000

var errNotAList = errors.New("not a list of entities")

// parseList reads a list answer: its rows and the link to the next page. A document without a value array is no list,
// so that nothing else can be taken for an empty one.
func parseList(body []byte, row func(json.RawMessage) error) (next string, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return "", errNotAList
	}
	seen := false
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return "", errNotAList
		}
		switch key {
		case "value":
			if seen || parseRows(decoder, row) != nil {
				return "", errNotAList
			}
			seen = true
		case "@odata.nextLink":
			if decoder.Decode(&next) != nil {
				return "", errNotAList
			}
		default:
			var skipped json.RawMessage
			if decoder.Decode(&skipped) != nil {
				return "", errNotAList
			}
		}
	}
	if end, err := decoder.Token(); err != nil || end != json.Delim('}') || decoder.More() || !seen {
		return "", errNotAList
	}
	return next, nil
}

func parseRows(decoder *json.Decoder, row func(json.RawMessage) error) error {
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return errNotAList
	}
	for rows := 0; decoder.More(); rows++ {
		var raw json.RawMessage
		if decoder.Decode(&raw) != nil || rows == maxRows {
			return errNotAList
		}
		if err := row(raw); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}

// parseApplications reads a list of trusted applications. Every row must hold what tells registrations apart.
func parseApplications(body []byte) (rows []attributes, next string, err error) {
	next, err = parseList(body, func(raw json.RawMessage) error {
		var a attributes
		if err := json.Unmarshal(raw, &a); err != nil {
			return err
		}
		if !a.complete() {
			return errNotAnEntity
		}
		rows = append(rows, a)
		return nil
	})
	return rows, next, err
}

// complete says whether a row holds every attribute that a decision is made on.
func (a attributes) complete() bool {
	for _, name := range []string{attrIsEnabled, attrInternalUsers, attrCommunityUsers, attrSystemUserOn} {
		if _, ok := a[name].(bool); !ok {
			return false
		}
	}
	_, hasHash := a[attrSecretHash]
	_, hasUser := a[attrSystemUser]
	return a.id() != "" && a.str(attrApplicationURI) != "" && a.str(attrClientType) != "" && hasHash && hasUser
}
