package domainapi

import "strings"

// selection says which attributes of an entity are returned.
type selection struct {
	names  map[string]bool
	expand map[string]selection // references that are returned with their attributes
}

func defaultSelection(e *entity) selection {
	names := map[string]bool{}
	addDefaults(e, names)
	return selection{names: names}
}

func addDefaults(e *entity, names map[string]bool) {
	for _, a := range e.attributes {
		if !a.onRequest {
			names[a.name] = true
		}
	}
}

// parseSelect reads a comma-separated $select; default and * stand for the default attributes.
func parseSelect(e *entity, value string) (map[string]bool, error) {
	names := map[string]bool{}
	for part := range strings.SplitSeq(value, ",") {
		name := strings.TrimSpace(part)
		if name == "default" || name == "*" {
			addDefaults(e, names)
			continue
		}
		if _, ok := e.attribute(name); !ok {
			return nil, errUnknownProperty(name, e)
		}
		names[name] = true
	}
	return names, nil
}
