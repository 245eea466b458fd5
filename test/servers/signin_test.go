package servers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/test/bed"
)

const callback = "https://shop.example.com/callback"

// browser keeps cookies, and follows redirects as far as the application.
func (s *subject) browser() *http.Client {
	GinkgoHelper()
	web := s.web()
	jar, err := cookiejar.New(nil)
	Expect(err).NotTo(HaveOccurred())
	web.Jar = jar
	web.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return web
}

// visit sends a request, and returns where the server sends the browser, and the page.
func visit(ctx context.Context, browser *http.Client, method, address string, form url.Values) (location, page string) {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	Expect(err).NotTo(HaveOccurred())
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := browser.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(response.Body.Close()).To(Succeed()) }()
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	if response.Header.Get("Location") == "" {
		return "", string(body)
	}
	to, err := response.Location()
	Expect(err).NotTo(HaveOccurred())
	return to.String(), string(body)
}

// atHydra signs in by what an application for sign-in and consent does: it accepts both at the admin API.
func atHydra(admin string) func(context.Context, *http.Client, string) string {
	return func(ctx context.Context, browser *http.Client, authorization string) string {
		GinkgoHelper()
		at := authorization
		for range 8 {
			at, _ = visit(ctx, browser, http.MethodGet, at, nil)
			u, err := url.Parse(at)
			Expect(err).NotTo(HaveOccurred())
			switch challenge := u.Query(); {
			case challenge.Get("login_challenge") != "":
				at = accept(ctx, admin, "login", challenge.Get("login_challenge"), map[string]any{"subject": "alice"})
			case challenge.Get("consent_challenge") != "":
				at = accept(ctx, admin, "consent", challenge.Get("consent_challenge"), map[string]any{"grant_scope": []string{"read"}})
			case strings.HasPrefix(at, callback):
				return at
			}
		}
		Fail("the browser is not sent back to the application: " + at)
		return ""
	}
}

func accept(ctx context.Context, admin, what, challenge string, body map[string]any) (redirect string) {
	GinkgoHelper()
	content, err := json.Marshal(body)
	Expect(err).NotTo(HaveOccurred())
	address := fmt.Sprintf("%s/admin/oauth2/auth/requests/%s/accept?%s_challenge=%s", admin, what, what, url.QueryEscape(challenge))
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(content))
	Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(response.Body.Close()).To(Succeed()) }()
	Expect(response.StatusCode).To(Equal(http.StatusOK))
	var told struct {
		RedirectTo string `json:"redirect_to"`
	}
	Expect(json.NewDecoder(response.Body).Decode(&told)).To(Succeed())
	return told.RedirectTo
}

var prompt = regexp.MustCompile(`name="prompt" value="(login|consent)"`)

// atOIDCProvider fills in the pages that oidc-provider has for development.
func atOIDCProvider(ctx context.Context, browser *http.Client, authorization string) string {
	GinkgoHelper()
	at, page := visit(ctx, browser, http.MethodGet, authorization, nil)
	for range 12 {
		here := at
		switch {
		case strings.HasPrefix(at, callback):
			return at
		case at == "":
			Fail("the browser is not sent on: " + page)
		}
		at, page = visit(ctx, browser, http.MethodGet, here, nil)
		if form := prompt.FindStringSubmatch(page); at == "" && form != nil {
			at, page = visit(ctx, browser, http.MethodPost, here, url.Values{"prompt": {form[1]}, "login": {"alice"}, "password": {"any"}})
		}
	}
	Fail("the browser is not sent back to the application: " + at)
	return ""
}

// redeem exchanges the code of a callback for a token, as the application does, and returns the HTTP status.
func (s *subject) redeem(ctx context.Context, token, back, verifier string, proof url.Values) int {
	GinkgoHelper()
	u, err := url.Parse(back)
	Expect(err).NotTo(HaveOccurred())
	Expect(u.Query().Get("code")).NotTo(BeEmpty(), "the server refuses the sign-in: %s", back)
	form := url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	for name, values := range proof {
		form[name] = values
	}
	web := s.web()
	defer web.CloseIdleConnections()
	status, text, err := bed.Ask(ctx, web, token, form)
	Expect(err).NotTo(HaveOccurred())
	if status == http.StatusOK {
		Expect(text).To(ContainSubstring(`"access_token"`))
	}
	return status
}

var _ = Describe("a user signs in by a code with PKCE", func() {
	for name, s := range subjects {
		for kind, change := range map[string]func(*v1alpha1.TrustedApplicationSpec){
			"a web application": interactive(v1alpha1.ClientTypeConfidential), "a single-page application": interactive(v1alpha1.ClientTypePublic),
			"a hybrid application": hybrid, "a web application with a key": func(spec *v1alpha1.TrustedApplicationSpec) {
				interactive(v1alpha1.ClientTypeConfidential)(spec)
				withKey(spec)
			},
		} {
			It("to "+kind+" at "+name, func(ctx SpecContext) {
				before := len(s.clients(ctx))
				app := s.application(change)
				Expect(parts.Admin.Create(ctx, app)).To(Succeed())
				becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
				var front corev1.ConfigMap
				Expect(parts.Admin.Get(ctx, kube.ObjectKey{Namespace: namespace, Name: app.Status.ConfigMapName}, &front)).To(Succeed())
				token := front.Data[v1alpha1.KeyTokenEndpoint]
				proof := func() url.Values {
					if app.Spec.ClientType == v1alpha1.ClientTypePublic {
						return url.Values{"client_id": {front.Data[v1alpha1.KeyClientID]}}
					}
					return proofOf(published(ctx, app))
				}
				browser := s.browser()
				defer browser.CloseIdleConnections()
				for _, right := range []bool{true, false} {
					verifier := idserver.DrawSecret().Reveal()
					hash := sha256.Sum256([]byte(verifier))
					back := s.signIn(ctx, browser, front.Data[v1alpha1.KeyAuthorizationEndpoint]+"?"+url.Values{
						"response_type": {"code"}, "client_id": {front.Data[v1alpha1.KeyClientID]}, "redirect_uri": {callback}, "scope": {"read"},
						"state": {idserver.DrawSecret().Reveal()}, "code_challenge_method": {"S256"},
						"code_challenge": {base64.RawURLEncoding.EncodeToString(hash[:])},
					}.Encode())
					if !right {
						verifier = idserver.DrawSecret().Reveal()
					}
					status := s.redeem(ctx, token, back, verifier, proof())
					if right {
						Expect(status).To(Equal(http.StatusOK))
					} else {
						Expect(status).To(Equal(http.StatusBadRequest), "the verifier of another sign-in")
					}
				}
				deleted(ctx, app)
				Expect(s.clients(ctx)).To(HaveLen(before))
			})
		}
	}
})
