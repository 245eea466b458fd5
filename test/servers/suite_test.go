package servers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/identityservers"
)

const (
	namespace  = "shop"
	plainHydra = "Ory Hydra"
	// longEnough is the longest that anything in these specs may take on a busy machine.
	longEnough = 60 * time.Second
)

// subject is a real server that the operator manages.
type subject struct {
	// server is the name of the IdentityServer.
	server string
	ca     []byte
	// clients are its clients as its administrator sees them, by client id.
	clients func(context.Context) map[string]client
	// remove deletes a client behind the operator's back.
	remove func(ctx context.Context, id string)
	// chosenID: the client id is the applicationUri. overlaps: former secrets go on to work.
	chosenID, overlaps bool
	// signIn signs a user in, and lets the user consent, at the authorization URL, and returns where the browser was sent in the end.
	signIn func(ctx context.Context, browser *http.Client, authorization string) string
}

// client is one of a server.
type client struct {
	ID     string   `json:"client_id"`
	Name   string   `json:"client_name"`
	Grants []string `json:"grant_types"`
	Method string   `json:"token_endpoint_auth_method"`
	Scope  string   `json:"scope"`

	Contacts []string        `json:"contacts"`
	JWKS     json.RawMessage `json:"jwks"`
}

var (
	parts    *bed.Bed
	operator *bed.Manager
	// adminURL is Hydra's admin API.
	adminURL string
	subjects = map[string]*subject{
		plainHydra: {chosenID: true}, "Ory Hydra that keeps former secrets": {chosenID: true, overlaps: true},
		"dynamic registration at oidc-provider": {}, "dynamic registration at Ory Hydra": {},
	}
)

func TestServers(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(longEnough)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	RunSpecs(t, "servers: the operator on other identity servers")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	parts, err = bed.Start(ctx, controlplane.Options{}, GinkgoWriter)
	DeferCleanup(func() { Expect(parts.Stop()).To(Succeed()) })
	Expect(err).NotTo(HaveOccurred())
	Expect(parts.Namespace(ctx, namespace)).To(Succeed())

	hydra, err := identityservers.StartHydra(ctx, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(hydra.Stop()).To(Succeed()) })
	provider, err := identityservers.StartOIDCProvider(ctx, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(provider.Stop()).To(Succeed()) })
	Expect(parts.Admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: bed.OperatorNamespace, Name: "oidc"},
		Data:       map[string][]byte{v1alpha1.KeyInitialAccessToken: []byte(identityservers.InitialAccessToken)},
	})).To(Succeed())

	rotating, err := identityservers.StartRotatingHydra(ctx, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(rotating.Stop()).To(Succeed()) })
	*subjects["Ory Hydra that keeps former secrets"] = subject{
		server: "hydra-rotating", ca: rotating.CA, chosenID: true, overlaps: true, clients: list(rotating.AdminURL + "/admin/clients?page_size=500"),
		signIn: atHydra(rotating.AdminURL),
	}
	*subjects[plainHydra] = subject{
		server: "hydra", ca: hydra.CA, chosenID: true, clients: list(hydra.AdminURL + "/admin/clients?page_size=500"), signIn: atHydra(hydra.AdminURL),
	}
	*subjects["dynamic registration at oidc-provider"] = subject{
		server: "oidc", ca: provider.CA, clients: list(provider.Control + "/clients"), remove: remove(provider.Control + "/clients"), signIn: atOIDCProvider,
	}
	*subjects["dynamic registration at Ory Hydra"] = subject{
		server: "hydra-dynamic", ca: hydra.CA, clients: list(hydra.AdminURL + "/admin/clients?page_size=500"), signIn: atHydra(hydra.AdminURL),
		remove: remove(hydra.AdminURL + "/admin/clients"),
	}
	adminURL = hydra.AdminURL
	for name, spec := range map[string]v1alpha1.IdentityServerSpec{
		"hydra":          {Takeover: v1alpha1.TakeoverAllowed, CABundle: hydra.CA, Hydra: &v1alpha1.HydraServer{AdminURL: v1alpha1.HTTPURL(hydra.AdminURL), PublicURL: v1alpha1.HTTPSURL(hydra.PublicURL)}},
		"hydra-rotating": {CABundle: rotating.CA, Hydra: &v1alpha1.HydraServer{AdminURL: v1alpha1.HTTPURL(rotating.AdminURL), PublicURL: v1alpha1.HTTPSURL(rotating.PublicURL)}},
		"oidc": {CABundle: provider.CA, DynamicRegistration: &v1alpha1.DynamicRegistrationServer{
			Issuer: v1alpha1.HTTPSURL(provider.Issuer), CredentialsRef: &v1alpha1.LocalSecretReference{Name: "oidc"}, Contacts: []string{"platform@example.com"},
		}},
		"hydra-dynamic": {CABundle: hydra.CA, DynamicRegistration: &v1alpha1.DynamicRegistrationServer{Issuer: v1alpha1.HTTPSURL(hydra.PublicURL)}},
	} {
		spec.Access = bed.Everyone()
		Expect(parts.Admin.Create(ctx, &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})).To(Succeed())
	}
	operator, err = parts.Manager(ctx, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(operator.Stop()).To(Succeed()) })
	Expect(operator.WaitReady(ctx)).To(Succeed())
	for _, s := range subjects {
		Eventually(func(g Gomega) {
			var ids v1alpha1.IdentityServer
			g.Expect(parts.Admin.Get(ctx, kube.ObjectKey{Name: s.server}, &ids)).To(Succeed())
			g.Expect(meta.IsStatusConditionTrue(ids.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
		}).Should(Succeed())
	}
}, NodeTimeout(3*time.Minute))

// list reads the clients of a server behind the operator's back.
func list(address string) func(context.Context) map[string]client {
	return func(ctx context.Context) map[string]client {
		GinkgoHelper()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		response, err := http.DefaultClient.Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer func() { Expect(response.Body.Close()).To(Succeed()) }()
		var all []client
		Expect(json.NewDecoder(response.Body).Decode(&all)).To(Succeed())
		byID := map[string]client{}
		for _, c := range all {
			byID[c.ID] = c
		}
		return byID
	}
}

// remove deletes clients of a server behind the operator's back.
func remove(address string) func(context.Context, string) {
	return func(ctx context.Context, id string) {
		GinkgoHelper()
		request, err := http.NewRequestWithContext(ctx, http.MethodDelete, address+"/"+url.PathEscape(id), http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		response, err := http.DefaultClient.Do(request)
		Expect(err).NotTo(HaveOccurred())
		Expect(response.Body.Close()).To(Succeed())
		Expect(response.StatusCode).To(BeNumerically("<", http.StatusMultipleChoices))
	}
}

// web is a client of people and workloads, which trusts the server.
func (s *subject) web() *http.Client {
	GinkgoHelper()
	pool := x509.NewCertPool()
	Expect(pool.AppendCertsFromPEM(s.ca)).To(BeTrue())
	return &http.Client{Timeout: longEnough, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
}
