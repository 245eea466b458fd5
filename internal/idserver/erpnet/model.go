package erpnet

import (
	"encoding/json"
	"strings"
)

// refine replaces what the version matrix says by what the instance's own description of its model says. ok is false, and f
// unchanged, for anything that is not a description of trusted applications.
func (f features) refine(description []byte) (refined features, ok bool) {
	var model struct {
		Attributes []struct {
			Name       string
			EnumValues []struct{ Name string } `json:"enumValues"`
			BaseInfo   struct {
				MaxLength        json.RawMessage
				SupportedFilters json.RawMessage
			}
		}
	}
	if json.Unmarshal(description, &model) != nil {
		return f, false
	}
	has := map[string]bool{}
	refined = f
	refined.policyAttribute, refined.clientTypeNone = "", false
	for _, a := range model.Attributes {
		has[a.Name] = true
		switch a.Name {
		case attrLoginURL:
			var length int
			if json.Unmarshal(a.BaseInfo.MaxLength, &length) == nil && length > 0 {
				refined.urlLength = length
			}
		case attrClientType:
			for _, v := range a.EnumValues {
				refined.clientTypeNone = refined.clientTypeNone || v.Name == "None"
			}
		case attrExternalSystem:
			refined.externalFilter = strings.Contains(string(a.BaseInfo.SupportedFilters), "Equals")
		case attrReferenceTokens, attrAccessTokens:
			refined.policyAttribute = a.Name
		}
	}
	if !has[attrApplicationURI] || !has[attrClientType] || !has[attrLoginURL] {
		return f, false
	}
	refined.externalID = has[attrExternalID] && has[attrExternalSystem]
	refined.externalFilter = refined.externalFilter && refined.externalID
	refined.additionalData = has["AdditionalDataJson"]
	refined.objectVersion = f.objectVersion || has[attrObjectVersion]
	refined.changed = has[attrChanged]
	return refined, true
}
