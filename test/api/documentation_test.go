package api_test

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The schema", func() {
	It("describes every field", func() {
		for _, n := range nodes() {
			if !strings.HasSuffix(n.path, "[]") {
				Expect(len(n.Description)).To(BeNumerically(">=", len("name of the Secret")), "the description of %s", n.describe())
			}
		}
	})

	It("is written for the 80 columns of kubectl explain, which breaks each longer line in two", func() {
		for _, n := range nodes() {
			if strings.Contains(n.path, ".") && !strings.Contains(n.path, "[]") {
				for line := range strings.Lines(n.Description) {
					Expect(len(strings.TrimSpace(line))).To(BeNumerically("<=", 76), "%s: %s", n.describe(), line)
				}
			}
		}
	})

	It("bounds every string and list", func() {
		for _, n := range nodes() {
			switch {
			case n.Type == "string" && n.Enum == nil && n.Format != "date-time":
				Expect(n.MaxLength).NotTo(BeNil(), "maxLength of %s", n.describe())
			case n.Type == "array":
				Expect(n.MaxItems).NotTo(BeNil(), "maxItems of %s", n.describe())
				Expect(n.XListType).NotTo(BeNil(), "listType of %s", n.describe())
			case n.AdditionalProperties != nil:
				Expect(n.MaxProperties).NotTo(BeNil(), "maxProperties of %s", n.describe())
			case n.Type == "object":
				Expect(n.Properties).NotTo(BeEmpty(), "properties of %s: an open object is not bounded", n.describe())
			}
			Expect(n.XPreserveUnknownFields).To(BeNil(), n.describe())
		}
	})

	It("has no place for a secret", func() {
		for _, n := range nodes() {
			name := strings.ToLower(n.path[strings.LastIndex(n.path, ".")+1:])
			Expect(name).NotTo(MatchRegexp(`^(client)?(secret|password)(hash|value)?$`), n.describe())
		}
	})
})

var _ = Describe("kubectl explain", func() {
	DescribeTable("teaches what to write", func(ctx context.Context, path string, words ...string) {
		text := strings.Join(strings.Fields(kubectl(ctx, "", "explain", path).stdout), " ")
		for _, w := range words {
			Expect(text).To(ContainSubstring(w))
		}
	},
		Entry("of the system user", "trustedapplication.spec.service.systemUser",
			"the login of the user of the instance that the application acts as", "permissions", "is not an administrator", "Example: svc.orders"),
		Entry("of the operator's credentials", "identityserver.spec.erpNet.credentialsRef",
			"Secret, in the operator's own namespace", "client_id and client_secret", "database administrator", "read, update and sec"),
		Entry("of the kill switch", "ta.spec.enabled", "kill switch", "invalid_client", "Default: true"),
		Entry("of the redirect URIs", "ta.spec.interactive.redirectUris", "compared exactly", "500 characters", "com.example.app:/callback"),
		Entry("of the kind", "ta", "registration of one application at an identity server"),
		Entry("of the server", "ids", "Platform administrators write it"),
	)
})
