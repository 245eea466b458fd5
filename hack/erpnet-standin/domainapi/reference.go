package domainapi

import (
	"maps"
	"slices"
	"strings"

	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// searchKeys are the keys of @erpnet.findBy in their documented priority: only the first one given counts.
var searchKeys = []string{"ExternalId", "Id", "Code", "Name", "DisplayText"}

// readReference resolves the body value of a reference to a link, or nil. Whatever could create or change the
// referenced record is refused.
func (h *handler) readReference(db *database, a *attribute, op operation, value any, bound bool) (any, error) {
	if value == nil {
		if a.required {
			return nil, errSaving("Constraint failed: the reference '{0}' must have a value.", a.name)
		}
		return nil, nil
	}
	if bound {
		return h.linkTo(db, a, op, value)
	}
	nested, ok := value.(map[string]any)
	if !ok {
		return nil, errBadRequest("The value of the reference '{0}' is not an object.", a.name)
	}
	if id, ok := nested["@odata.id"]; ok {
		if len(nested) > 1 {
			return nil, refusedNested(a, "merge")
		}
		return h.linkTo(db, a, op, id)
	}
	return h.findReference(db, a, nested)
}

// linkTo reads an @odata.id: relative to the service root, absolute, or $Content-ID of the same changeset.
func (h *handler) linkTo(db *database, a *attribute, op operation, value any) (any, error) {
	address, _ := value.(string)
	if contentID, ok := strings.CutPrefix(address, "$"); ok {
		address = op.created[contentID]
	}
	to, ok := parseLink(strings.TrimPrefix(address, h.root))
	if !ok || to.set != a.target {
		return nil, errBadRequest("The value of the reference '{0}' is not an id of the set '{1}'.", a.name, a.target)
	}
	if _, exists := h.entities[to.set].find(db, token.Caller{}, to.id); !exists {
		return nil, errSaving("Constraint failed: the reference '{0}' refers to '{1}', which does not exist.", a.name, odataID(to.set, to.id))
	}
	return to, nil
}

func refusedNested(a *attribute, action string) error {
	return errNotSupported("The action '{1}' on the reference '{0}' could write another record; the stand-in refuses it.", a.name, action)
}

// findReference resolves an explicit or implicit find.
func (h *handler) findReference(db *database, a *attribute, nested map[string]any) (any, error) {
	nested = maps.Clone(nested)
	action, explicit := nested["@erpnet.action"].(string)
	delete(nested, "@erpnet.action")
	criteria := map[string]string{}
	if by, ok := nested["@erpnet.findBy"].(map[string]any); ok {
		delete(nested, "@erpnet.findBy")
		for key, value := range by {
			if !slices.Contains(append(searchKeys, "ExternalSystem"), key) {
				return nil, errNotSupported("The key '{0}' is not supported in @erpnet.findBy.", key)
			}
			criteria[key], _ = value.(string)
		}
	}
	for key, value := range nested { // the record's own members name what to find
		if key == "Login" {
			key = "Code"
		}
		if !slices.Contains(searchKeys, key) {
			return nil, refusedNested(a, "merge")
		}
		if _, given := criteria[key]; !given {
			criteria[key], _ = value.(string)
		}
	}
	if !explicit {
		action = "find"
	}
	if !strings.HasPrefix(action, "find") || action == "findOrCreate" {
		return nil, refusedNested(a, action)
	}
	return h.pick(db, a, action, criteria)
}

// pick applies the find action to what the criteria match.
func (h *handler) pick(db *database, a *attribute, action string, criteria map[string]string) (any, error) {
	hits := h.search(db, a.target, criteria)
	single := strings.HasPrefix(action, "findSingle")
	switch action {
	case "find", "findSingle", "findOrNull", "findSingleOrNull":
	default:
		return nil, refusedNested(a, action)
	}
	if single && len(hits) > 1 {
		return nil, errSaving("More than one object matches the reference '{0}'.", a.name)
	}
	if len(hits) > 0 {
		return hits[0], nil
	}
	if strings.HasSuffix(action, "OrNull") {
		return nil, nil
	}
	return nil, errSaving("No object matches the reference '{0}'.", a.name)
}

// search lists what matches the criterion of the highest priority, in the order of the set.
func (h *handler) search(db *database, set string, criteria map[string]string) []link {
	key := ""
	for _, k := range searchKeys {
		if _, ok := criteria[k]; ok {
			key = k
			break
		}
	}
	want := criteria[key]
	rows := h.entities[set].rows(db, token.Caller{})
	sortRows(rows, nil)
	var out []link
	for _, r := range rows {
		id, _ := r.value("Id").(string)
		match := false
		switch key {
		case "Id":
			match = strings.EqualFold(id, want)
		case "Code":
			match = r.value("Login") == want
		case "Name", "DisplayText": // the documented trap: a case-insensitive contains
			match = slices.ContainsFunc(textsOf(r.value("Name")), func(have string) bool {
				return strings.Contains(strings.ToLower(have), strings.ToLower(want))
			})
		}
		if match {
			out = append(out, link{set, id})
		}
	}
	return out
}
