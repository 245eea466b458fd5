package domainapi

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

const jsonType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// operation is one request to the service, sent on its own or as a part of a batch.
type operation struct {
	method    string
	path      string // below the service root, unescaped
	query     string // raw
	header    http.Header
	body      []byte
	contentID string            // of a batch part
	created   map[string]string // Content-ID -> @odata.id of what the changeset created so far
}

// reply is the answer to an operation.
type reply struct {
	status int
	header http.Header
	body   []byte
	entity string // @odata.id of the entity that was created
}

func newReply(status int, contentType string, body []byte) reply {
	header := http.Header{"Odata-Version": {"4.0"}}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	return reply{status: status, header: header, body: body}
}

func jsonReply(status int, value any) (reply, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return reply{}, errInternal(err)
	}
	return newReply(status, jsonType, body), nil
}

var resourcePath = regexp.MustCompile(`^([A-Za-z_]+)(?:\(([^()]*)\))?(/\$count)?$`)

// perform serves one operation against db.
func (h *handler) perform(db *database, who token.Caller, op operation) (reply, error) {
	if err := noTransaction(op); err != nil {
		return reply{}, err
	}
	if function, ok := functions[op.path]; ok {
		if err := h.authorize(db, who, nil, op.method); err != nil {
			return reply{}, err
		}
		return function(h, op)
	}
	path := resourcePath.FindStringSubmatch(op.path)
	if path == nil {
		return reply{}, errNoResource(op.path)
	}
	e, ok := h.entities[path[1]]
	if !ok {
		return reply{}, errNoResource(path[1])
	}
	if err := h.authorize(db, who, e, op.method); err != nil {
		return reply{}, err
	}
	id, single, err := entityKey(op.path, path[2])
	if err != nil {
		return reply{}, err
	}
	if path[3] != "" {
		if single || op.method != http.MethodGet {
			return reply{}, errNoResource(op.path)
		}
		return h.count(db, who, e, op)
	}
	if single {
		return h.performOne(db, who, e, id, op)
	}
	switch op.method {
	case http.MethodGet:
		return h.list(db, who, e, op)
	case http.MethodPost:
		return h.create(db, who, e, op)
	}
	return reply{}, errMethod(op.method)
}

// noTransaction refuses requests of an explicit transaction: none was ever begun here.
func noTransaction(op operation) error {
	if id := op.header.Get("TransactionId"); id != "" {
		return errSaving("Invalid TransactionId {0}", id)
	}
	return nil
}

func (h *handler) performOne(db *database, who token.Caller, e *entity, id string, op operation) (reply, error) {
	switch op.method {
	case http.MethodGet:
		return h.single(db, who, e, id, op)
	case http.MethodPatch:
		return h.update(db, e, id, op)
	case http.MethodDelete:
		return h.remove(db, e, id, op)
	}
	return reply{}, errMethod(op.method)
}

// entityKey reads the key of Set(key); single is false for a path without one.
func entityKey(path, key string) (id string, single bool, err error) {
	if !strings.Contains(path, "(") {
		return "", false, nil
	}
	id, ok := parseGUID(key)
	if !ok {
		return "", false, errBadRequest("The key '{0}' is not a GUID.", key)
	}
	return id, true, nil
}

// authorize checks the caller's scopes and, for trusted applications, that the acting user is a database
// administrator. A nil entity stands for the service itself.
func (h *handler) authorize(db *database, who token.Caller, e *entity, method string) error {
	needed := []string{"read"}
	if method != http.MethodGet {
		needed = []string{"update"}
	}
	if e != nil && e.security {
		needed = append(needed, "sec")
	}
	for _, scope := range needed {
		if !slices.Contains(who.Scopes, scope) {
			return errForbidden(h.Quirks.ForbiddenStatus, "The token does not carry the scope '{0}'.", scope)
		}
	}
	if e != nil && e.adminOnly {
		if user, ok := db.store.UserByLogin(who.Login); !ok || !user.IsAdmin {
			return errForbidden(h.Quirks.ForbiddenStatus, "The user '{0}' is not a database administrator.", who.Login)
		}
	}
	return nil
}
