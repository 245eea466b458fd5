package domainapi

import (
	"bytes"
	"encoding/json"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// object is a JSON object that keeps the order of its members, annotations first.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// render shows the selected and expanded attributes of a row.
func (h *handler) render(db *database, who token.Caller, e *entity, r row, s selection, skipNulls bool) object {
	id, _ := r.value("Id").(string)
	out := object{{"@odata.id", odataID(e.set, id)}}
	for _, a := range e.attributes {
		inner, expanded := s.expand[a.name]
		if !expanded && !s.names[a.name] {
			continue
		}
		value := wireValue(r.value(a.name))
		if l, ok := r.value(a.name).(link); ok && expanded {
			if to, found := h.entities[l.set].find(db, who, l.id); found {
				value = h.render(db, who, h.entities[l.set], to, inner, skipNulls)
			}
		}
		if value != nil || !skipNulls {
			out = append(out, member{a.name, value})
		}
	}
	return out
}

func wireValue(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case link:
		return object{{"@odata.id", odataID(v.set, v.id)}}
	case []row: // the stand-in's child lists are always empty
		return []object{}
	}
	return v
}
