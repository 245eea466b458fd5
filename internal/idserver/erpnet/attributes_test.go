package erpnet

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

const (
	guid      = "3f1c6a52-8d0e-4b77-9a41-5e2f0c9d7b10"
	otherGUID = "7b0f9c3e-52d1-4a6b-9d7f-0c1e2a3b4d5f"
	clusterID = "0b5a6bd0-5f6e-4a52-8d0a-2f6d1e7c9a11"
)

func row(t *testing.T, body string) attributes {
	t.Helper()
	var a attributes
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAttributesReadEveryForm(t *testing.T) {
	g := NewWithT(t)
	a := row(t, `{"@odata.id":"Systems_Security_TrustedApplications(`+strings.ToUpper(guid)+`)","ObjectVersion":4,"Name":{"bg":"Магазин","en":"Shop"},
		"IsEnabled":true,"Scope":null,"Unknown":{"deep":[1,2,3]},"SystemUser":{"@odata.id":"Systems_Security_Users(`+otherGUID+`)"}}`)
	g.Expect(a.id()).To(Equal(guid))
	g.Expect(a.version()).To(Equal("4"))
	g.Expect(a.str(attrName)).To(Equal("Shop"))
	g.Expect(a[attrSystemUser]).To(Equal(userRef{id: otherGUID}))
	g.Expect(a).To(HaveKeyWithValue(attrScope, BeNil()))
	g.Expect(a).NotTo(HaveKey("Unknown"))
	g.Expect(row(t, `{"SystemUser":"Systems_Security_Users(`+otherGUID+`)"}`)[attrSystemUser]).To(Equal(userRef{id: otherGUID}))
	g.Expect(row(t, `{"ObjectVersion":null}`).version()).To(BeEmpty())
	for _, bad := range []string{`[]`, `"x"`, `{"IsEnabled":"yes"}`, `{"SystemUser":{}}`, `{"SystemUser":{"Id":"1"}}`, `{"ObjectVersion":"x"}`, `{"Scope":7}`} {
		var a attributes
		g.Expect(json.Unmarshal([]byte(bad), &a)).NotTo(Succeed(), bad)
	}
}

func TestParseApplicationsWantsAList(t *testing.T) {
	g := NewWithT(t)
	whole := `{"@odata.id":"x(` + guid + `)","ApplicationUri":"a","ClientType":"Public","IsEnabled":true,"ImpersonateAsInternalUserAllowed":true,` +
		`"ImpersonateAsCommunityUserAllowed":false,"SystemUserAllowed":false,"ApplicationSecretHash":null,"SystemUser":null}`
	rows, next, err := parseApplications([]byte(`{"@odata.context":{"x":[1]},"value":[` + whole + `],"@odata.nextLink":"more"}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(rows).To(HaveLen(1))
	g.Expect(next).To(Equal("more"))
	for _, bad := range []string{
		``, `<html>`, `{}`, `[]`, `null`, `{"value":null}`, `{"value":{}}`, `{"value":[`, `{"value":[]`, `{"value":[1]}`, `{"value":[{}]}`, `{"value":[],"value":[]}`,
		`{"value":[]}{"value":[]}`, `{"error":{"message":"x"}}`, `{"value":[` + strings.Replace(whole, `"IsEnabled":true,`, "", 1) + `]}`,
		`{"value":[` + strings.Replace(whole, guid, "1", 1) + `]}`, `{"value":[],"@odata.nextLink":7}`,
	} {
		_, _, err := parseApplications([]byte(bad))
		g.Expect(err).To(HaveOccurred(), bad)
	}
}

func TestDiffComparesByMeaning(t *testing.T) {
	g := NewWithT(t)
	f := featuresOf(version{26, 2, 1, 66})
	want := idserver.Registration{
		DisplayName: "Shop", Enabled: true, InternalUsers: true, Scopes: []string{"update", "read"},
		RedirectURIs: []string{"https://b/", "https://a/"}, Service: true, SystemUser: "svc",
	}
	have := f.managed(want, guid)
	g.Expect(have.diff(f.managed(want, guid))).To(BeEmpty())
	have = have.with(attributes{
		attrLoginURL: " https://b/ ,https://a/", attrLogoutURL: "", attrScope: "update  read read",
		attrSystemUser: userRef{id: guid, login: "SVC"},
	})
	g.Expect(have.diff(f.managed(want, guid))).To(BeEmpty(), "sets, null and empty, references by id")
	have = have.with(attributes{attrBasicAuth: true, attrReferenceTokens: "AdministratorsOnly", attrScope: "read", attrSystemUser: userRef{id: otherGUID}})
	g.Expect(have.diff(f.managed(want, guid))).To(Equal(attributes{
		attrBasicAuth: false, attrReferenceTokens: "None", attrScope: "read update", attrSystemUser: userRef{id: guid, login: "svc"},
	}))
	body, err := json.Marshal(have.diff(f.managed(want, guid)))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(body)).To(ContainSubstring(`"SystemUser":{"@odata.id":"Systems_Security_Users(` + guid + `)"}`))
}

func TestMarks(t *testing.T) {
	g := NewWithT(t)
	m := idserver.Mark{Cluster: clusterID, Namespace: "shop", Name: "orders", UID: "u-1"}
	latest, old := featuresOf(version{26, 2}), featuresOf(version{23, 1})
	g.Expect(latest.markAttributes(m, nil)).To(Equal(attributes{
		attrExternalSystem: "trustedapps.dev/" + clusterID, attrExternalID: "shop/orders/u-1",
	}))
	noted := old.markAttributes(m, attributes{attrNotes: "call Ann\nbefore noon"})
	g.Expect(noted).To(Equal(attributes{attrNotes: "call Ann\nbefore noon\ntrustedapps.dev/owner=" + clusterID + "/shop/orders/u-1"}))
	for _, marked := range []attributes{latest.markAttributes(m, nil), noted, old.markAttributes(m, nil)} {
		owner, foreign := marked.owner()
		g.Expect(owner).To(Equal(m))
		g.Expect(foreign).To(BeEmpty())
	}
	for _, foreign := range []attributes{
		{attrExternalSystem: "sap", attrExternalID: "17"}, {attrExternalID: "shop/orders/u-1"}, {attrExternalSystem: "trustedapps.dev/" + clusterID},
		{attrExternalSystem: "trustedapps.dev/" + clusterID, attrExternalID: "shop/orders"}, {attrExternalSystem: "trustedapps.dev/", attrExternalID: "a/b/c"},
		{attrNotes: "trustedapps.dev/owner="}, {attrNotes: "trustedapps.dev/owner=c/a/b/u\r\ntrustedapps.dev/owner=c/a/b/v"},
		{attrExternalSystem: "sap", attrNotes: noted[attrNotes]},
	} {
		owner, text := foreign.owner()
		g.Expect(owner).To(BeZero(), "%v", foreign)
		g.Expect(text).NotTo(BeEmpty(), "%v", foreign)
		g.Expect(text).NotTo(ContainSubstring("sap"), "it is not quoted")
	}
	owner, text := attributes{attrNotes: "see trustedapps.dev/owner=c/a/b/u"}.owner()
	g.Expect(owner).To(BeZero(), "the line must begin with it")
	g.Expect(text).To(BeEmpty())
	g.Expect(checkMark("x", m)).To(Succeed())
	for _, bad := range []idserver.Mark{{}, {Cluster: "c", Namespace: "n", Name: "m"}, {Cluster: strings.Repeat("c", 49), Namespace: "n", Name: "m", UID: "u"},
		{Cluster: "c", Namespace: "n", Name: strings.Repeat("m", 251), UID: "u"}, {Cluster: "c", Namespace: "n/x", Name: "m", UID: "u"}} {
		g.Expect(checkMark("x", bad)).NotTo(Succeed())
	}
}

func TestResolveStaysWithinTheService(t *testing.T) {
	g := NewWithT(t)
	at := &site{odata: "https://acme.example:8443/api/domain/odata/"}
	for link, want := range map[string]string{
		"Set?$skiptoken=1": "https://acme.example:8443/api/domain/odata/Set?$skiptoken=1",
		"https://acme.example:8443/api/domain/odata/Set?$skip=2#x": "https://acme.example:8443/api/domain/odata/Set?$skip=2",
		"/api/domain/odata/Set": "https://acme.example:8443/api/domain/odata/Set",
	} {
		got, err := at.resolve(link)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(Equal(want))
	}
	for _, bad := range []string{
		"https://evil.example/api/domain/odata/Set", "//evil.example/api/domain/odata/Set", "http://acme.example:8443/api/domain/odata/Set",
		"https://acme.example/api/domain/odata/Set", "../../../other", "https://me@acme.example:8443/api/domain/odata/Set", ":bad",
	} {
		_, err := at.resolve(bad)
		g.Expect(err).To(HaveOccurred(), bad)
	}
}

func TestPickComparesByteForByte(t *testing.T) {
	app := func(uri string) attributes { return attributes{attrApplicationURI: uri} }
	for name, c := range map[string]struct {
		rows  []attributes
		class error
	}{
		"exact":                 {[]attributes{app("com.Example")}, nil},
		"exact beside another":  {[]attributes{app("COM.EXAMPLE"), app("com.Example")}, nil},
		"none":                  {nil, idserver.ErrNotFound},
		"another case":          {[]attributes{app("com.example")}, idserver.ErrNotFound},
		"only others, cut off":  {[]attributes{app("com.example"), app("COM.EXAMPLE")}, idserver.ErrRejected},
		"twice":                 {[]attributes{app("com.Example"), app("com.Example")}, idserver.ErrRejected},
		"a filter not followed": {[]attributes{app("com.other")}, idserver.ErrUnavailable},
	} {
		g := NewWithT(t)
		got, err := pick("com.Example", c.rows, 2, oauth.Answer{Status: 200})
		if c.class == nil {
			g.Expect(err).NotTo(HaveOccurred(), name)
			g.Expect(got.str(attrApplicationURI)).To(Equal("com.Example"))
			continue
		}
		g.Expect(err).To(MatchError(c.class), name)
	}
}

func TestCheckUser(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &Server{config: Config{Now: func() time.Time { return now }}}
	yes, no := true, false
	good := user{ID: guid, Login: "Svc", UserType: "InternalUser", Active: &yes, IsAdmin: &no}
	with := func(change func(*user)) []user { u := good; change(&u); return []user{u} }
	past, future := "2026-01-02T03:00:00Z", "2026-01-02T04:00:00Z"
	for name, c := range map[string]struct {
		rows []user
		says string
	}{
		"good":        {[]user{good}, ""},
		"application": {with(func(u *user) { u.UserType = "ApplicationUserNoLogin" }), ""},
		"was locked":  {with(func(u *user) { u.LockoutEndUTC = &past }), ""},
		"locked":      {with(func(u *user) { u.LockoutEndUTC = &future }), "is locked"},
		"odd lock":    {with(func(u *user) { past := "yesterday"; u.LockoutEndUTC = &past }), "is locked"},
		"inactive":    {with(func(u *user) { u.Active = &no }), "is not active"},
		"none":        {nil, `no user with the login "svc"`},
		"two":         {[]user{good, good}, "several users"},
		"external":    {with(func(u *user) { u.UserType = "ExternalCommunityUser" }), "its type must be InternalUser"},
		"virtual":     {with(func(u *user) { u.UserType = "VirtualUserNoLogin" }), "its type must be InternalUser"},
		"invitation":  {with(func(u *user) { u.UserType = "InvitationInternalNoLogin" }), "its type must be InternalUser"},
	} {
		g := NewWithT(t)
		got, err := s.checkUser("svc", c.rows)
		if c.says == "" {
			g.Expect(err).NotTo(HaveOccurred(), name)
			g.Expect(got).To(Equal(userRef{id: guid, login: "Svc", admin: &no}), name)
			continue
		}
		g.Expect(err).To(MatchError(ContainSubstring(c.says)), name)
		g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonInvalid), name)
	}
	for name, rows := range map[string][]user{
		"another": with(func(u *user) { u.Login = "other" }), "no id": with(func(u *user) { u.ID = "" }), "no state": with(func(u *user) { u.Active = nil }),
	} {
		_, err := s.checkUser("svc", rows)
		NewWithT(t).Expect(err).To(MatchError(idserver.ErrUnavailable), name)
	}
}

func TestUserWarnings(t *testing.T) {
	g := NewWithT(t)
	yes := true
	g.Expect(userWarnings(userRef{login: "svc"})).To(BeEmpty())
	g.Expect(userWarnings(userRef{login: "svc", admin: &yes})).To(ConsistOf(ContainSubstring("database administrator")))
	g.Expect(userWarnings(userRef{login: "system_application_user", admin: &yes})).To(ConsistOf(ContainSubstring("system rights")))
}

func TestUserCache(t *testing.T) {
	g := NewWithT(t)
	var c userCache
	now := time.Now()
	_, ok := c.get("svc", now)
	g.Expect(ok).To(BeFalse())
	c.put("svc", userRef{id: guid}, now.Add(userLife))
	_, ok = c.get("svc", now.Add(userLife-time.Second))
	g.Expect(ok).To(BeTrue())
	_, ok = c.get("svc", now.Add(userLife))
	g.Expect(ok).To(BeFalse())
}
