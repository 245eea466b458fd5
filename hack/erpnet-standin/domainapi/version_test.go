package domainapi

import (
	"encoding/xml"
	"strings"
	"testing"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// matrix says what each emulated level has; it is written out here and not taken from the model package.
var matrix = []struct {
	version, policy          string
	urlLength                int
	externalID, lastUpdate   bool
	clientTypeNone, jsonData bool
}{
	{"23.1.1.35", "", 254, false, false, false, false},
	{"24.1.0.88", "", 254, false, false, false, false},
	{"24.1.0.89", "", 254, true, false, false, false},
	{"26.1.0.0", "", 254, true, false, false, false},
	{"26.2.0.16", "AccessTokens", 254, true, true, false, false},
	{"26.2.1.65", "AccessTokens", 254, true, true, false, false},
	{"26.2.1.66", "ReferenceTokens", 500, true, true, true, false},
	{"26.3.100.4", "ReferenceTokens", 500, true, true, true, true},
}

func TestVersions(t *testing.T) {
	for _, v := range matrix {
		t.Run(v.version, func(t *testing.T) {
			in := newInstance(t, settings{version: v.version})
			equal(t, "GetVersion", in.get("GetVersion").ok().object()["version"], any(v.version))
			for name, exists := range map[string]bool{
				"AccessTokens": v.policy == "AccessTokens", "ReferenceTokens": v.policy == "ReferenceTokens",
				"ExternalId": v.externalID, "ExternalSystem": v.externalID,
				"AggregateLastUpdateTimeUtc": v.lastUpdate, "AdditionalDataJson": v.jsonData,
			} {
				checkAttribute(t, in, name, exists)
			}
			longest := strings.Repeat("x", v.urlLength)
			in.do("PATCH", app1(webID), `{"ImpersonateLogoutUrl":"`+longest+`"}`).ok()
			in.do("PATCH", app1(webID), `{"ImpersonateLogoutUrl":"`+longest+`x"}`).fails(500, 2029, "Exception")
			note := in.do("PATCH", app1(webID), `{"ClientType":"None"}`)
			equal(t, "client type None", note.status == 204, v.clientTypeNone)
		})
	}
}

// checkAttribute asks for the attribute in every place where it can be named.
func checkAttribute(t *testing.T, in *instance, name string, exists bool) {
	t.Helper()
	selected := in.get(apps + "?$select=" + name)
	_, _, described := describedAttribute(in.model("currentmodel", apps), name)
	equal(t, name+" described", described, exists)
	if exists {
		selected.ok()
		return
	}
	selected.fails(500, 0, "OData")
	in.where(apps, name+" eq 'None'").fails(500, 0, "OData")
	in.do("PATCH", app1(webID), `{"`+name+`":"None"}`).fails(500, 0, "OData")
}

func (in *instance) model(which, set string) map[string]any {
	in.t.Helper()
	return in.get(strings.TrimSuffix(in.url, "odata/") + which + "/" + set).ok().object()
}

func describedAttribute(description map[string]any, name string) (attribute, base map[string]any, ok bool) {
	for _, a := range description["Attributes"].([]any) {
		if a := a.(map[string]any); a["Name"] == name {
			return a, a["BaseInfo"].(map[string]any), true
		}
	}
	return nil, nil, false
}

func TestModelDescription(t *testing.T) {
	in := newInstance(t, settings{quirks: model.Quirks{ExternalIDNotFilterable: true}})
	live := in.model("currentmodel", apps)
	in.caller = "" // standardmodel is anonymous
	standard := in.model("standardmodel", apps)

	_, login, _ := describedAttribute(standard, "ImpersonateLoginUrl")
	equal(t, "MaxLength", login["MaxLength"], any(500.0))
	equal(t, "Nullable", login["Nullable"], any(true))
	equal(t, "SupportedFilters", login["SupportedFilters"], any("NotFilterable"))
	uri, base, _ := describedAttribute(standard, "ApplicationUri")
	equal(t, "Type", uri["Type"], any("string"))
	equal(t, "SupportedFilters", base["SupportedFilters"], any("Equals"))
	_, scope, _ := describedAttribute(standard, "Scope")
	equal(t, "MaxLength of Scope", scope["MaxLength"], nil)
	created, _, _ := describedAttribute(standard, "CreationTimeUtc")
	equal(t, "ReadOnly", created["ReadOnly"], any(true))
	types, _, _ := describedAttribute(standard, "ClientType")
	equal(t, "enum values", len(types["enumValues"].([]any)), 3)

	_, external, _ := describedAttribute(standard, "ExternalId")
	equal(t, "standard filters", external["SupportedFilters"], any("Equals, EqualsIn"))
	_, external, _ = describedAttribute(live, "ExternalId")
	equal(t, "live filters", external["SupportedFilters"], any("NotFilterable"))

	users := in.model("standardmodel", people)
	_, name, _ := describedAttribute(users, "Login")
	equal(t, "filters of Login", name["SupportedFilters"], any("Equals, Like, EqualsIn"))
	equal(t, "sessions", len(in.sessions.List()), 1)
	in.get(strings.TrimSuffix(in.url, "odata/")+"standardmodel/Nothing").fails(404, 404, "OData")
}

func TestServiceFunctions(t *testing.T) {
	in := newInstance(t, settings{})
	equal(t, "context", in.get("GetVersion").object()["@odata.context"], any(in.url+"$metadata#Erp.OpenObject"))
	equal(t, "renamed types", len(in.get("GetRenamedEntityTypes").rows()), 0)
	equal(t, "sets", len(in.get("").rows()), 5)
	var schema struct {
		Types []struct {
			Name string `xml:"Name,attr"`
		} `xml:"DataServices>Schema>EntityType"`
	}
	if err := xml.Unmarshal(in.get("$metadata").ok().body, &schema); err != nil {
		t.Fatal(err)
	}
	equal(t, "types", len(schema.Types), 5)
	for _, function := range []string{"BeginTransaction", "EndTransaction", "Import"} {
		in.do("POST", function, "{}").fails(500, 0, "NotSupported")
	}
	in.do("PATCH", app1(webID), `{"Name":"x"}`, "TransactionId", "tr-1").fails(500, 2029, "Exception")
	in.do("POST", "$batch", "x", "TransactionId", "tr-1").fails(500, 2029, "Exception")
}
