package domainapi

import (
	"net/http"
	"slices"
	"strings"
)

type modelDescription struct {
	Name            string               `json:"Name"`
	EntitySet       string               `json:"EntitySet"`
	EntityType      string               `json:"EntityType"`
	Attributes      []modelAttribute     `json:"Attributes"`
	References      []modelReference     `json:"References"`
	ChildCollection []modelReferenceName `json:"ChildCollections"`
}

type modelAttribute struct {
	Name       string           `json:"Name"`
	Type       string           `json:"Type"`
	ReadOnly   bool             `json:"ReadOnly"`
	EnumValues []modelEnumValue `json:"enumValues,omitempty"`
	BaseInfo   modelBaseInfo    `json:"BaseInfo"`
}

type modelEnumValue struct {
	Name string `json:"Name"`
}

type modelBaseInfo struct {
	MaxLength        *int   `json:"MaxLength"` // null = no limit
	Nullable         bool   `json:"Nullable"`
	SupportedFilters string `json:"SupportedFilters"`
	Sortable         bool   `json:"Sortable"`
}

type modelReference struct {
	Name     string        `json:"Name"`
	Target   string        `json:"Target"`
	ReadOnly bool          `json:"ReadOnly"`
	BaseInfo modelBaseInfo `json:"BaseInfo"`
}

type modelReferenceName struct {
	Name   string `json:"Name"`
	Target string `json:"Target"`
}

// describeModel answers standardmodel/{set} and currentmodel/{set}.
func describeModel(method string, entities map[string]*entity, set string) (reply, error) {
	e, ok := entities[set]
	if !ok {
		return reply{}, errNoResource(set)
	}
	if method != http.MethodGet {
		return reply{}, errMethod(method)
	}
	return jsonReply(http.StatusOK, describe(e))
}

func describe(e *entity) modelDescription {
	d := modelDescription{
		Name: strings.ReplaceAll(e.set, "_", "."), EntitySet: e.set, EntityType: e.typeName,
		Attributes: []modelAttribute{}, References: []modelReference{}, ChildCollection: []modelReferenceName{},
	}
	for _, a := range e.attributes {
		switch a.kind {
		case reference:
			d.References = append(d.References, modelReference{a.name, a.target, a.readOnly, baseInfo(a)})
		case children:
			d.ChildCollection = append(d.ChildCollection, modelReferenceName{a.name, a.target})
		default:
			d.Attributes = append(d.Attributes, modelAttribute{a.name, string(a.kind), a.readOnly, enumValues(a), baseInfo(a)})
		}
	}
	return d
}

func enumValues(a attribute) []modelEnumValue {
	var out []modelEnumValue
	for v := range slices.Values(a.values) {
		out = append(out, modelEnumValue{v})
	}
	return out
}

func baseInfo(a attribute) modelBaseInfo {
	info := modelBaseInfo{Nullable: !a.required, SupportedFilters: supportedFilters(a.filter), Sortable: a.sortable}
	if a.maxLength > 0 {
		info.MaxLength = &a.maxLength
	}
	return info
}

// supportedFilters names the operators as a list of flags.
func supportedFilters(o operators) string {
	var names []string
	for _, f := range []struct {
		flag operators
		name string
	}{{equals, "Equals"}, {ranges, "GreaterThanOrLessThan"}, {likes | containsOnly, "Like"}, {equalsIn, "EqualsIn"}} {
		if o&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	if len(names) == 0 {
		return "NotFilterable"
	}
	return strings.Join(names, ", ")
}
