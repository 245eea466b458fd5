package domainapi

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strings"
)

func (h *handler) sets() []string { return slices.Sorted(maps.Keys(h.entities)) }

// serviceDocument lists the entity sets.
func (h *handler) serviceDocument(op operation) (reply, error) {
	if op.method != http.MethodGet {
		return reply{}, errMethod(op.method)
	}
	values := []object{}
	for _, set := range h.sets() {
		values = append(values, object{{"name", set}, {"kind", "EntitySet"}, {"url", set}})
	}
	return jsonReply(http.StatusOK, object{{"@odata.context", h.root + "$metadata"}, {"value", values}})
}

type edmx struct {
	XMLName xml.Name  `xml:"http://docs.oasis-open.org/odata/ns/edmx Edmx"`
	Version string    `xml:"Version,attr"`
	Schema  edmSchema `xml:"DataServices>Schema"`
}

type edmSchema struct {
	XMLName   xml.Name      `xml:"http://docs.oasis-open.org/odata/ns/edm Schema"`
	Namespace string        `xml:"Namespace,attr"`
	Types     []edmType     `xml:"EntityType"`
	Container edmSetsHolder `xml:"EntityContainer"`
}

type edmType struct {
	Name       string        `xml:"Name,attr"`
	KeyRef     edmName       `xml:"Key>PropertyRef"`
	Properties []edmProperty `xml:"Property"`
	Navigation []edmProperty `xml:"NavigationProperty"`
}

type edmName struct {
	Name string `xml:"Name,attr"`
}

type edmProperty struct {
	Name      string `xml:"Name,attr"`
	Type      string `xml:"Type,attr"`
	Nullable  bool   `xml:"Nullable,attr"`
	MaxLength int    `xml:"MaxLength,attr,omitempty"`
}

type edmSetsHolder struct {
	Name string   `xml:"Name,attr"`
	Sets []edmSet `xml:"EntitySet"`
}

type edmSet struct {
	Name string `xml:"Name,attr"`
	Type string `xml:"EntityType,attr"`
}

var edmTypes = map[kind]string{
	text: "Edm.String", enumeration: "Edm.String", boolean: "Edm.Boolean", guid: "Edm.Guid", integer: "Edm.Int32",
	moment: "Edm.DateTimeOffset", multilanguage: "Erp.MultilanguageString",
}

// metadata is the model as an OData schema; enumerations are shown as the strings that they are on the wire.
func (h *handler) metadata(op operation) (reply, error) {
	if op.method != http.MethodGet {
		return reply{}, errMethod(op.method)
	}
	schema := edmSchema{Namespace: "Erp", Container: edmSetsHolder{Name: "Container"}}
	for _, set := range h.sets() {
		e := h.entities[set]
		schema.Types = append(schema.Types, h.edmType(e))
		schema.Container.Sets = append(schema.Container.Sets, edmSet{set, e.typeName})
	}
	body, err := xml.Marshal(edmx{Version: "4.0", Schema: schema})
	if err != nil {
		return reply{}, errInternal(err)
	}
	return newReply(http.StatusOK, "application/xml", append([]byte(xml.Header), body...)), nil
}

func (h *handler) edmType(e *entity) edmType {
	t := edmType{Name: strings.TrimPrefix(e.typeName, "Erp."), KeyRef: edmName{"Id"}}
	for _, a := range e.attributes {
		p := edmProperty{Name: a.name, Type: edmTypes[a.kind], Nullable: !a.required, MaxLength: a.maxLength}
		switch a.kind {
		case reference:
			p.Type = h.entities[a.target].typeName
			t.Navigation = append(t.Navigation, p)
		case children:
			p.Type = "Collection(" + h.entities[a.target].typeName + ")"
			t.Navigation = append(t.Navigation, p)
		default:
			t.Properties = append(t.Properties, p)
		}
	}
	return t
}
