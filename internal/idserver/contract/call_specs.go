package contract

import (
	"context"
	"fmt"
	"sync"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var callSpecs = []spec{
	{"keeps to the server's number of requests in flight", lookup, func(s scene) {
		most := s.Server.Capabilities().MaxInFlight
		c := s.registered("busy", s.kinds()["service"])
		var callers sync.WaitGroup
		errs := make([]error, 12)
		for i := range errs {
			callers.Go(func() { _, errs[i] = s.Server.Find(s.Context(), c.key, c.cred) })
		}
		callers.Wait()
		s.Expect(errs).To(HaveEach(BeNil()))
		if most > 0 {
			s.Expect(s.Requests(s.T).MaxInFlight).To(BeNumerically("<=", most))
		}
	}},
	{"lets only one of several create a client id", chosenID, func(s scene) {
		var callers sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			c := s.newClient("contended", s.kinds()["service"])
			callers.Go(func() { errs[i] = c.create(s.Context()) })
		}
		callers.Wait()
		var created int
		for _, err := range errs {
			if err == nil {
				created++
				continue
			}
			s.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonTaken), "%v", err)
		}
		s.Expect(created).To(Equal(1))
	}},
	{"does nothing for a caller who gave up", nil, func(s scene) {
		c := s.registered("given-up", s.kinds()["service"])
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		before := s.Requests(s.T)
		fresh := s.newClient("never", s.kinds()["service"])
		other := *c
		other.want.DisplayName = "Never"
		for name, call := range map[string]func(context.Context) error{
			"creating": fresh.create, "updating": other.update, "deleting": other.remove,
			"verifying": func(ctx context.Context) error { _, err := s.Server.Verify(ctx, c.cred, c.want); return err },
		} {
			err := call(ctx)
			s.expectClass(err, idserver.ErrUnavailable, name, "cancelled context")
			s.Expect(err).To(MatchError(context.Canceled), name)
		}
		s.Expect(s.Requests(s.T)).To(Equal(before))
		c.expectFound()
	}},
	{"never shows a secret", nil, func(s scene) {
		c := s.registered("quiet", s.kinds()["service"])
		shown := fmt.Sprintf("%v %+v %#v %s", c.have, c.have, c.have, c.have.Registration.DisplayName)
		s.Expect(shown).NotTo(ContainSubstring(c.cred.Secret.Reveal()))
	}},
}
