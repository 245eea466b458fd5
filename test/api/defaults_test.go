package api_test

import (
	"context"
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("A default", func() {
	It("is there for exactly these fields", func() {
		defaults := map[string]string{}
		for _, n := range nodes() {
			if n.Default != nil {
				defaults[n.kind+" "+n.path] = string(n.Default.Raw)
			}
		}
		Expect(defaults).To(Equal(map[string]string{
			"TrustedApplication spec.enabled":                             "true",
			"TrustedApplication spec.interactive.users":                   `["Internal"]`,
			"TrustedApplication spec.service.internalUserImpersonation":   `"Forbidden"`,
			"TrustedApplication spec.referenceTokens":                     `"None"`,
			"TrustedApplication spec.deletionPolicy":                      `"Delete"`,
			"TrustedApplication spec.credentials.rotation.gracePeriod":    `"1h"`,
			"TrustedApplication spec.credentials.rotation.announcePeriod": `"5m"`,
			"TrustedApplication spec.driftPolicy":                         `"Enforce"`,
			"TrustedApplication spec.adoptionPolicy":                      `"Never"`,
			// A set has them as well, so that what it makes is what it finds.
			"TrustedApplicationSet spec.template.spec.enabled":                             "true",
			"TrustedApplicationSet spec.template.spec.interactive.users":                   `["Internal"]`,
			"TrustedApplicationSet spec.template.spec.service.internalUserImpersonation":   `"Forbidden"`,
			"TrustedApplicationSet spec.template.spec.referenceTokens":                     `"None"`,
			"TrustedApplicationSet spec.template.spec.deletionPolicy":                      `"Delete"`,
			"TrustedApplicationSet spec.template.spec.credentials.rotation.gracePeriod":    `"1h"`,
			"TrustedApplicationSet spec.template.spec.credentials.rotation.announcePeriod": `"5m"`,
			"TrustedApplicationSet spec.template.spec.driftPolicy":                         `"Enforce"`,
			"TrustedApplicationSet spec.template.spec.adoptionPolicy":                      `"Never"`,
			"TrustedApplicationSet spec.emptySelection":                                    `"Keep"`,
			"TrustedApplicationSet spec.rollout":                                           `{}`,
			"TrustedApplicationSet spec.rollout.maxUnavailable":                            `"10%"`,
			"TrustedApplicationSet spec.rollout.onFailure":                                 `"Stop"`,
			"TrustedApplicationSet spec.rollout.progressDeadline":                          `"10m"`,

			"IdentityServer spec.takeover":                                 `"Forbidden"`,
			"IdentityServer spec.orphanPolicy":                             `"Report"`,
			"IdentityServer spec.accessPolicy":                             `"Freeze"`,
			"IdentityServer spec.access[].administrators":                  `"Forbidden"`,
			"IdentityServer spec.rotation.maxConcurrent":                   `10`,
			"IdentityServer spec.erpNet.clientAuthentication":              `"Post"`,
			"IdentityServer spec.erpNet.limits.requestsPerMinute":          `600`,
			"IdentityServer spec.erpNet.limits.batchSize":                  `50`,
			"IdentityServer spec.dynamicRegistration.clientAuthentication": `"Post"`,
			"IdentityServer spec.hydra.clientAuthentication":               `"Post"`,
			"IdentityServer spec.verification":                             `"Required"`,
			"IdentityServer spec.environment":                              `"Production"`,
			// What nobody has looked at yet is in progress to kstatus, not current.
			"TrustedApplication status":    `{"observedGeneration":-1}`,
			"IdentityServer status":        `{"observedGeneration":-1}`,
			"TrustedApplicationSet status": `{"observedGeneration":-1}`,
		}))
	})

	DescribeTable("is filled in by the API server", func(ctx context.Context, o object, spec string) {
		Expect(api.Create(ctx, o, client.DryRunAll)).To(Succeed())
		got, err := json.Marshal(o.Object["spec"])
		Expect(err).NotTo(HaveOccurred())
		Expect(got).To(MatchJSON(spec))
	},
		Entry("for a service", service(), `{
			"identityServerRef": {"name": "acme"}, "applicationUri": "com.example.orders/sync", "enabled": true,
			"service": {"systemUser": "svc.orders", "internalUserImpersonation": "Forbidden"},
			"referenceTokens": "None", "deletionPolicy": "Delete", "driftPolicy": "Enforce", "adoptionPolicy": "Never"}`),
		Entry("for an interactive application", public(), `{
			"identityServerRef": {"name": "acme"}, "applicationUri": "com.example.shop/web", "enabled": true, "clientType": "Public",
			"interactive": {"redirectUris": ["https://shop.example.com/signin-oidc"], "users": ["Internal"]},
			"referenceTokens": "None", "deletionPolicy": "Delete", "driftPolicy": "Enforce", "adoptionPolicy": "Never"}`),
		Entry("for a server", erpNet(), `{
			"erpNet": {"url": "https://acme.my.erp.net", "credentialsRef": {"name": "acme-operator"}, "clientAuthentication": "Post"},
			"verification": "Required", "environment": "Production", "orphanPolicy": "Report", "accessPolicy": "Freeze", "takeover": "Forbidden"}`),
		Entry("for a server with dynamic registration", dynamic(), `{
			"dynamicRegistration": {"issuer": "https://auth.example.com", "clientAuthentication": "Post"},
			"verification": "Required", "environment": "Production", "orphanPolicy": "Report", "accessPolicy": "Freeze", "takeover": "Forbidden"}`),
		Entry("for Ory Hydra", hydra(), `{
			"hydra": {"adminUrl": "http://hydra-admin.auth.svc:4445", "publicUrl": "https://auth.example.com", "clientAuthentication": "Post"},
			"verification": "Required", "environment": "Production", "orphanPolicy": "Report", "accessPolicy": "Freeze", "takeover": "Forbidden"}`),
	)

	It("gives way to what the user writes", func(ctx context.Context) {
		o := service(set("spec.enabled", false), set("spec.deletionPolicy", "Orphan"))
		Expect(api.Create(ctx, o, client.DryRunAll)).To(Succeed())
		Expect(o.Object["spec"]).To(And(HaveKeyWithValue("enabled", false), HaveKeyWithValue("deletionPolicy", "Orphan")))
	})
})
