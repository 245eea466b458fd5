package domainapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

func TestDefaultAttributes(t *testing.T) {
	in := newInstance(t, settings{})
	row := in.get(apps + "?$filter=IsEnabled%20eq%20true").rows()[0]
	for _, name := range []string{"Id", "ObjectVersion", "ExternalId", "ExternalSystem",
		"AggregateLastUpdateTimeUtc", "AdditionalDataJson", "DisplayText", "Authorizations",
	} {
		if _, there := row[name]; there {
			t.Errorf("%s is returned although nobody selected it", name)
		}
	}
	if notes, there := row["Notes"]; !there || notes != nil {
		t.Errorf("Notes: got %v, want a null that is present", notes)
	}
	equal(t, "@odata.id", row["@odata.id"], any(apps+"("+webID+")"))
	equal(t, "ReferenceTokens", row["ReferenceTokens"], any("None"))
	equal(t, "CreationTimeUtc", row["CreationTimeUtc"], any("2026-07-15T13:30:00Z"))
}

func TestDocumentedLookup(t *testing.T) {
	in := newInstance(t, settings{})
	got := in.get(apps + "?$filter=ApplicationUri%20eq%20'com.example.shop%2Fweb'" +
		"&$select=default,Id,ObjectVersion,ExternalId,ExternalSystem&$expand=SystemUser($select=Id,Login)&$top=2").ok()
	equal(t, "context", got.object()["@odata.context"], any(in.url+"$metadata#"+apps))
	row := got.rows()[0]
	for name, want := range map[string]any{
		"Id": webID, "ObjectVersion": 1.0, "ExternalId": "c1/shop/web", "ExternalSystem": "operator", "SystemUser": nil,
		"ClientType": "Confidential", "Scope": "read", "SystemUserAllowed": false,
	} {
		equal(t, name, row[name], want)
	}
	equal(t, "content type", got.header.Get("Content-Type"), jsonType)
	equal(t, "OData-Version", got.header.Get("OData-Version"), "4.0")
}

func TestSelectAndExpand(t *testing.T) {
	in := newInstance(t, settings{})
	for _, c := range []struct{ options, want string }{
		{"$select=Name", "@odata.context @odata.id Name"},
		{"$select=Id,Name,DisplayText", "@odata.context @odata.id DisplayText Id Name"},
		{"$select=Name,Notes&options=skipnulls", "@odata.context @odata.id Name"},
		{"$select=Name&$expand=SystemUser", "@odata.context @odata.id Name SystemUser"},
		{"$select=Name&$expand=Authorizations,SystemUser($select=Id,Login)", "@odata.context @odata.id Authorizations Name SystemUser"},
	} {
		t.Run(c.options, func(t *testing.T) {
			equal(t, "members", strings.Join(sortedKeys(in.get(app1(syncID)+"?"+c.options).ok().object()), " "), c.want)
		})
	}
	user := in.get(app1(syncID) + "?$expand=SystemUser($select=Id,Login)").ok().object()["SystemUser"].(map[string]any)
	equal(t, "expanded user", fmt.Sprint(user), fmt.Sprintf("map[@odata.id:%s(%s) Id:%s Login:svc.orders]", people, serviceID, serviceID))
	plain := in.get(app1(syncID)).ok().object()["SystemUser"]
	equal(t, "unexpanded user", fmt.Sprint(plain), fmt.Sprintf("map[@odata.id:%s(%s)]", people, serviceID))
	star := in.get(app1(webID) + "?$select=*").object()
	equal(t, "members of *", len(star), len(in.get(app1(webID)).object()))
}

func sortedKeys(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestReadRefused(t *testing.T) {
	in := newInstance(t, settings{})
	for _, c := range []struct{ target, kind string }{
		{apps + "?$select=Code", "ODataException"},
		{apps + "?$expand=Name", "ODataException"},
		{apps + "?$expand=SystemUser($filter=Id)", "NotSupportedException"},
		{apps + "?$expand=SystemUser($select=Password)", "ODataException"},
		{apps + "?$expand=SystemUser($select=Id", "ODataException"},
		{apps + "?$orderby=IsEnabled", "NotSupportedException"},
		{apps + "?$orderby=Name%20upwards", "ODataException"},
		{apps + "?$top=-1", "ODataException"},
		{apps + "?$top=1&$top=2", "ODataException"},
		{apps + "?$count=maybe", "ODataException"},
		{apps + "?$apply=aggregate()", "NotSupportedException"},
		{apps + "?options=everything", "NotSupportedException"},
		{apps + "?$skiptoken=x", "ODataException"},
		{apps + "?$orderby=Name&$skiptoken=" + webID, "ODataException"},
		{apps + "/$count?$top=1", "NotSupportedException"},
		{app1(webID) + "?$filter=IsEnabled%20eq%20true", "NotSupportedException"},
		{app1("42"), "ODataException"},
		{apps + "()", "ODataException"},
	} {
		t.Run(c.target, func(*testing.T) { in.get(c.target).fails(500, 0, c.kind) })
	}
	in.get("Systems_Security_Roles").fails(404, 404, "OData")
	in.get(app1(webID)+"/SystemUser").fails(404, 404, "OData")
	in.get(app1(adminID)).fails(404, 404, "Server")
	in.do("PUT", app1(webID), "{}").fails(405, 405, "NotSupported")
}

func TestPaging(t *testing.T) {
	for _, c := range []struct {
		name, options, want string
		quirks              model.Quirks
	}{
		{name: "by id", options: "$top=2", want: "a0 a1 a2 a3 a4"},
		{name: "relative", options: "$top=2", want: "a0 a1 a2 a3 a4", quirks: model.Quirks{RelativeNextLink: true}},
		{name: "ordered", options: "$top=2&$orderby=Name%20desc", want: "a4 a3 a2 a1 a0"},
		{name: "exact fit", options: "$top=5", want: "a0 a1 a2 a3 a4"},
		{name: "filtered", options: "$top=1&$filter=startswith(Name,'a')%20and%20IsEnabled%20eq%20true", want: "a1 a3"},
		{name: "skipped", options: "$top=2&$skip=1", want: "a1 a2 a3 a4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := newInstance(t, settings{quirks: c.quirks})
			seedPages(in)
			got, pages := in.follow(apps + "?$select=Name&" + c.options)
			equal(t, "names", strings.Join(got, " "), c.want)
			if pages > 3 {
				t.Errorf("%d pages", pages)
			}
		})
	}
	in := newInstance(t, settings{version: "26.1.9.9"})
	if link, there := in.get(apps + "?$top=1").ok().object()["@odata.nextLink"]; there {
		t.Errorf("26.1 answers the next link %v", link)
	}
	equal(t, "second row", in.get(apps+"?$top=1&$skip=1").column("Name"), "Order sync")
}

// seedPages replaces the applications by five whose text order is not their id order.
func seedPages(in *instance) {
	for _, id := range []string{webID, syncID} {
		if err := in.store.DeleteApplication(id); err != nil {
			in.t.Fatal(err)
		}
	}
	for i := range 5 {
		in.seedApp(model.TrustedApplication{
			ID: fmt.Sprintf("%08d-0000-4000-8000-00000000000%d", 9-i, i), Name: fmt.Sprint("a", i), ApplicationURI: fmt.Sprint("uri", i), IsEnabled: i%2 == 1,
		})
	}
}

func (in *instance) follow(target string) (names []string, pages int) {
	in.t.Helper()
	for target != "" {
		got := in.get(target)
		for _, r := range got.rows() {
			names = append(names, r["Name"].(string))
		}
		target, _ = got.object()["@odata.nextLink"].(string)
		pages++
	}
	return names, pages
}

func TestCountAndSearch(t *testing.T) {
	in := newInstance(t, settings{})
	got := in.get(apps + "?$count=true&$top=1")
	equal(t, "@odata.count", got.object()["@odata.count"], any(2.0))
	equal(t, "rows", len(got.rows()), 1)
	equal(t, "count", string(in.get(apps+"/$count?$filter=IsEnabled%20eq%20true").ok().body), "1")
	equal(t, "search", in.get(apps+"?$search=SYNC").column("Name"), "Order sync")
	equal(t, "search of users", in.get(people+"?$search=ada").column("Login"), "admin")
}

func TestUsersNeverShowPasswords(t *testing.T) {
	in := newInstance(t, settings{})
	got := in.get(people + "?$select=default,Id").ok()
	if strings.Contains(string(got.body), "never-shown") {
		t.Error("a password is readable")
	}
	equal(t, "name", fmt.Sprint(got.rows()[0]["Name"]), "map[EN:Ada Admin]")
	lower := newInstance(t, settings{quirks: model.Quirks{LowerCaseLanguageKeys: true}})
	equal(t, "name", fmt.Sprint(lower.get(people).rows()[0]["Name"]), "map[en:Ada Admin]")
	equal(t, "customer", fmt.Sprint(lower.get(clients + "?$filter=Number%20eq%20'1002'").rows()[0]["Name"]), "map[en:Northwind Bakery]")
	in.do("PATCH", people+"("+adminID+")", `{"Login":"x"}`).fails(500, 0, "NotSupported")
}

func TestPublicUsersIsTheCaller(t *testing.T) {
	in := newInstance(t, settings{})
	in.caller = "svc.orders|read"
	row := in.get("Public_Users").rows()
	equal(t, "rows", len(row), 1)
	equal(t, "login", row[0]["Login"], any("svc.orders"))
	equal(t, "admin", row[0]["IsAdmin"], any(false))
	equal(t, "id", row[0]["UserId"], any(serviceID))
	in.caller = "ghost|read"
	equal(t, "rows of nobody", len(in.get("Public_Users").rows()), 0)
}

func TestAuthorizationsAreEmpty(t *testing.T) {
	in := newInstance(t, settings{})
	filter := "TrustedApplication eq '" + app1(webID) + "'"
	equal(t, "rows", len(in.where(authorizationSet, filter).rows()), 0)
}
