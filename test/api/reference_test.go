package api_test

import (
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// The rules of the ERP.net reference that are errors, by their ids, and who enforces them.
//
// By the schema, with an example in this package:
//
//	A1 client id present, at most 254, no spaces, unchangeable     C4 joined list at most 500 characters
//	A3 display name not empty, at most 254                         E1 no scope sec: a grant decides, see test/security
//	B1 no secret for Public                                        E2 no scope DomainApi
//	B2 Public has redirect URIs and users who may sign in          E3 scopes well-formed, none twice
//	B3 Public is no service                                        F2 somebody may sign in
//	B5 no client type None                                         I1 https only, no switch for certificate checks
//	C1 redirect URIs absolute, without fragment, wildcard, ...     I2 not the global identity
//	C2 http on loopback only, private-use schemes for Public
//
// By the absence of a field (see "A refused kubectl apply"): B9 no secret in a spec, G1 no basic authentication.
//
// By the operator, because the schema of one object cannot know: A2 one client id in two objects, A4 and H1 ownership, B4 and B6
// it draws the secret itself, C4 254 characters before 26.2.1.66, D1 a service has a system user (only on ERP.net), D2 and D3 the system user at the instance, E3 unknown scopes,
// G2 reference tokens before 26.2, I1 the issuer, I6 one request at a time.
var bySchema = strings.Fields("A1 A3 B1 B2 B3 B5 C1 C2 C4 E2 E3 F2 I1 I2")

var _ = Describe("The reference", func() {
	It("has examples for each rule that the schema can decide", func() {
		var ids []string
		for _, r := range allRules() {
			ids = append(ids, strings.Fields(r.ids)...)
		}
		slices.Sort(ids)
		Expect(slices.Compact(ids)).To(Equal(bySchema))
	})
})
