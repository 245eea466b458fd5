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
}
