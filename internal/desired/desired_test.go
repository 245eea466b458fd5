package desired

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/plan"
)

// server is a Server that is not asked anything.
type server struct{ idserver.Server }

var capabilities = idserver.Capabilities{
	ChosenID: true, SecretSlots: 1, Lookup: true, MaxInFlight: 1, SystemUsers: true, UserGroups: true, ReferenceTokens: true,
}

func ready() connections.Entry {
	return connections.Entry{
		Server: server{}, Capabilities: capabilities, Ready: true, Info: idserver.Info{Endpoints: idserver.Endpoints{Issuer: "https://acme.example/id"}},
		Verification: v1alpha1.VerificationRequired, Environment: v1alpha1.EnvironmentProduction,
	}
}

func app(spec v1alpha1.TrustedApplicationSpec) *v1alpha1.TrustedApplication {
	spec.ApplicationURI = "com.example.orders/sync"
	spec.IdentityServerRef.Name = "acme"
	return &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders", UID: "uid-1"}, Spec: spec}
}

func interactive(users ...v1alpha1.UserGroup) *v1alpha1.InteractiveSpec {
	return &v1alpha1.InteractiveSpec{
		RedirectURIs:           []v1alpha1.RedirectURI{"https://b.example/cb", "https://a.example/cb"},
		PostLogoutRedirectURIs: []v1alpha1.RedirectURI{"https://a.example/"}, Users: users,
	}
}

func TestEveryKindOfApplication(t *testing.T) {
	service := &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}
	redirects, logout := []string{"https://a.example/cb", "https://b.example/cb"}, []string{"https://a.example/"}
	off := false
	for name, c := range map[string]struct {
		spec              v1alpha1.TrustedApplicationSpec
		want              idserver.Registration
		flow              v1alpha1.Flow
		secret, configMap string
	}{
		"service": {
			v1alpha1.TrustedApplicationSpec{Service: service, Scopes: []v1alpha1.Scope{"update", "read", "update"}},
			idserver.Registration{DisplayName: "shop/orders", Enabled: true, Service: true, SystemUser: "svc.orders", Scopes: []string{"read", "update"}, ReferenceTokens: "None"},
			v1alpha1.FlowClientCredentials, "orders", "",
		},
		"service that may act as an internal user": {
			v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders", InternalUserImpersonation: v1alpha1.ImpersonationAllowed}},
			idserver.Registration{DisplayName: "shop/orders", Enabled: true, Service: true, SystemUser: "svc.orders", InternalUsers: true, ReferenceTokens: "None"},
			v1alpha1.FlowClientCredentials, "orders", "",
		},
		"disabled service with a Secret of another name": {
			v1alpha1.TrustedApplicationSpec{Service: service, DisplayName: "Orders", Enabled: &off, Credentials: &v1alpha1.CredentialsSpec{SecretName: "login"}},
			idserver.Registration{DisplayName: "Orders", Service: true, SystemUser: "svc.orders", ReferenceTokens: "None"},
			v1alpha1.FlowClientCredentials, "login", "",
		},
		"web": {
			v1alpha1.TrustedApplicationSpec{ClientType: v1alpha1.ClientTypeConfidential, Interactive: interactive(), ReferenceTokens: v1alpha1.ReferenceTokensAdministratorsOnly},
			idserver.Registration{DisplayName: "shop/orders", Enabled: true, RedirectURIs: redirects, PostLogoutRedirectURIs: logout, InternalUsers: true, ReferenceTokens: "AdministratorsOnly"},
			v1alpha1.FlowAuthorizationCode, "orders", "orders",
		},
		"web for the community only": {
			v1alpha1.TrustedApplicationSpec{ClientType: v1alpha1.ClientTypeConfidential, Interactive: interactive(v1alpha1.UsersCommunity), Credentials: &v1alpha1.CredentialsSpec{}},
			idserver.Registration{DisplayName: "shop/orders", Enabled: true, RedirectURIs: redirects, PostLogoutRedirectURIs: logout, CommunityUsers: true, ReferenceTokens: "None"},
			v1alpha1.FlowAuthorizationCode, "orders", "orders",
		},
		"SPA": {
			v1alpha1.TrustedApplicationSpec{ClientType: v1alpha1.ClientTypePublic, Interactive: interactive(), ConfigMapName: "front"},
			idserver.Registration{DisplayName: "shop/orders", Enabled: true, Public: true, RedirectURIs: redirects, PostLogoutRedirectURIs: logout, InternalUsers: true, ReferenceTokens: "None"},
			v1alpha1.FlowAuthorizationCode, "", "front",
		},
		"hybrid": {
			v1alpha1.TrustedApplicationSpec{ClientType: v1alpha1.ClientTypeConfidential, Interactive: interactive(v1alpha1.UsersInternal, v1alpha1.UsersCommunity), Service: service},
			idserver.Registration{DisplayName: "shop/orders", Enabled: true, RedirectURIs: redirects, PostLogoutRedirectURIs: logout, InternalUsers: true, CommunityUsers: true, Service: true, SystemUser: "svc.orders", ReferenceTokens: "None"},
			v1alpha1.FlowHybrid, "orders", "orders",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			a := app(c.spec)
			before := a.DeepCopy()
			g.Expect(Registration(a)).To(Equal(c.want))
			g.Expect(Flow(a.Spec)).To(Equal(c.flow))
			g.Expect(SecretName(a)).To(Equal(c.secret))
			g.Expect(ConfigMapName(a)).To(Equal(c.configMap))
			g.Expect(a).To(Equal(before), "the spec is not changed")
		})
	}
}

func TestOfAReadyServer(t *testing.T) {
	g := NewWithT(t)
	a := app(v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}})
	d := Of(a, "cluster-1", ready(), true)
	g.Expect(d.Key).To(Equal(idserver.Key{
		ClientID: "com.example.orders/sync", Owner: idserver.Mark{Cluster: "cluster-1", Namespace: "shop", Name: "orders", UID: "uid-1"},
	}))
	g.Expect(d.Want).To(Equal(Registration(a)))
	g.Expect(d.Capabilities).To(Equal(capabilities))
	g.Expect(d.ServerReady).To(BeTrue())
	g.Expect(d.ServerWait).To(BeZero())
	g.Expect(d.Verify).To(BeTrue())
	g.Expect(d.Deleting).To(BeFalse())
	g.Expect(Of(a, "cluster-1", ready(), true)).To(Equal(d), "the same for the same")
}

func TestTheTargetFollowsWhatTheServerIsToldAndTheProof(t *testing.T) {
	g := NewWithT(t)
	of := func(a *v1alpha1.TrustedApplication, e connections.Entry) string {
		return Of(a, "cluster-1", e, true).Target
	}
	base := func() *v1alpha1.TrustedApplication {
		return app(v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}})
	}
	target := of(base(), ready())

	renamed := base()
	renamed.Spec.Credentials = &v1alpha1.CredentialsSpec{SecretName: "other"}
	renamed.Spec.DeletionPolicy = v1alpha1.DeletionOrphan
	g.Expect(of(renamed, ready())).To(Equal(target), "the server is not told of Secrets and policies")
	down := ready()
	down.Ready, down.Reason = false, v1alpha1.ReasonServerUnavailable
	g.Expect(of(base(), down)).To(Equal(target), "an outage changes nothing that is wanted")

	changed := base()
	changed.Spec.Service.SystemUser = "svc.other"
	elsewhere, unproven := ready(), ready()
	elsewhere.Info.Endpoints.Issuer = "https://other.example/id"
	unproven.Verification = v1alpha1.VerificationOff
	g.Expect([]string{of(changed, ready()), of(base(), elsewhere), of(base(), unproven)}).NotTo(ContainElement(target))
	g.Expect(Of(base(), "cluster-1", unproven, true).Verify).To(BeFalse())
}

func TestWaitingForTheServerSaysWhatToDo(t *testing.T) {
	notReady := ready()
	notReady.Ready, notReady.Reason, notReady.Message = false, v1alpha1.ReasonServerUnavailable, "an internal detail"
	unreached := connections.Entry{Server: server{}, Reason: v1alpha1.ReasonServerUnavailable}
	credentials := connections.Entry{Reason: v1alpha1.ReasonCredentialsMissing}
	lying := connections.Entry{Server: server{}, Ready: true} // ready, but never discovered: not usable
	for name, c := range map[string]struct {
		entry    connections.Entry
		known    bool
		deleting bool
		reason   string
		message  []string
		target   bool
	}{
		"no such server":          {known: false, reason: v1alpha1.ReasonServerNotFound, message: []string{"acme", "does not exist", "create it"}},
		"not ready":               {entry: notReady, known: true, reason: v1alpha1.ReasonServerNotReady, message: []string{"acme", "ServerUnavailable", "goes on by itself", "kubectl describe"}, target: true},
		"never discovered":        {entry: unreached, known: true, reason: v1alpha1.ReasonServerNotReady, message: []string{"ServerUnavailable"}},
		"no connection":           {entry: credentials, known: true, reason: v1alpha1.ReasonServerNotReady, message: []string{"CredentialsMissing"}},
		"ready without an issuer": {entry: lying, known: true, reason: v1alpha1.ReasonServerNotReady},
		"deleting, no server":     {deleting: true, reason: v1alpha1.ReasonServerNotFound, message: []string{"acme", "does not exist"}},
		"deleting, not ready":     {entry: notReady, known: true, deleting: true, reason: v1alpha1.ReasonServerNotReady, message: []string{"goes on by itself"}, target: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			a := app(v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}})
			if c.deleting {
				now := metav1.Now()
				a.DeletionTimestamp = &now
			}
			d := Of(a, "cluster-1", c.entry, c.known)
			g.Expect(d.ServerReady).To(BeFalse())
			g.Expect(d.ServerWait.Reason).To(Equal(c.reason))
			for _, part := range c.message {
				g.Expect(d.ServerWait.Message).To(ContainSubstring(part))
			}
			g.Expect(d.ServerWait.Message).NotTo(ContainSubstring("internal detail"), "a team is not told what only administrators of the server see")
			g.Expect(d.Target).To(HaveLen(map[bool]int{true: 16}[c.target]))
			g.Expect(d.Deleting).To(Equal(c.deleting))
		})
	}
}

func TestDeletionPolicies(t *testing.T) {
	g := NewWithT(t)
	for policy, want := range map[v1alpha1.DeletionPolicy]plan.Deletion{
		"": plan.Delete, v1alpha1.DeletionDelete: plan.Delete, v1alpha1.DeletionDisable: plan.DisableOnly, v1alpha1.DeletionOrphan: plan.Orphan,
	} {
		g.Expect(Of(app(v1alpha1.TrustedApplicationSpec{DeletionPolicy: policy}), "cluster-1", ready(), true).Deletion).To(Equal(want), string(policy))
	}
}
