package contract

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var listSpecs = []spec{
	{"lists the cluster's own registrations and no others", lookup, func(s scene) {
		want := map[string]idserver.Mark{}
		for i := range 2*s.PageSize + 1 {
			c := s.registered(fmt.Sprintf("listed-%d", i), s.kinds()["spa"])
			want[c.cred.ClientID] = c.key.Owner
		}
		other := s.newClient("elsewhere", s.kinds()["spa"])
		other.key.Owner.Cluster = "7d2f8a44-1c3b-4e6f-9a80-5b7c6d5e4f32"
		s.Expect(other.create(s.Context())).To(Succeed())
		if s.Plant != nil {
			s.Plant(s.T, s.Prefix+"unmarked", false)
			s.Plant(s.T, s.Prefix+"foreign", true)
		}
		got := map[string]idserver.Mark{}
		for reply, err := range s.Server.List(s.Context(), cluster) {
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(got).NotTo(HaveKey(reply.Credential.ClientID), "each once")
			s.Expect(s.kinds()["spa"].Diff(reply.Registration)).To(BeEmpty())
			got[reply.Credential.ClientID] = reply.Owner
		}
		s.Expect(got).To(Equal(want))
	}},
	{"comes to the end of an empty list", lookup, func(s scene) {
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		defer cancel()
		for reply, err := range s.Server.List(ctx, cluster) {
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(reply).To(BeZero())
		}
	}},
	{"lists nothing for a cluster that has nothing", lookup, func(s scene) {
		s.registered("other", s.kinds()["spa"])
		for reply, err := range s.Server.List(s.Context(), "another-cluster") {
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(reply).To(BeZero())
		}
	}},
	{"stops listing when nobody listens any more", lookup, func(s scene) {
		for i := range s.PageSize + 1 {
			s.registered(fmt.Sprintf("listed-%d", i), s.kinds()["spa"])
		}
		seen := 0
		for _, err := range s.Server.List(s.Context(), cluster) {
			s.Expect(err).NotTo(HaveOccurred())
			seen++
			break
		}
		s.Expect(seen).To(Equal(1))
	}},
	{"shows the registrations of all owners, without what is secret", all(surveying, planting), func(s scene) {
		want := map[string]idserver.Mark{}
		var secrets []string
		for i := range s.PageSize + 1 {
			c := s.registered(fmt.Sprintf("surveyed-%d", i), s.kinds()["service"])
			want[c.cred.ClientID] = c.key.Owner
			secrets = append(secrets, c.cred.Secret.Reveal())
		}
		s.Plant(s.T, s.Prefix+"unmarked", false)
		s.Plant(s.T, s.Prefix+"foreign", true)
		want[s.Prefix+"unmarked"], want[s.Prefix+"foreign"] = idserver.Mark{}, idserver.Mark{}
		before := s.Requests(s.T)
		got := map[string]idserver.Mark{}
		surveyor, ok := s.Server.(idserver.Surveyor)
		s.Expect(ok).To(BeTrue())
		for shown, err := range surveyor.Survey(s.Context()) {
			s.Expect(err).NotTo(HaveOccurred())
			if shown.Operator {
				continue
			}
			s.Expect(got).NotTo(HaveKey(shown.Credential.ClientID), "each once")
			got[shown.Credential.ClientID] = shown.Owner
			if shown.Credential.ClientID == s.Prefix+"foreign" {
				s.Expect(shown.ForeignOwner).NotTo(BeEmpty())
			} else {
				s.Expect(shown.ForeignOwner).To(BeEmpty())
			}
			if shown.Owner != (idserver.Mark{}) {
				s.Expect(s.kinds()["service"].Diff(shown.Registration)).To(BeEmpty())
				s.Expect(shown.HasSecret).To(BeTrue())
			}
			s.Expect(shown.Raw).To(BeNil(), "what the backend keeps may hold the hash of a secret")
			s.Expect(secrets).NotTo(ContainElement(shown.Credential.Secret.Reveal()))
		}
		s.Expect(got).To(Equal(want))
		after := s.Requests(s.T)
		s.Expect(after.Writes).To(Equal(before.Writes))
		s.Expect(after.Reads-before.Reads).To(BeNumerically("<=", (len(want)+1)/s.PageSize+2), "a request for each page, and none for each user")
	}},
}
