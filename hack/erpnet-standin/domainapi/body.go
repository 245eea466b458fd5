package domainapi

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// changes are the attributes that a write sets.
type changes struct {
	values  map[string]any // by attribute name; nil = null
	version *int32         // the ObjectVersion that the record must have; nil = no check
}

// readChanges checks the body of a write against the model of e and resolves its references.
func (h *handler) readChanges(db *database, e *entity, op operation, creating bool) (changes, error) {
	body, err := readObject(op)
	if err != nil {
		return changes{}, err
	}
	c := changes{values: map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		value := body[name]
		switch {
		case strings.HasPrefix(name, "@"):
			err = checkAnnotation(e, name, value, creating)
		case name == "ObjectVersion" && !creating:
			c.version, err = objectVersion(value)
		default:
			err = h.readProperty(db, e, op, c.values, name, value, creating)
		}
		if err != nil {
			return changes{}, err
		}
	}
	return c, nil
}

func readObject(op operation) (map[string]any, error) {
	mediaType, _, err := mime.ParseMediaType(op.header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return nil, errNotSupported("The content type of a write must be application/json.")
	}
	decoder := json.NewDecoder(bytes.NewReader(op.body))
	decoder.UseNumber()
	var body map[string]any
	if err := decoder.Decode(&body); err != nil || body == nil {
		return nil, errBadRequest("The body is not a JSON object.")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errBadRequest("There is something behind the JSON object of the body.")
	}
	return body, nil
}

// checkAnnotation accepts what says nothing new and refuses every action that could write something else.
func checkAnnotation(e *entity, name string, value any, creating bool) error {
	expected := "update"
	if creating {
		expected = "create"
	}
	switch name {
	case "@odata.type":
		if s, _ := value.(string); strings.TrimPrefix(s, "#") == e.typeName {
			return nil
		}
		return errBadRequest("The type of the body is not '{0}'.", e.typeName)
	case "@odata.context":
		return nil
	case "@erpnet.action":
		if value == expected {
			return nil
		}
		return errNotSupported("The stand-in supports only the action '{0}' here.", expected)
	}
	return errNotSupported("The annotation '{0}' is not supported by the stand-in.", name)
}

func objectVersion(value any) (*int32, error) {
	if value == nil { // no lock possible: the record was read without a version
		return nil, nil
	}
	number, _ := value.(json.Number)
	n, err := strconv.ParseInt(number.String(), 10, 32)
	if err != nil {
		return nil, errBadRequest("The value of '{0}' has the wrong type.", "ObjectVersion")
	}
	version := int32(n)
	return &version, nil
}

func (h *handler) readProperty(db *database, e *entity, op operation, into map[string]any, name string, value any, creating bool) error {
	name, bound := strings.CutSuffix(name, "@odata.bind")
	a, ok := e.attribute(name)
	if !ok {
		return errUnknownProperty(name, e)
	}
	if a.readOnly || a.createOnly && !creating {
		return errSaving("Constraint failed: the attribute '{0}' is read-only.", name)
	}
	if _, twice := into[name]; twice {
		return errBadRequest("The property '{0}' is given twice.", name)
	}
	if bound && a.kind != reference {
		return errBadRequest("The property '{0}' is not a reference.", name)
	}
	var converted any
	var err error
	if a.kind == reference {
		converted, err = h.readReference(db, a, op, value, bound)
	} else {
		converted, err = convert(a, value)
	}
	if err == nil {
		into[name] = converted
	}
	return err
}

// convert turns a JSON value into a value of the attribute.
func convert(a *attribute, value any) (any, error) {
	if value == nil {
		if a.required {
			return nil, errSaving("Constraint failed: the attribute '{0}' must have a value.", a.name)
		}
		return nil, nil
	}
	wrongType := errBadRequest("The value of '{0}' has the wrong type.", a.name)
	switch a.kind {
	case boolean:
		if b, ok := value.(bool); ok {
			return b, nil
		}
	case multilanguage:
		if texts, ok := value.(map[string]any); ok {
			return convertLanguages(a, texts)
		}
	default:
		if s, ok := value.(string); ok {
			return convertText(a, s)
		}
	}
	return nil, wrongType
}

func convertText(a *attribute, s string) (any, error) {
	switch a.kind {
	case guid:
		id, ok := parseGUID(s)
		if !ok {
			return nil, errBadRequest("The value of '{0}' is not a GUID.", a.name)
		}
		return id, nil
	case enumeration:
		if !slices.Contains(a.values, s) {
			return nil, errBadRequest("The value '{0}' is not one of the enumeration '{1}'.", s, a.name)
		}
	case text:
		if a.maxLength > 0 && utf16Length(s) > a.maxLength {
			return nil, tooLong(a)
		}
	}
	return s, nil
}

func convertLanguages(a *attribute, texts map[string]any) (any, error) {
	out := languages{}
	for key, value := range texts {
		s, ok := value.(string)
		if !ok || len(key) != 2 {
			return nil, errBadRequest("The value of '{0}' is not a multi-language string.", a.name)
		}
		if utf16Length(s) > a.maxLength {
			return nil, tooLong(a)
		}
		out[strings.ToUpper(key)] = s
	}
	if len(out) == 0 {
		return nil, errSaving("Constraint failed: the attribute '{0}' must have a value.", a.name)
	}
	return out, nil
}

// tooLong leaves the value out: it may be one that does not belong into a log.
func tooLong(a *attribute) error {
	return errSaving("Constraint failed: the value of the attribute '{0}' is too long.", a.name)
}

// utf16Length counts as the database does.
func utf16Length(s string) int { return len(utf16.Encode([]rune(s))) }
