package domainapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

const serviceRecipe = `{ "ApplicationUri": "com.example.sync/stock", "Name": "Stock sync", "ClientType": "Confidential",
  "ApplicationSecretHash": "gyNDd1cmWKJN/pVPgZNeyRNkjiCcENszWGdi6kQu0VI=",
  "SystemUserAllowed": true, "SystemUser": { "@odata.id": "Systems_Security_Users(` + serviceID + `)" },
  "Scope": "read update" }`

func TestCreateServiceRecipe(t *testing.T) {
	in := newInstance(t, settings{})
	got := in.do("POST", apps, serviceRecipe).ok()
	equal(t, "status", got.status, 201)
	created := got.object()
	for name, want := range map[string]any{
		"IsEnabled": true, "ReferenceTokens": "None", "BasicAuthenticationAllowed": false, "ImpersonateAsInternalUserAllowed": false,
		"Notes": nil, "CreationTimeUtc": "2026-07-15T13:30:00Z",
	} {
		equal(t, name, created[name], want)
	}
	stored, ok := in.store.ApplicationByURI("com.example.sync/stock")
	if !ok {
		t.Fatal("nothing was stored")
	}
	equal(t, "@odata.id", created["@odata.id"], any(app1(stored.ID)))
	equal(t, "Location", got.header.Get("Location"), in.url+app1(stored.ID))
	equal(t, "version", stored.ObjectVersion, 1)
	equal(t, "system user", *stored.SystemUserID, serviceID)
	equal(t, "hash", *stored.ApplicationSecretHash, model.SecretHash("kestrel-Harbor-41"))

	again := in.do("POST", apps, serviceRecipe)
	again.fails(500, 2129, "EnterpriseOneServerException")
	parameters := again.object()["error"].(map[string]any)["parameters"].([]any)
	equal(t, "parameters", fmt.Sprint(parameters), "[dbo.Sec_Trusted_Applications_Table IX_App_Uri com.example.sync/stock IX_App_Uri]")
}

func TestCreateInteractiveAndPublicRecipes(t *testing.T) {
	in := newInstance(t, settings{quirks: model.Quirks{CreateStatus: 200, ServerSideValidation: true}})
	web := `{ "ApplicationUri": "com.example.shop/portal", "Name": "Example Portal", "ClientType": "Confidential",
	  "ApplicationSecretHash": "gyNDd1cmWKJN/pVPgZNeyRNkjiCcENszWGdi6kQu0VI=",
	  "ImpersonateAsInternalUserAllowed": true, "ImpersonateAsCommunityUserAllowed": true,
	  "ImpersonateLoginUrl": "https://shop.example.com/signin-oidc",
	  "ImpersonateLogoutUrl": "https://shop.example.com/", "SystemUserAllowed": false, "Scope": "read", "IsEnabled": true }`
	equal(t, "status", in.do("POST", apps, web).status, 200)
	public := `{"ApplicationUri":"com.example.shop/spa","Name":"Shop","ClientType":"Public",
	  "ImpersonateAsInternalUserAllowed":true,"ImpersonateLoginUrl":"https://spa.example.com/cb"}`
	equal(t, "status", in.do("POST", apps, public).status, 200)
}

func TestWriteRefused(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name, body string
		code       int
	}{
		{"no name", `{"ApplicationUri":"u"}`, 2029},
		{"no uri", `{"Name":"n"}`, 2029},
		{"null name", `{"ApplicationUri":"u","Name":null}`, 2029},
		{"empty uri", `{"ApplicationUri":"","Name":"n"}`, 2029},
		{"null flag", `{"ApplicationUri":"u","Name":"n","IsEnabled":null}`, 2029},
		{"long uri", `{"Name":"n","ApplicationUri":"` + long(255) + `"}`, 2029},
		{"long login url", `{"ApplicationUri":"u","Name":"n","ImpersonateLoginUrl":"` + long(501) + `"}`, 2029},
		{"long external system", `{"ApplicationUri":"u","Name":"n","ExternalSystem":"` + long(65) + `"}`, 2029},
		{"long hash", `{"ApplicationUri":"u","Name":"n","ApplicationSecretHash":"` + long(251) + `"}`, 2029},
		{"long additional data", `{"ApplicationUri":"u","Name":"n","AdditionalDataJson":"` + long(32001) + `"}`, 2029},
		{"creation time", `{"ApplicationUri":"u","Name":"n","CreationTimeUtc":"2026-01-01T00:00:00Z"}`, 2029},
		{"display text", `{"ApplicationUri":"u","Name":"n","DisplayText":"x"}`, 2029},
		{"version on create", `{"ApplicationUri":"u","Name":"n","ObjectVersion":1}`, 2029},
		{"unknown property", `{"ApplicationUri":"u","Name":"n","Code":"x"}`, 0},
		{"enum number", `{"ApplicationUri":"u","Name":"n","ClientType":0}`, 0},
		{"enum case", `{"ApplicationUri":"u","Name":"n","ClientType":"confidential"}`, 0},
		{"text as flag", `{"ApplicationUri":"u","Name":"n","IsEnabled":"true"}`, 0},
		{"name as object", `{"ApplicationUri":"u","Name":{"EN":"n"}}`, 0},
		{"bad id", `{"ApplicationUri":"u","Name":"n","Id":"42"}`, 0},
		{"wrong type", `{"@odata.type":"Erp.Crm_Customer","ApplicationUri":"u","Name":"n"}`, 0},
		{"merge", `{"@erpnet.action":"merge","ApplicationUri":"u","Name":"n"}`, 0},
		{"find by", `{"@erpnet.findBy":{"ExternalId":"x"},"ApplicationUri":"u","Name":"n"}`, 0},
		{"no object", `[]`, 0},
		{"null", `null`, 0},
		{"truncated", `{"ApplicationUri":"u","Name":`, 0},
		{"trailing", `{"ApplicationUri":"u","Name":"n"} {}`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := newInstance(t, settings{})
			in.do("POST", apps, c.body).fails(500, c.code, "Exception")
			equal(t, "records", len(in.store.Applications()), 2)
		})
	}
	in := newInstance(t, settings{})
	in.do("POST", apps, `{"ApplicationUri":"u","Name":"n"}`, "Content-Type", "text/plain").fails(500, 0, "NotSupported")
	in.do("POST", apps+"?$select=Id", `{"ApplicationUri":"u","Name":"n"}`).fails(500, 0, "NotSupported")
}

func TestLongestValuesAreAccepted(t *testing.T) {
	in := newInstance(t, settings{})
	body := fmt.Sprintf(`{"ApplicationUri":%q,"Name":"n","ImpersonateLoginUrl":%q,"AdditionalDataJson":%q,
	  "@odata.type":"#Erp.Systems_Security_TrustedApplication","@erpnet.action":"create"}`,
		strings.Repeat("u", 254), strings.Repeat("l", 500), strings.Repeat("d", 32000))
	in.do("POST", apps, body).ok()
}

func TestPatch(t *testing.T) {
	in := newInstance(t, settings{})
	in.now = in.now.Add(60e9)
	got := in.do("PATCH", app1(webID), `{"Name":"Renamed","ObjectVersion":1}`)
	equal(t, "status", got.status, 204)
	equal(t, "body", len(got.body), 0)
	row := in.get(app1(webID) + "?$select=default,ObjectVersion,AggregateLastUpdateTimeUtc").object()
	equal(t, "name", row["Name"], any("Renamed"))
	equal(t, "scope", row["Scope"], any("read"))
	equal(t, "version", row["ObjectVersion"], any(2.0))
	equal(t, "last update", row["AggregateLastUpdateTimeUtc"], any("2026-07-15T13:31:00Z"))

	in.do("PATCH", app1(webID), `{"Name":"Lost","ObjectVersion":1}`).fails(500, 2029, "Exception")
	in.do("PATCH", app1(webID), `{"Name":"No check"}`).ok()
	in.do("PATCH", app1(webID), `{"Name":"No check either","ObjectVersion":null}`).ok()
	in.do("PATCH", app1(webID), `{"Name":"x","ObjectVersion":"2"}`).fails(500, 0, "OData")
	in.do("PATCH", app1(webID), `{"Id":"`+adminID+`"}`).fails(500, 2029, "Exception")
	in.do("PATCH", app1(webID), `{"ApplicationUri":"com.example.sync/orders"}`).fails(500, 2129, "Exception")
	in.do("PATCH", app1(adminID), `{"Name":"x"}`).fails(404, 404, "Exception")

	in.do("PATCH", app1(webID), `{"Scope":null,"ApplicationSecretHash":null}`).ok()
	stored, _ := in.store.Application(webID)
	equal(t, "scope", stored.Scope, nil)
	equal(t, "hash", stored.ApplicationSecretHash, nil)
	equal(t, "version", stored.ObjectVersion, 5)

	other := newInstance(t, settings{quirks: model.Quirks{ConflictCode: 2345, NotFoundStatus: 500}})
	other.do("PATCH", app1(webID), `{"Name":"Lost","ObjectVersion":7}`).fails(500, 2345, "Exception")
	other.do("PATCH", app1(adminID), `{"Name":"x"}`).fails(500, 500, "Exception")
}

func TestDelete(t *testing.T) {
	in := newInstance(t, settings{})
	equal(t, "status", in.do("DELETE", app1(webID), "").status, 204)
	equal(t, "rows", len(in.where(apps, "ApplicationUri eq 'com.example.shop/web'").rows()), 0)
	in.do("DELETE", app1(webID), "").fails(404, 404, "Exception")
	in.store.SetReferenced(syncID, true)
	in.do("DELETE", app1(syncID), "").fails(500, 2029, "Exception")
	equal(t, "records", len(in.store.Applications()), 1)
}

func TestReferences(t *testing.T) {
	bound := people + "(" + adminID + ")"
	for _, c := range []struct{ name, body, want string }{
		{"id", `{"SystemUser":{"@odata.id":"` + bound + `"}}`, adminID},
		{"absolute id", `{"SystemUser":{"@odata.id":"ROOT` + bound + `"}}`, adminID},
		{"bind", `{"SystemUser@odata.bind":"` + bound + `"}`, adminID},
		{"absolute bind", `{"SystemUser@odata.bind":"ROOT` + bound + `"}`, adminID},
		{"find single by code", `{"SystemUser":{"@erpnet.action":"findSingle","@erpnet.findBy":{"Code":"admin"}}}`, adminID},
		{"find by name is a contains", `{"SystemUser":{"@erpnet.action":"find","@erpnet.findBy":{"Name":"ADMIN"}}}`, adminID},
		{"id comes before name", `{"SystemUser":{"@erpnet.action":"find","@erpnet.findBy":{"Name":"stock","Id":"` + adminID + `"}}}`, adminID},
		{"implicit find", `{"SystemUser":{"Login":"admin"}}`, adminID},
		{"explicit find by login", `{"SystemUser":{"@erpnet.action":"findSingle","Login":"admin"}}`, adminID},
		{"find or null", `{"SystemUser":{"@erpnet.action":"findOrNull","@erpnet.findBy":{"Code":"ghost"}}}`, ""},
		{"null", `{"SystemUser":null}`, ""},
		{"null bind", `{"SystemUser@odata.bind":null}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := newInstance(t, settings{})
			in.do("PATCH", app1(syncID), strings.ReplaceAll(c.body, "ROOT", in.url)).ok()
			stored, _ := in.store.Application(syncID)
			got := ""
			if stored.SystemUserID != nil {
				got = *stored.SystemUserID
			}
			equal(t, "system user", got, c.want)
		})
	}
}

func TestReferencesRefused(t *testing.T) {
	for _, c := range []struct {
		body string
		code int
	}{
		{`{"SystemUser":{"Login":"admin","IsAdmin":false}}`, 0},
		{`{"SystemUser":{"@odata.id":"` + people + `(` + adminID + `)","Active":false}}`, 0},
		{`{"SystemUser":{"@erpnet.action":"merge","@erpnet.findBy":{"Code":"admin"}}}`, 0},
		{`{"SystemUser":{"@erpnet.action":"findOrCreate","@erpnet.findBy":{"Code":"admin"}}}`, 0},
		{`{"SystemUser":{"@erpnet.action":"create","Login":"new"}}`, 0},
		{`{"SystemUser":{"@erpnet.action":"findSingle","@erpnet.findBy":{"ApplicationUri":"x"}}}`, 0},
		{`{"SystemUser":"` + people + `(` + adminID + `)"}`, 0},
		{`{"SystemUser":{"@odata.id":"` + app1(webID) + `"}}`, 0},
		{`{"SystemUser":{"@odata.id":"https://elsewhere.example.com/` + people + `(` + adminID + `)"}}`, 0},
		{`{"Name@odata.bind":"x"}`, 0},
		{`{"SystemUser":null,"SystemUser@odata.bind":"` + people + `(` + adminID + `)"}`, 0},
		{`{"SystemUser":{"@odata.id":"` + people + `(` + webID + `)"}}`, 2029},
		{`{"SystemUser":{"Login":"ghost"}}`, 2029},
		{`{"SystemUser":{"@erpnet.action":"findSingle","@erpnet.findBy":{"Name":"service"}}}`, 2029},
		{`{"SystemUser":{"@erpnet.action":"findSingle","@erpnet.findBy":{"ExternalId":"x","Code":"admin"}}}`, 2029},
	} {
		t.Run(c.body, func(t *testing.T) {
			in := newInstance(t, settings{})
			in.do("PATCH", app1(syncID), c.body).fails(500, c.code, "Exception")
			stored, _ := in.store.Application(syncID)
			equal(t, "system user", *stored.SystemUserID, serviceID)
			equal(t, "version", stored.ObjectVersion, 1)
		})
	}
}

func TestServerSideValidation(t *testing.T) {
	for _, c := range []struct{ name, extra string }{
		{"public with hash", `"ClientType":"Public","ApplicationSecretHash":"x","ImpersonateLoginUrl":"https://a","ImpersonateAsInternalUserAllowed":true`},
		{"public service", `"ClientType":"Public","SystemUserAllowed":true,"SystemUser":{"Login":"admin"},
		  "ImpersonateLoginUrl":"https://a","ImpersonateAsInternalUserAllowed":true`},
		{"public without url", `"ClientType":"Public","ImpersonateAsInternalUserAllowed":true`},
		{"public without impersonation", `"ClientType":"Public","ImpersonateLoginUrl":"https://a"`},
		{"none with flow", `"ClientType":"None","ImpersonateAsInternalUserAllowed":true`},
		{"service without user", `"SystemUserAllowed":true`},
		{"user without service", `"SystemUser":{"Login":"admin"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"ApplicationUri":"u","Name":"n",` + c.extra + `}`
			strict := newInstance(t, settings{quirks: model.Quirks{ServerSideValidation: true}})
			strict.do("POST", apps, body).fails(500, 2029, "Exception")
			newInstance(t, settings{}).do("POST", apps, body).ok()
		})
	}
}

func TestSecretHashIsMaskedByQuirk(t *testing.T) {
	shown := newInstance(t, settings{}).get(app1(webID)).object()["ApplicationSecretHash"]
	equal(t, "hash", shown, any(model.SecretHash("kestrel-Harbor-41")))
	masked := newInstance(t, settings{quirks: model.Quirks{MaskSecretHash: true}})
	equal(t, "masked hash", masked.get(app1(webID)).object()["ApplicationSecretHash"], nil)
	masked.do("PATCH", app1(webID), `{"ApplicationSecretHash":"new"}`).ok()
	stored, _ := masked.store.Application(webID)
	equal(t, "stored hash", *stored.ApplicationSecretHash, "new")
}

func TestCustomers(t *testing.T) {
	in := newInstance(t, settings{})
	in.caller = "svc.orders|read"
	first := in.get(clients + "?$top=2&$select=Id,Number,Name").ok()
	equal(t, "numbers", first.column("Number"), "1001 1002")
	id := first.rows()[0]["Id"].(string)
	one := clients + "(" + id + ")"
	equal(t, "name", fmt.Sprint(in.get(one).ok().object()["Name"]), "map[DE:Hafenlicht GmbH EN:Harbor Lights Ltd]")
	in.do("PATCH", one, `{"Active":false}`).fails(403, 403, "Unauthorized")
	in.caller = "svc.orders|update"
	equal(t, "status", in.do("PATCH", one, `{"Name":{"en":"Only English"}}`).status, 204)
	in.caller = "svc.orders|read update"
	equal(t, "name", fmt.Sprint(in.get(one).object()["Name"]), "map[EN:Only English]")
	in.do("PATCH", one, `{"Name":{}}`).fails(500, 2029, "Exception")
	in.do("PATCH", one, `{"Name":{"English":"x"}}`).fails(500, 0, "Exception")
	in.do("POST", clients, `{"Number":"1","Name":{"EN":"x"}}`).fails(500, 0, "NotSupported")
	in.do("DELETE", one, "").fails(500, 0, "NotSupported")
	in.do("PATCH", clients+"("+adminID+")", `{"Active":true}`).fails(404, 404, "Exception")
}

func TestBodiesRoundTripThroughJSON(t *testing.T) {
	in := newInstance(t, settings{})
	value := `{"k8s-operator":{"uid":"9d1e","gen":7},"other-app":{"x":1}}`
	body, err := json.Marshal(map[string]any{"ObjectVersion": 1, "AdditionalDataJson": value})
	if err != nil {
		t.Fatal(err)
	}
	in.do("PATCH", app1(webID), string(body)).ok()
	equal(t, "additional data", in.get(app1(webID) + "?$select=AdditionalDataJson").object()["AdditionalDataJson"], any(value))
}
