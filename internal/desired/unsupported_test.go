package desired

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/access"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
)

func TestWhatAServerCannotDoIsNamed(t *testing.T) {
	erp := capabilities
	hydra := idserver.Capabilities{ChosenID: true, SecretSlots: 1, Lookup: true}
	issuing := idserver.Capabilities{SecretOrigin: idserver.ServerIssued, SecretSlots: 1, RepliesRotate: true}
	rotating := func(s v1alpha1.RotationStrategy) v1alpha1.TrustedApplicationSpec {
		return v1alpha1.TrustedApplicationSpec{
			Interactive: interactive(v1alpha1.UsersInternal), Credentials: &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{Strategy: s}},
		}
	}
	service := func(user string) v1alpha1.TrustedApplicationSpec {
		return v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: user, InternalUserImpersonation: v1alpha1.ImpersonationForbidden}}
	}
	impersonating := service("")
	impersonating.Service.InternalUserImpersonation = v1alpha1.ImpersonationAllowed
	for name, c := range map[string]struct {
		spec v1alpha1.TrustedApplicationSpec
		on   idserver.Capabilities
		says string // the field; "" where nothing is wrong
	}{
		"a service with a user on ERP.net":       {service("svc.orders"), erp, ""},
		"a service without a user on ERP.net":    {service(""), erp, "spec.service.systemUser is missing"},
		"a service without a user on Hydra":      {service(""), hydra, ""},
		"a service with a user on Hydra":         {service("svc.orders"), hydra, "remove spec.service.systemUser"},
		"impersonation on Hydra":                 {impersonating, hydra, "remove spec.service.internalUserImpersonation"},
		"internal users, which is the default":   {v1alpha1.TrustedApplicationSpec{Interactive: interactive(v1alpha1.UsersInternal)}, hydra, ""},
		"external users on Hydra":                {v1alpha1.TrustedApplicationSpec{Interactive: interactive(v1alpha1.UsersCommunity)}, hydra, "remove spec.interactive.users"},
		"external users on ERP.net":              {v1alpha1.TrustedApplicationSpec{Interactive: interactive(v1alpha1.UsersCommunity)}, erp, ""},
		"reference tokens on Hydra":              {v1alpha1.TrustedApplicationSpec{ReferenceTokens: v1alpha1.ReferenceTokensAdministratorsOnly}, hydra, "remove spec.referenceTokens"},
		"no reference tokens on Hydra":           {v1alpha1.TrustedApplicationSpec{ReferenceTokens: idserver.ReferenceTokensNone}, hydra, ""},
		"adoption where nothing can be found":    {v1alpha1.TrustedApplicationSpec{AdoptionPolicy: v1alpha1.AdoptIfUnowned}, issuing, "remove spec.adoptionPolicy"},
		"no adoption where nothing can be found": {v1alpha1.TrustedApplicationSpec{AdoptionPolicy: v1alpha1.AdoptNever}, issuing, ""},
		"adoption on Hydra":                      {v1alpha1.TrustedApplicationSpec{AdoptionPolicy: v1alpha1.AdoptIfUnowned}, hydra, ""},
		"Announce where secrets are issued":      {rotating(v1alpha1.RotationAnnounce), issuing, "or set it to Replace"},
		"Alternate where secrets are issued":     {rotating(v1alpha1.RotationAlternate), issuing, "or set it to Replace"},
		"Replace where secrets are issued":       {rotating(v1alpha1.RotationReplace), issuing, ""},
		"no strategy where secrets are issued":   {rotating(""), issuing, ""},
		"Replace on ERP.net":                     {rotating(v1alpha1.RotationReplace), erp, "spec.credentials.rotation.strategy"},
		"Alternate on Hydra":                     {rotating(v1alpha1.RotationAlternate), hydra, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := unsupported(app(c.spec), c.on)
			if c.says == "" {
				g.Expect(got).To(BeEmpty())
				return
			}
			g.Expect(got).To(ContainSubstring(c.says))
		})
	}
}

func TestTheStrategyFollowsTheServer(t *testing.T) {
	g := NewWithT(t)
	issuing := idserver.Capabilities{SecretOrigin: idserver.ServerIssued}
	plain := app(v1alpha1.TrustedApplicationSpec{})
	g.Expect(strategy(plain, capabilities)).To(Equal(v1alpha1.RotationAnnounce))
	g.Expect(strategy(plain, issuing)).To(Equal(v1alpha1.RotationReplace))
	chosen := app(v1alpha1.TrustedApplicationSpec{Credentials: &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{Strategy: v1alpha1.RotationReplace}}})
	g.Expect(strategy(chosen, capabilities)).To(Equal(v1alpha1.RotationAnnounce), "it is refused; nothing follows it")

	several := capabilities
	several.SecretSlots = 2
	chosen.Spec.Credentials.Rotation.Strategy = v1alpha1.RotationOverlap
	g.Expect(strategy(chosen, several)).To(Equal(v1alpha1.RotationOverlap))
	g.Expect(strategy(plain, several)).To(Equal(v1alpha1.RotationOverlap), "the best that it can do")
	g.Expect(strategy(chosen, capabilities)).To(Equal(v1alpha1.RotationAnnounce), "it is refused; nothing follows it")
	chosen.Spec.Credentials.Rotation.Strategy = v1alpha1.RotationInPlace
	g.Expect(strategy(chosen, several)).To(Equal(v1alpha1.RotationInPlace))
}

func TestSecretsOverlapWhereAProbeFoundThatTheyCan(t *testing.T) {
	g := NewWithT(t)
	a := app(v1alpha1.TrustedApplicationSpec{
		Service:     &v1alpha1.ServiceSpec{SystemUser: "svc"},
		Credentials: &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{Strategy: v1alpha1.RotationOverlap}},
	})
	entry := ready()
	g.Expect(Of(a, "cluster-1", entry, true).Unsupported).To(And(ContainSubstring("keeps one secret"), Not(ContainSubstring("PrivateKeyJWT"))))
	entry.Info.KeyAlgorithm = "ES256"
	g.Expect(Of(a, "cluster-1", entry, true).Unsupported).To(ContainSubstring("or spec.credentials.method to PrivateKeyJWT"))
	entry.Info.Endpoints.Issuer = ""
	g.Expect(Of(a, "cluster-1", entry, true).Unsupported).To(BeEmpty(), "it was not probed since the operator started")
	entry = ready()
	entry.Capabilities.SecretSlots = 2
	d := Of(a, "cluster-1", entry, true)
	g.Expect(d.Unsupported).To(BeEmpty())
	g.Expect(d.Rotation.Strategy).To(Equal(v1alpha1.RotationOverlap))
}

func TestAServerIsNotToldWhatItHasNoPlaceFor(t *testing.T) {
	g := NewWithT(t)
	a := app(v1alpha1.TrustedApplicationSpec{Interactive: interactive(v1alpha1.UsersInternal), Service: &v1alpha1.ServiceSpec{}})
	entry := ready()
	entry.Capabilities = idserver.Capabilities{SecretOrigin: idserver.ServerIssued, SecretSlots: 1} // the least that a server can do
	d := Of(a, "cluster-1", entry, true)
	g.Expect(d.Want).To(And(HaveField("InternalUsers", false), HaveField("SystemUser", ""), HaveField("ReferenceTokens", "None"), HaveField("Service", true)))
	g.Expect(d.Unsupported).To(BeEmpty())
	g.Expect(Of(a, "cluster-1", connections.Entry{}, false).Unsupported).To(BeEmpty(), "nobody knows yet what the server can do")
}

func TestWhatIsDeniedIsDisabledOnlyWhereThatIsAskedFor(t *testing.T) {
	g := NewWithT(t)
	a := app(v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}})
	entry := ready()
	asked := Of(a, "cluster", entry, true)
	covered := Granted(asked, entry, access.Decision{})
	g.Expect(covered).To(Equal(asked), "a grant covers it")
	frozen := Granted(asked, entry, access.Decision{Missing: "no grant"})
	g.Expect(frozen).To(And(HaveField("Denied", "no grant"), HaveField("Want.Enabled", true), HaveField("Target", asked.Target)))
	entry.DisableDenied = true
	disabled := Granted(asked, entry, access.Decision{Missing: "no grant"})
	g.Expect(disabled).To(And(HaveField("Want.Enabled", false), HaveField("DisableDenied", true), HaveField("Target", Not(Equal(asked.Target)))))
	g.Expect(Granted(asked, entry, access.Decision{})).To(And(HaveField("Want.Enabled", true), HaveField("Target", asked.Target)))
}

func TestAnAdministratorIsActedAsOnlyWhereThatIsGranted(t *testing.T) {
	g := NewWithT(t)
	a := app(v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}})
	entry := ready()
	asked := Of(a, "cluster", entry, true)
	g.Expect(asked.Want.AdminUser).To(BeFalse())
	allowed := Granted(asked, entry, access.Decision{Administrators: true})
	g.Expect(allowed.Want.AdminUser).To(BeTrue())
	g.Expect(allowed.Target).NotTo(Equal(asked.Target), "a grant that goes is noticed")
	web := Of(app(v1alpha1.TrustedApplicationSpec{Interactive: interactive()}), "cluster", entry, true)
	g.Expect(Granted(web, entry, access.Decision{Administrators: true})).To(Equal(web), "it acts as no user of its own")
}
