package desired

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
)

// web is an interactive application that deserves no warning.
func web(change func(*v1alpha1.TrustedApplicationSpec)) v1alpha1.TrustedApplicationSpec {
	spec := v1alpha1.TrustedApplicationSpec{ClientType: v1alpha1.ClientTypeConfidential, Interactive: interactive(v1alpha1.UsersInternal), Scopes: []v1alpha1.Scope{"read"}}
	change(&spec)
	return spec
}

// service is a service that deserves no warning.
func service(change func(*v1alpha1.TrustedApplicationSpec)) v1alpha1.TrustedApplicationSpec {
	spec := v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"}}
	change(&spec)
	return spec
}

func redirects(uris ...v1alpha1.RedirectURI) v1alpha1.TrustedApplicationSpec {
	return web(func(s *v1alpha1.TrustedApplicationSpec) { s.Interactive.RedirectURIs = uris })
}

func logouts(uris ...v1alpha1.RedirectURI) v1alpha1.TrustedApplicationSpec {
	return web(func(s *v1alpha1.TrustedApplicationSpec) { s.Interactive.PostLogoutRedirectURIs = uris })
}

func users(groups ...v1alpha1.UserGroup) v1alpha1.TrustedApplicationSpec {
	return web(func(s *v1alpha1.TrustedApplicationSpec) { s.Interactive.Users = groups })
}

func scopes(spec v1alpha1.TrustedApplicationSpec, scopes ...v1alpha1.Scope) v1alpha1.TrustedApplicationSpec {
	spec.Scopes = scopes
	return spec
}

func unchanged(*v1alpha1.TrustedApplicationSpec) {}

const (
	production = v1alpha1.EnvironmentProduction
	test       = v1alpha1.EnvironmentTest
)

// The names begin with the rule of the reference that the case is about.
func TestWarnings(t *testing.T) {
	community := users(v1alpha1.UsersCommunity, v1alpha1.UsersInternal)
	for name, c := range map[string]struct {
		spec v1alpha1.TrustedApplicationSpec
		on   v1alpha1.Environment
		want []string // how each warning begins
	}{
		"nothing to say of a service":              {service(unchanged), production, nil},
		"nothing to say of a web application":      {web(unchanged), production, nil},
		"C3 loopback on production":                {redirects("http://127.0.0.1:8080/cb"), production, []string{"spec.interactive.redirectUris: a loopback"}},
		"C3 IPv6 loopback on production":           {redirects("http://[::1]/cb"), production, []string{"spec.interactive.redirectUris: a loopback"}},
		"C3 another loopback address":              {redirects("https://127.0.0.2/cb"), production, []string{"spec.interactive.redirectUris: a loopback"}},
		"C3 https localhost in capitals":           {redirects("https://LOCALHOST:5001/cb"), production, []string{"spec.interactive.redirectUris: a loopback"}},
		"C3 loopback after sign-out":               {logouts("http://127.0.0.1/"), production, []string{"spec.interactive.postLogoutRedirectUris: a loopback"}},
		"C3 loopback on a test server":             {redirects("http://127.0.0.1:8080/cb"), test, nil},
		"C3 loopback while the server is unknown":  {redirects("http://127.0.0.1:8080/cb"), "", nil},
		"C3 a host that only looks like it":        {redirects("https://localhost.example/cb", "https://127.0.0.1.example/cb"), production, nil},
		"C3 a private-use scheme":                  {redirects("com.example.app:/localhost"), production, nil},
		"localhost by name":                        {redirects("http://localhost:8080/cb"), test, []string{"spec.interactive.redirectUris: localhost"}},
		"localhost by name on production":          {redirects("http://localhost/cb"), production, []string{"spec.interactive.redirectUris: a loopback", "spec.interactive.redirectUris: localhost"}},
		"localhost by name after sign-out":         {logouts("http://localhost/"), test, []string{"spec.interactive.postLogoutRedirectUris: localhost"}},
		"C5 no logout URI":                         {logouts(), production, []string{"spec.interactive.postLogoutRedirectUris: none"}},
		"C5 differ by case":                        {redirects("https://a.example/cb", "https://a.example/CB"), production, []string{"spec.interactive.redirectUris: some differ only"}},
		"C5 differ by a slash":                     {redirects("https://a.example/cb", "https://a.example/cb/"), production, []string{"spec.interactive.redirectUris: some differ only"}},
		"C5 differ by more":                        {redirects("https://a.example/cb", "https://a.example/cb2"), production, nil},
		"E3 capital letters":                       {scopes(service(unchanged), "Read"), production, []string{"spec.scopes: scopes are case-sensitive"}},
		"E5 Public with a refresh token":           {scopes(web(public), "offline_access", "read"), production, []string{"spec.scopes: a refresh token"}},
		"E5 Confidential with a refresh token":     {scopes(web(unchanged), "offline_access", "read"), production, nil},
		"E6 service without a scope":               {scopes(service(unchanged)), production, []string{"spec.scopes: empty"}},
		"E6 sign-in only needs none":               {scopes(web(unchanged)), production, nil},
		"F1 community without internal":            {users(v1alpha1.UsersCommunity), production, []string{"spec.interactive.users: Community without Internal"}},
		"F1 community and internal":                {community, production, nil},
		"F1 internal by default":                   {users(), production, nil},
		"F3 community that writes":                 {scopes(community, "update"), production, []string{"spec.scopes: community users get no access"}},
		"F3 community, and the service writes":     {scopes(withService(community), "update"), production, nil},
		"F3 internal users that write":             {scopes(web(unchanged), "update"), production, nil},
		"G2 everybody may issue reference tokens":  {service(referenceTokens(v1alpha1.ReferenceTokensAuthenticatedUsers)), production, []string{"spec.referenceTokens: every"}},
		"G2 administrators issue reference tokens": {service(referenceTokens(v1alpha1.ReferenceTokensAdministratorsOnly)), production, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := Warnings(&v1alpha1.TrustedApplication{Spec: c.spec}, connections.Entry{Environment: c.on})
			g.Expect(got).To(HaveLen(len(c.want)), "%q", got)
			for i, begin := range c.want {
				g.Expect(got[i]).To(HavePrefix(begin))
			}
		})
	}
}

func public(s *v1alpha1.TrustedApplicationSpec) { s.ClientType = v1alpha1.ClientTypePublic }

func withService(s v1alpha1.TrustedApplicationSpec) v1alpha1.TrustedApplicationSpec {
	s.Service = &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}
	return s
}

func referenceTokens(p v1alpha1.ReferenceTokenPolicy) func(*v1alpha1.TrustedApplicationSpec) {
	return func(s *v1alpha1.TrustedApplicationSpec) { s.ReferenceTokens = p }
}

// The status holds at most 16 warnings of at most 512 characters, some of them of the server.
func TestAllWarningsFitIntoTheStatus(t *testing.T) {
	g := NewWithT(t)
	worst := v1alpha1.TrustedApplicationSpec{
		ClientType: v1alpha1.ClientTypePublic, ReferenceTokens: v1alpha1.ReferenceTokensAuthenticatedUsers,
		Scopes: []v1alpha1.Scope{"offline_access", "update", "Read"},
		Interactive: &v1alpha1.InteractiveSpec{
			RedirectURIs:           []v1alpha1.RedirectURI{"http://localhost/cb", "http://localhost/cb/"},
			PostLogoutRedirectURIs: []v1alpha1.RedirectURI{"http://localhost/"}, Users: []v1alpha1.UserGroup{v1alpha1.UsersCommunity},
		},
	}
	got := Warnings(&v1alpha1.TrustedApplication{Spec: worst}, connections.Entry{Environment: production})
	g.Expect(got).To(HaveLen(10))
	g.Expect(got).To(HaveEach(Satisfy(func(w string) bool { return len(w) <= 512 && strings.HasPrefix(w, "spec.") })))
}

func TestMergeWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		spec, server, former []string
		told                 bool
		want                 []string
	}{
		"none":                                  {},
		"sorted":                                {spec: []string{"spec.b", "spec.a"}, server: []string{"the user"}, told: true, want: []string{"spec.a", "spec.b", "the user"}},
		"each once":                             {server: []string{"x", "x"}, told: true, want: []string{"x"}},
		"those of the server stay until told":   {spec: []string{"spec.b"}, former: []string{"spec.a", "the user"}, want: []string{"spec.b", "the user"}},
		"told anew, the former ones go":         {former: []string{"spec.a", "the user"}, told: true},
		"not told, what it says does not count": {server: []string{"y"}, former: []string{"x"}, want: []string{"x"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			former := append([]string(nil), c.former...)
			got := MergeWarnings(c.spec, c.server, c.former, c.told)
			g.Expect(got).To(Equal(c.want))
			g.Expect(c.former).To(Equal(former), "the status is not changed")
			g.Expect(MergeWarnings(c.spec, nil, got, false)).To(Equal(c.want), "repeating changes nothing")
		})
	}
}

func TestWarningsOfAnnotations(t *testing.T) {
	deleting := metav1.Now()
	for name, c := range map[string]struct {
		key, value string
		deleted    *metav1.Time
		want       string
	}{
		"paused":                    {v1alpha1.PausedAnnotation, "true", nil, ""},
		"paused in another way":     {v1alpha1.PausedAnnotation, "True", nil, "pauses with the value true only"},
		"paused by an empty value":  {v1alpha1.PausedAnnotation, "", nil, "pauses with the value true only"},
		"abandoned":                 {v1alpha1.AbandonAnnotation, "com.example.orders", &deleting, ""},
		"abandoned in advance":      {v1alpha1.AbandonAnnotation, "com.example.orders", nil, "remove it unless that is meant"},
		"another one is abandoned":  {v1alpha1.AbandonAnnotation, "com.example.order", &deleting, "does not name the client id com.example.orders"},
		"what is no request at all": {"example.com/note", "x", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			app := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{c.key: c.value}, DeletionTimestamp: c.deleted}}
			app.Spec.ApplicationURI = "com.example.orders"
			got := Warnings(app, connections.Entry{})
			if c.want == "" {
				g.Expect(got).To(BeEmpty())
				return
			}
			g.Expect(got).To(ConsistOf(And(HavePrefix("metadata.annotations: trustedapps.dev/"), ContainSubstring(c.want))))
		})
	}
}
