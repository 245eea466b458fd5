package template

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// hard is text that every format has to escape in another way.
const hard = "p\"a'ss\\w$o`r d#!=:\nнов🔑,<&>"

var values = Values{
	ClientID: "com.example.orders/sync", ClientSecret: hard, Issuer: "https://acme.example/id", TokenEndpoint: "https://acme.example/id/connect/token",
	APIURL: "https://acme.example/api/domain/odata/", Scope: "read update", Scopes: []string{"read", "update"},
	RedirectURIs: []string{"https://app.example/cb", "https://app.example/other"}, Name: "orders", Namespace: "shop", Server: "acme", SystemUser: "svc", Service: true,
}

func one(text string, v Values) (string, error) {
	out, err := Render(nil, map[string]string{"k": text}, v)
	return string(out["k"]), err
}

func TestATemplateSeesTheValuesOfItsApplication(t *testing.T) {
	for text, want := range map[string]string{
		"{{ .ClientID }}@{{ .Issuer }}":                                          "com.example.orders/sync@https://acme.example/id",
		"{{ range .Scopes }}[{{ . }}]{{ end }}":                                  "[read][update]",
		"{{ range .Scopes }}{{ range $.RedirectURIs }}x{{ end }}{{ end }}":       "xxxx",
		"{{ join \",\" .Scopes }}":                                               "read,update",
		"{{ .NextClientSecret | default \"none\" }}":                             "none",
		"{{ .Name | toUpper | quote }}":                                          `"ORDERS"`,
		"{{ base64Encode .SystemUser }}":                                         "c3Zj",
		"{{ if .Service }}s{{ else }}i{{ end }}{{ with .Name }}{{ . }}{{ end }}": "sorders",
		"{{ printf \"%s:%5d\" .Name 7 }}":                                        "orders:    7",
		"plain":                                                                  "plain",
		"":                                                                       "",
	} {
		g := NewWithT(t)
		got, err := one(text, values)
		g.Expect(err).NotTo(HaveOccurred(), text)
		g.Expect(got).To(Equal(want), text)
	}
}

func TestWhatCannotBeRenderedIsToldWithoutValues(t *testing.T) {
	for text, want := range map[string]string{
		"{{ .ClientSecrt }}":                                    `1:3: <.ClientSecrt> cannot be evaluated`,
		"{{ .ClientSecret":                                      "it cannot be read",
		"{{ nosuch .Name }}":                                    "it cannot be read",
		"{{ env \"HOME\" }}":                                    "it cannot be read",
		"{{ now }}":                                             "it cannot be read",
		"{{ repeat 10 .Name }}":                                 "it cannot be read",
		"{{ index .ClientSecret 99 }}":                          "cannot be evaluated",
		"{{ index .Scopes 7 }}":                                 "cannot be evaluated",
		"{{ template \"x\" }}":                                  "template is not allowed",
		"{{ define \"x\" }}{{ end }}":                           "define and block are not allowed",
		"{{ block \"x\" . }}{{ end }}":                          "define and block are not allowed",
		"{{ if true }}{{ template \"x\" }}{{ end }}":            "template is not allowed",
		"{{ range 1000000000 }}{{ end }}":                       "range goes over",
		"{{ range $i := (len .Name) }}{{ end }}":                "range goes over",
		"{{ range .ClientSecret }}{{ end }}":                    "range goes over",
		"{{ with 99999999999 }}{{ range . }}{{ end }}{{ end }}": "range goes over",
		"{{ $n := 99999999999 }}{{ range $n }}{{ end }}":        "range goes over",
		"{{ range .Scopes }}{{ range $.Scopes }}{{ range $.Scopes }}{{ end }}{{ end }}{{ end }}": "more than 2 ranges",
		"{{ indent 100000000 .Name }}":     "cannot be evaluated",
		"{{ printf \"%100000000d\" 1 }}":   "cannot be evaluated",
		"{{ printf \"%*d\" 100000000 1 }}": "cannot be evaluated",
		"{{ call .ClientSecret }}":         "cannot be evaluated",
		"{{ slice .ClientSecret 1000 }}":   "cannot be evaluated",
		"{{ lt .ClientSecret 3 }}":         "cannot be evaluated",
	} {
		g := NewWithT(t)
		_, err := one(text, values)
		g.Expect(err).To(MatchError(ContainSubstring(want)), text)
		g.Expect(err.Error()).NotTo(Or(ContainSubstring("ss\\w"), ContainSubstring("🔑")), text)
	}
}

// Whatever a template multiplies, it ends soon and stays small.
func TestNoTemplateGrows(t *testing.T) {
	bombs := map[string]string{
		"replace":  `{{ .Name` + strings.Repeat(` | replace "" "xxxxxxxxxxxxxxxx"`, 100) + ` }}`,
		"printf":   `{{ $x := .Name }}` + strings.Repeat(`{{ $x = printf "%s%s%s%s" $x $x $x $x }}`, 100) + `{{ $x }}`,
		"quote":    `{{ .Name` + strings.Repeat(` | quote`, 300) + ` }}`,
		"json":     `{{ .ClientSecret` + strings.Repeat(` | toJSON`, 300) + ` }}`,
		"ranges":   `{{ range .Scopes }}{{ range $.Scopes }}` + strings.Repeat("x", 4000) + `{{ end }}{{ end }}`,
		"indents":  strings.Repeat(`{{ indent 64 .Name }}`, 190),
		"printing": strings.Repeat(`{{ printf "%99d" 1 }}`, 190),
		"print":    `{{ $x := .Name }}` + strings.Repeat(`{{ $x = print $x $x $x $x }}`, 100),
	}
	long := values
	for i := range 32 {
		long.Scopes = append(long.Scopes, strings.Repeat("s", 30)+fmt.Sprint(i))
	}
	for name, text := range bombs {
		g := NewWithT(t)
		done := make(chan string, 1)
		go func() {
			got, _ := one(text, long)
			done <- got
		}()
		g.Eventually(done, 20*time.Second).Should(Receive(WithTransform(func(s string) int { return len(s) }, BeNumerically("<=", maxOutput))), name)
	}
}

func TestNamesAreTakenOnce(t *testing.T) {
	g := NewWithT(t)
	_, err := Render([]string{PresetDotEnv}, map[string]string{".env": "x"}, values)
	g.Expect(err).To(MatchError(ContainSubstring("a preset has the same name")))
	_, err = Render([]string{"nosuch"}, nil, values)
	g.Expect(err).To(MatchError(ContainSubstring("no such preset")))
}

func preset(g *WithT, name string, v Values) string {
	out, err := Render([]string{name}, nil, v)
	g.Expect(err).NotTo(HaveOccurred())
	return string(out[name])
}

func TestAppSettingsIsJSON(t *testing.T) {
	g := NewWithT(t)
	var read struct {
		Authentication struct {
			Schemes struct {
				OpenIDConnect struct{ Authority, ClientSecret string } `json:"OpenIdConnect"`
			}
		}
		OAuthClient struct{ Issuer, TokenEndpoint, ClientSecret, NextClientSecret, Scope string }
	}
	v := values
	v.NextClientSecret = "next"
	g.Expect(json.Unmarshal([]byte(preset(g, PresetAppSettings, v)), &read)).To(Succeed())
	g.Expect(read.Authentication.Schemes.OpenIDConnect.ClientSecret).To(Equal(hard))
	g.Expect(read.OAuthClient.NextClientSecret).To(Equal("next"))
	g.Expect(read.OAuthClient.Scope).To(Equal("read update"))
	g.Expect(json.Valid([]byte(preset(g, PresetAppSettings, values)))).To(BeTrue())
}

// python has readers for all of the formats but one.
func python(t *testing.T, code, file string) map[string]string {
	t.Helper()
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "file")
	g.Expect(os.WriteFile(path, []byte(file), 0o600)).To(Succeed())
	out, err := exec.CommandContext(t.Context(), "python3", "-c", "import sys,json\n"+code, path).CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(out))
	read := map[string]string{}
	g.Expect(json.Unmarshal(out, &read)).To(Succeed(), string(out))
	return read
}

func TestOAuth2ProxyIsTOML(t *testing.T) {
	g := NewWithT(t)
	read := python(t, "import tomllib\nprint(json.dumps(tomllib.load(open(sys.argv[1],'rb'))))", preset(g, PresetOAuth2Proxy, values))
	g.Expect(read).To(Equal(map[string]string{
		"provider": "oidc", "oidc_issuer_url": values.Issuer, "client_id": values.ClientID, "client_secret": hard, "scope": "openid read update",
		"code_challenge_method": "S256", "redirect_url": "https://app.example/cb",
	}))
}

func TestDotEnvIsReadByAShell(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "env")
	text := preset(g, PresetDotEnv, values)
	g.Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `. "$1"; printf '%s|%s' "$CLIENT_SECRET" "$SCOPE"`, "sh", path).CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(out))
	g.Expect(string(out)).To(Equal(strings.ReplaceAll(hard, "\n", `\n`)+"|read update"), "a line break is written as two characters")
	g.Expect(text).NotTo(ContainSubstring("NEXT"))
}

// properties reads a .properties file by the rules of java.util.Properties, as far as they matter for values.
func properties(g *WithT, text string) map[string]string {
	read := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		key, raw, found := strings.Cut(lines.Text(), "=")
		g.Expect(found).To(BeTrue(), lines.Text())
		var quoted string
		raw = strings.NewReplacer(`"`, `\"`, `\ `, ` `).Replace(raw)
		g.Expect(json.Unmarshal([]byte(`"`+raw+`"`), &quoted)).To(Succeed(), raw)
		read[key] = quoted
	}
	return read
}

func TestSpringIsProperties(t *testing.T) {
	g := NewWithT(t)
	read := properties(g, preset(g, PresetSpring, values))
	const r = "spring.security.oauth2.client.registration.orders."
	g.Expect(read).To(Equal(map[string]string{
		r + "provider": "acme", r + "client-id": values.ClientID, r + "client-secret": hard, r + "client-authentication-method": "client_secret_post",
		r + "authorization-grant-type": "client_credentials", r + "scope": "read,update",
		"spring.security.oauth2.client.provider.acme.issuer-uri": values.Issuer, "spring.security.oauth2.client.provider.acme.token-uri": values.TokenEndpoint,
	}))
}

func FuzzRender(f *testing.F) {
	for _, seed := range []string{"{{ .ClientID }}", "{{ range .Scopes }}{{ . }}{{ end }}", `{{ printf "%s" .Name | quote }}`, "{{ define \"a\" }}{{ end }}"} {
		f.Add(seed)
	}
	canary := values
	canary.ClientSecret = "canary-7f3a9"
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		out, err := one(text, canary)
		if len(out) > maxOutput {
			t.Errorf("%d bytes", len(out))
		}
		if err != nil && strings.Contains(err.Error(), "canary-7f3a9") {
			t.Errorf("the error tells a value: %s", err)
		}
	})
}
