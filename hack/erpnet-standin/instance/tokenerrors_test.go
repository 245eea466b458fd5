package instance_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// service is a well-formed client-credentials request, changed by alternating names and values; "" removes.
func service(changes ...string) url.Values {
	v := form("grant_type", "client_credentials", "client_id", serviceURI, "client_secret", secret, "scope", "read")
	return changed(v, changes)
}

// exchange is a well-formed code exchange with a made-up code.
func exchange(changes ...string) url.Values {
	v := form("grant_type", "authorization_code", "client_id", webURI, "client_secret", secret, "code", "made-up",
		"redirect_uri", webCallback)
	return changed(v, changes)
}

func changed(v url.Values, changes []string) url.Values {
	for i := 0; i < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			v.Del(changes[i])
		}
	}
	return v
}

func TestTokenErrorCatalogue(t *testing.T) {
	b := start(t, nil)
	disabled := "com.example.disabled"
	for _, change := range []func(*model.TrustedApplication){
		func(a *model.TrustedApplication) { a.ApplicationURI, a.IsEnabled = disabled, false },
		func(a *model.TrustedApplication) {
			a.ApplicationURI, a.SystemUserAllowed = "com.example.no-service", false
		},
		func(a *model.TrustedApplication) { a.ApplicationURI, a.SystemUserID = "com.example.no-user", nil },
		func(a *model.TrustedApplication) {
			a.ApplicationURI, a.ApplicationSecretHash = "com.example.no-secret", nil
		},
		func(a *model.TrustedApplication) {
			robot, _ := b.Store.UserByLogin("robot")
			a.ApplicationURI, a.SystemUserID = "com.example.robot", &robot.ID
		},
	} {
		app, _ := b.Store.ApplicationByURI(serviceURI)
		app.ID = ""
		change(&app)
		if _, err := b.Store.CreateApplication(app); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"unknown client":                 {service("client_id", "com.example.unknown"), "invalid_client"},
		"disabled client":                {service("client_id", disabled), "invalid_client"},
		"wrong secret":                   {service("client_secret", "wrong"), "invalid_client"},
		"case of the client id":          {service("client_id", strings.ToUpper(serviceURI)), "invalid_client"},
		"no stored secret":               {service("client_id", "com.example.no-secret"), "invalid_client"},
		"missing client id":              {service("client_id", ""), "invalid_request"},
		"missing secret":                 {service("client_secret", ""), "invalid_request"},
		"missing grant type":             {service("grant_type", ""), "invalid_grant"},
		"password grant":                 {service("grant_type", "password"), "unsupported_grant_type"},
		"service not allowed":            {service("client_id", "com.example.no-service"), "unauthorized_client"},
		"no system user":                 {service("client_id", "com.example.no-user"), "unauthorized_client"},
		"system user of a wrong type":    {service("client_id", "com.example.robot"), "unauthorized_client"},
		"public client with a secret":    {service("client_id", spaURI), "invalid_client"},
		"note-only application":          {service("client_id", noteURI), "invalid_client"},
		"scope beyond the registration":  {service("scope", "read sec"), "invalid_scope"},
		"unknown scope":                  {service("scope", "everything"), "invalid_scope"},
		"only protocol scopes":           {service("scope", "openid"), "invalid_scope"},
		"upper-case scope":               {service("scope", "READ"), "invalid_scope"},
		"made-up code":                   {exchange(), "invalid_grant"},
		"missing code":                   {exchange("code", ""), "invalid_grant"},
		"code, wrong secret":             {exchange("client_secret", "wrong"), "invalid_client"},
		"code, secret missing":           {exchange("client_secret", ""), "invalid_client"},
		"code, public with a secret":     {exchange("client_id", spaURI), "invalid_client"},
		"code, public":                   {exchange("client_id", spaURI, "client_secret", ""), "invalid_grant"},
		"code, unknown client":           {exchange("client_id", "com.example.unknown"), "unauthorized_client"},
		"code, disabled client":          {exchange("client_id", disabled), "unauthorized_client"},
		"code, signs nobody in":          {exchange("client_id", serviceURI), "unsupported_grant_type"},
		"made-up refresh token":          {exchange("grant_type", "refresh_token", "refresh_token", "X"), "invalid_grant"},
		"missing refresh token":          {exchange("grant_type", "refresh_token"), "invalid_grant"},
		"refresh token, wrong secret":    {exchange("grant_type", "refresh_token", "client_secret", "no"), "invalid_client"},
		"order: client before scope":     {service("client_secret", "wrong", "scope", "sec"), "invalid_client"},
		"order: grant before scope":      {service("client_id", "com.example.no-user", "scope", "sec"), "unauthorized_client"},
		"order: client before grant":     {service("client_id", "com.example.no-user", "client_secret", "no"), "invalid_client"},
		"order: form before client":      {service("client_id", "com.example.unknown", "client_secret", ""), "invalid_request"},
		"order: grant type before all":   {form("grant_type", "password"), "unsupported_grant_type"},
		"order: disabled before secret":  {exchange("client_id", disabled, "client_secret", "wrong"), "unauthorized_client"},
		"order: grant before code":       {exchange("client_id", serviceURI, "code", ""), "unsupported_grant_type"},
		"order: existence before client": {exchange("client_id", "com.example.unknown", "client_secret", ""), "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, b.postToken(c.form), http.StatusBadRequest, c.want) })
	}
	repeated := service()
	repeated.Add("scope", "update")
	wantError(t, b.postToken(repeated), http.StatusBadRequest, "invalid_grant")
	r := b.request(http.MethodPost, "/id/connect/token", strings.NewReader(`{"grant_type":"client_credentials"}`))
	r.Header.Set("Content-Type", "application/json")
	wantError(t, b.do(b.client, r), http.StatusBadRequest, "invalid_grant")
}

func TestSystemUserMustBeUsable(t *testing.T) {
	b := start(t, nil)
	later := time.Now().Add(time.Hour)
	for name, change := range map[string]func(*model.User){
		"inactive": func(u *model.User) { u.Active = false },
		"locked":   func(u *model.User) { u.Active, u.LockoutEndUTC = true, &later },
	} {
		b.editUser("svc.orders", change)
		t.Run(name, func(t *testing.T) {
			wantError(t, b.serviceToken(serviceURI, "read"), http.StatusBadRequest, "unauthorized_client")
		})
	}
	b.Clock.Advance(2 * time.Hour)
	wantToken(t, b.serviceToken(serviceURI, "read"), "access_token")
}

func TestBasicAuthenticationOfClients(t *testing.T) {
	b := start(t, nil)
	basic := func(secret string, v url.Values) answer {
		r := b.request(http.MethodPost, "/id/connect/token", strings.NewReader(v.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(url.QueryEscape(serviceURI), url.QueryEscape(secret))
		return b.do(b.client, r)
	}
	wantToken(t, basic(secret, form("grant_type", "client_credentials")), "access_token")
	wantError(t, basic("wrong", form("grant_type", "client_credentials")), http.StatusBadRequest, "invalid_client")
	wantError(t, basic(secret, service()), http.StatusBadRequest, "invalid_grant")
	wantError(t, basic(secret, form("grant_type", "client_credentials", "client_id", webURI)), http.StatusBadRequest, "invalid_grant")
}

func TestEveryChangeTakesEffectAtOnce(t *testing.T) {
	b := start(t, nil)
	token := wantToken(t, b.serviceToken(adminURI, ""), "access_token")
	const apps = "/api/domain/odata/Systems_Security_TrustedApplications"
	if a := b.getWith(apps, token); a.status != http.StatusOK {
		t.Fatalf("the token should open the API: HTTP %d: %s", a.status, a.body)
	}
	b.editApp(adminURI, func(a *model.TrustedApplication) { a.IsEnabled = false })
	wantError(t, b.serviceToken(adminURI, ""), http.StatusBadRequest, "invalid_client")
	if a := b.getWith(apps, token); a.status != http.StatusUnauthorized {
		t.Fatalf("the kill switch should end issued tokens: HTTP %d: %s", a.status, a.body)
	}
	b.editApp(adminURI, func(a *model.TrustedApplication) {
		a.IsEnabled, a.ApplicationSecretHash = true, text(model.SecretHash("another"))
	})
	wantError(t, b.serviceToken(adminURI, ""), http.StatusBadRequest, "invalid_client")
	wantToken(t, b.postToken(service("client_id", adminURI, "client_secret", "another")), "access_token")
}
