package cluster

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

func kindSpecs() {
	It("serves a service: it mounts the Secret, gets a token and reads the API", func(ctx SpecContext) {
		backEndWorks(ctx, kinds[0], "svc.orders")
	})

	It("serves a web application: a user signs in with a browser, the back end exchanges the code with the mounted Secret", func(ctx SpecContext) {
		k := kinds[1]
		shown := userSignsIn(ctx, k)
		found := result.Kinds[k.name]
		found.Token = true
		Expect(shown.Customers).To(BeNumerically(">", 0))
		found.API = true
	})

	It("serves a single-page application: a user signs in with PKCE, the browser has the ConfigMap and no secret", func(ctx SpecContext) {
		k := kinds[2]
		app := k.application(ctx)
		Expect(app.Status.Binding).To(BeNil(), "a public application has no Secret")
		var list corev1.SecretList
		Expect(admin.List(ctx, &list, client.InNamespace(appNamespace), client.MatchingLabels{v1alpha1.ApplicationLabel: k.app})).To(Succeed())
		Expect(list.Items).To(BeEmpty())
		shown := userSignsIn(ctx, k)
		Expect(shown.Profile["sub"]).To(Equal(anna))
		found := result.Kinds[k.name]
		Expect(shown.token).NotTo(BeEmpty())
		found.Token = true
		Expect(readAPI(ctx, shown.token)).To(BeNumerically(">", 0))
		found.API = true
	})

	It("serves a hybrid: users sign in at the front end, and the back end works as its system user", func(ctx SpecContext) {
		k := kinds[3]
		backEndWorks(ctx, k, "svc.portal")
		shown := userSignsIn(ctx, k)
		Expect(shown.Customers).To(BeNumerically(">", 0))
	})
}

// backEndWorks lets the workload get a token with the Client Credentials flow and read the API.
func backEndWorks(ctx context.Context, k kind, systemUser string) {
	GinkgoHelper()
	progress("%s: getting a token with the mounted Secret, reading the API", k.app)
	var got struct {
		Claims    map[string]any
		Customers int
	}
	Expect(call(ctx, k.host, addresses[k.app], "/customers", &got)).To(Succeed())
	Expect(got.Claims).To(And(
		HaveKeyWithValue("client_id", k.application(ctx).Status.ClientID),
		HaveKeyWithValue("client_system_user", systemUser),
		Not(HaveKey("sub")),
	))
	found := result.Kinds[k.name]
	found.Token = true
	Expect(got.Customers).To(BeNumerically(">", 0))
	found.API = true
}

// userSignsIn signs anna in and checks whom the tokens on the page are about.
func userSignsIn(ctx context.Context, k kind) signedIn {
	GinkgoHelper()
	progress("%s: signing a user in with Chromium", k.app)
	app := k.application(ctx)
	shown := signIn(ctx, k.host, addresses[k.app])
	Expect(shown.Claims).To(And(
		HaveKeyWithValue("client_id", app.Status.ClientID), HaveKeyWithValue("sub", anna), HaveKeyWithValue("iss", instance.Identity),
	))
	Expect(shown.Claims["scope"]).To(ContainElements("openid", "profile", "read"))
	Expect(shown.ID).To(And(HaveKeyWithValue("aud", app.Status.ClientID), HaveKeyWithValue("sub", anna)))
	*result.Kinds[k.name].SignIn = true
	return shown
}
