package erpnet

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bytes"
)

// Names of the attributes of a trusted application that the operator reads or writes.
const (
	attrODataID         = "@odata.id"
	attrID              = "Id"
	attrObjectVersion   = "ObjectVersion"
	attrExternalID      = "ExternalId"
	attrExternalSystem  = "ExternalSystem"
	attrNotes           = "Notes"
	attrApplicationURI  = "ApplicationUri"
	attrName            = "Name"
	attrIsEnabled       = "IsEnabled"
	attrClientType      = "ClientType"
	attrSecretHash      = "ApplicationSecretHash"
	attrInternalUsers   = "ImpersonateAsInternalUserAllowed"
	attrCommunityUsers  = "ImpersonateAsCommunityUserAllowed"
	attrLoginURL        = "ImpersonateLoginUrl"
	attrLogoutURL       = "ImpersonateLogoutUrl"
	attrSystemUserOn    = "SystemUserAllowed"
	attrSystemUser      = "SystemUser"
	attrScope           = "Scope"
	attrBasicAuth       = "BasicAuthenticationAllowed"
	attrReferenceTokens = "ReferenceTokens"
	attrAccessTokens    = "AccessTokens"
	attrCreated         = "CreationTimeUtc"
	attrChanged         = "AggregateLastUpdateTimeUtc"
)

// coreAttributes exist in every version that the operator supports.
var coreAttributes = []string{
	attrID, attrApplicationURI, attrName, attrIsEnabled, attrClientType, attrSecretHash, attrInternalUsers, attrCommunityUsers,
	attrLoginURL, attrLogoutURL, attrSystemUserOn, attrScope, attrBasicAuth, attrNotes,
}

var knownAttributes = slices.Concat(coreAttributes, []string{
	attrODataID, attrObjectVersion, attrExternalID, attrExternalSystem, attrSystemUser, attrReferenceTokens, attrAccessTokens,
	attrCreated, attrChanged,
})

// attributes are those of one trusted application, by their names: nil, string, bool, json.Number or userRef. An attribute
// that is missing was not told, which is something else than null.
type attributes map[string]any

// userRef is a reference to a user; login is empty and admin nil where the reference was not expanded.
type userRef struct {
	id    string
	login string
	admin *bool
}

// MarshalJSON writes the nested id, the one form of a reference that can neither find nor change another record.
func (u userRef) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{attrODataID: userSet + "(" + u.id + ")"})
}

var (
	errNotAnEntity = errors.New("not an entity")
	guidForm       = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// UnmarshalJSON keeps the known attributes only, so that whatever else an answer holds costs no memory.
func (a *attributes) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return errNotAnEntity
	}
	*a = attributes{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return errNotAnEntity
		}
		var raw json.RawMessage
		if decoder.Decode(&raw) != nil {
			return errNotAnEntity
		}
		name, _ := key.(string)
		if !slices.Contains(knownAttributes, name) {
			continue
		}
		value, err := attributeValue(name, raw)
		if err != nil {
			return err
		}
		(*a)[name] = value
	}
	return nil
}

func attributeValue(name string, raw json.RawMessage) (any, error) {
	if string(raw) == "null" {
		return nil, nil
	}
	var err error
	switch name {
	case attrObjectVersion:
		var n json.Number
		err = json.Unmarshal(raw, &n)
		return n, err
	case attrSystemUser:
		return parseUserRef(raw)
	case attrName:
		return parseName(raw)
	case attrIsEnabled, attrInternalUsers, attrCommunityUsers, attrSystemUserOn, attrBasicAuth:
		var b bool
		err = json.Unmarshal(raw, &b)
		return b, err
	}
	var s string
	err = json.Unmarshal(raw, &s)
	return s, err
}

// parseName reads a plain string, which a trusted application has, or a MultilanguageString, which some pages describe.
func parseName(raw json.RawMessage) (any, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var languages map[string]string
	if err := json.Unmarshal(raw, &languages); err != nil {
		return nil, err
	}
	for _, key := range []string{"EN", "en"} {
		if s, ok := languages[key]; ok {
			return s, nil
		}
	}
	for _, key := range slices.Sorted(maps.Keys(languages)) {
		return languages[key], nil
	}
	return "", nil
}

// parseUserRef reads a reference: an object, expanded or not, or a bare string.
func parseUserRef(raw json.RawMessage) (any, error) {
	var body struct {
		ODataID string `json:"@odata.id"`
		ID      string `json:"Id"`
		Login   string `json:"Login"`
		IsAdmin *bool  `json:"IsAdmin"`
	}
	if json.Unmarshal(raw, &body.ODataID) != nil {
		if err := json.Unmarshal(raw, &body); err != nil {
			return nil, err
		}
	}
	id := entityID(body.ID, body.ODataID)
	if id == "" {
		return nil, errNotAnEntity
	}
	return userRef{id: id, login: body.Login, admin: body.IsAdmin}, nil
}

// entityID is the GUID of an entity, from its Id or else from its @odata.id; empty where neither holds one.
func entityID(id, odataID string) string {
	if id == "" {
		_, id, _ = strings.Cut(odataID, "(")
		id = strings.TrimSuffix(id, ")")
	}
	id = strings.ToLower(id)
	if !guidForm.MatchString(id) {
		return ""
	}
	return id
}

func (a attributes) str(name string) string { s, _ := a[name].(string); return s }
func (a attributes) flag(name string) bool  { b, _ := a[name].(bool); return b }

// id is the GUID of the registration; empty where it was not told.
func (a attributes) id() string { return entityID(a.str(attrID), a.str(attrODataID)) }

// version is the ObjectVersion, empty where it was not told or is null: then no lock is possible.
func (a attributes) version() string {
	n, _ := a[attrObjectVersion].(json.Number)
	if _, err := strconv.ParseInt(n.String(), 10, 64); err != nil {
		return ""
	}
	return n.String()
}

// with returns a copy of a with the values of other over it.
func (a attributes) with(other attributes) attributes {
	merged := maps.Clone(a)
	if merged == nil {
		merged = attributes{}
	}
	maps.Copy(merged, other)
	return merged
}
