package contract

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

// classes are all classes of errors.
var classes = []error{
	idserver.ErrUnavailable, idserver.ErrRejected, idserver.ErrUnauthorized, idserver.ErrControlLost,
	idserver.ErrOutcomeUnknown, idserver.ErrNotFound,
}

// withEffect are the faults after which a write has happened all the same.
var withEffect = map[FaultKind]bool{AnswerLost: true, Truncated: true}

// ofRead is the class that a fault of a read, or of a token request, has.
func ofRead(k FaultKind) error {
	if k == Status401 || k == Status403 {
		return idserver.ErrUnauthorized
	}
	return idserver.ErrUnavailable
}

// ofWrite is the class that a fault of a write has.
func ofWrite(k FaultKind) error {
	switch k {
	case Status401, Status403:
		return idserver.ErrUnauthorized
	case Unreachable, Status404, Status429:
		return idserver.ErrUnavailable
	}
	return idserver.ErrOutcomeUnknown
}

// patience ends calls to a server that never answers as soon as it got the request, and any other call in the end.
func (s scene) patience(on Target, k FaultKind) (context.Context, context.CancelFunc) {
	ctx, end := context.WithTimeout(s.Context(), time.Minute)
	if k != Hang {
		return ctx, end
	}
	before := s.Requests(s.T).of(on)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		defer end()
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for s.Requests(s.T).of(on) == before {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
		}
	})
	return ctx, func() {
		end()
		watcher.Wait()
	}
}

// of is the number of requests that a fault of the target strikes.
func (r Requests) of(on Target) int {
	return [...]int{Reads: r.Reads, Writes: r.Writes, Tokens: r.Tokens}[on]
}

// maxAllocation is what a call may allocate because of a hostile answer, in bytes.
const maxAllocation = 256 << 20

// during makes a call while the fault is there, and bounds what the answer may cost.
func (s scene) during(on Target, k FaultKind, call func(ctx context.Context) error) error {
	s.Helper()
	heal := s.Break(s.T, Fault{On: on, Kind: k})
	defer heal()
	ctx, cancel := s.patience(on, k)
	defer cancel()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := call(ctx)
	runtime.ReadMemStats(&after)
	s.Expect(after.TotalAlloc-before.TotalAlloc).To(BeNumerically("<", maxAllocation), "%s: memory", k)
	return err
}

// expectClass wants exactly one class.
func (s scene) expectClass(err, class error, what string, k FaultKind) {
	s.Helper()
	for _, c := range classes {
		s.Expect(errors.Is(err, c)).To(Equal(errors.Is(c, class)), "%s with %s: want %v, got %v", what, k, class, err)
	}
}

var faultSpecs = []spec{
	{"never takes a failed read for absence", all(breaking, lookup), func(s scene) {
		present, absent := s.registered("present", s.kinds()["service"]), s.newClient("absent", s.kinds()["service"])
		for _, k := range s.Kinds {
			s.expectClass(s.during(Reads, k, present.find), ofRead(k), "finding", k)
			s.expectClass(s.during(Reads, k, absent.find), ofRead(k), "finding the absent", k)
			s.expectClass(s.during(Reads, k, s.listAll), ofRead(k), "listing", k)
			err := s.during(Reads, k, present.remove)
			s.Expect(err == nil).To(Equal(!present.exists()), "deleting with %s: nil means gone: %v", k, err)
			if err == nil {
				s.Expect(present.create(s.Context())).To(Succeed())
			}
		}
		present.expectFound()
	}},
	{"never takes an answer that the server did not give for a deletion", breaking, func(s scene) {
		for _, k := range s.Kinds {
			c := s.registered("deleted-"+slug(k), s.kinds()["service"])
			err := s.during(Writes, k, c.remove)
			if err == nil {
				s.Expect(c.exists()).To(BeFalse(), "%s: nil means gone", k)
				continue
			}
			for range 3 { // the first one may only find out
				if err = c.remove(s.Context()); err == nil {
					break
				}
			}
			s.Expect(err).NotTo(HaveOccurred(), "%s: it can be deleted in the end", k)
			s.Expect(c.exists()).To(BeFalse(), "%s", k)
		}
	}},
	{"knows what a failed creation can have done", breaking, func(s scene) {
		for _, k := range s.Kinds {
			c := s.newClient("created-"+slug(k), s.kinds()["service"])
			before := s.Requests(s.T)
			err := s.during(Writes, k, c.create)
			s.expectClass(err, ofWrite(k), "creating", k)
			if !s.Server.Capabilities().Lookup {
				continue
			}
			s.Expect(c.exists()).To(Equal(withEffect[k]), "%s: %v after %+v", k, err, before)
			c.recover()
			s.Expect(c.accepted()).To(BeTrue(), "%s: the same secret works in the end", k)
		}
	}},
	{"ends right after a failed update", all(breaking, lookup), func(s scene) {
		for _, k := range s.Kinds {
			c := s.registered("updated-"+slug(k), s.kinds()["service"])
			c.want.DisplayName = "After " + string(k)
			c.cred.Secret = idserver.DrawSecret()
			err := s.during(Writes, k, func(ctx context.Context) error { return c.updateSecret(ctx, c.cred.Secret) })
			if !withEffect[k] { // an update needs no body in its answer
				s.expectClass(err, ofWrite(k), "updating", k)
			}
			c.recover()
			s.Expect(c.accepted()).To(BeTrue(), "%s: the new secret works in the end", k)
		}
	}},
	{"says gone only after a deletion that is", all(breaking, lookup), func(s scene) {
		for _, k := range s.Kinds {
			c := s.registered("deleted-"+slug(k), s.kinds()["service"])
			err := s.during(Writes, k, c.remove)
			if err == nil {
				s.Expect(c.exists()).To(BeFalse(), "%s: nil means gone", k)
			}
			s.Expect(c.exists()).To(Equal(!withEffect[k]), "%s: %v", k, err)
			s.Expect(c.remove(s.Context())).To(Succeed(), "%s: healed", k)
			s.Expect(c.exists()).To(BeFalse())
		}
	}},
	{"gives no verdict where nothing was found out", breaking, func(s scene) {
		for _, name := range []string{"service", "web"} {
			c := s.registered(name, s.kinds()[name])
			for _, k := range s.Kinds {
				err := s.during(Tokens, k, func(ctx context.Context) error {
					v, err := s.Server.Verify(ctx, c.cred, c.want)
					s.Expect(v).To(BeZero(), "%s: %s", name, k)
					return err
				})
				s.expectClass(err, idserver.ErrUnavailable, "verifying", k)
			}
			s.Expect(c.verdict().OK).To(BeTrue(), name)
		}
	}},
	{"tells how long to wait", broken(Status429), func(s scene) {
		c := s.registered("limited", s.kinds()["service"])
		err := s.during(Writes, Status429, c.remove)
		told, ok := errors.AsType[*idserver.Error](err)
		s.Expect(ok).To(BeTrue(), "%v", err)
		s.Expect(told.RetryAfter).To(BeNumerically(">", 0))
	}},
	{"gets over a token that was refused once", all(broken(Status401), login), func(s scene) {
		c := s.registered("refused-once", s.kinds()["service"])
		for _, on := range []Target{Reads, Writes} {
			heal := s.Break(s.T, Fault{On: on, Kind: Status401, Count: 1})
			c.want.DisplayName += "!"
			s.Expect(c.find(s.Context())).To(Succeed())
			s.Expect(c.update(s.Context())).To(Succeed())
			heal()
		}
		c.expectFound()
	}},
}

// recover does what a caller does after a failure: it looks, and goes on from there.
func (c *client) recover() {
	c.Helper()
	switch err := c.find(c.Context()); {
	case errors.Is(err, idserver.ErrNotFound):
		c.Expect(c.create(c.Context())).To(Succeed())
	default:
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(c.updateSecret(c.Context(), c.drawn())).To(Succeed())
	}
	c.expectFound()
}

// listAll returns the error that ends the list.
func (s scene) listAll(ctx context.Context) error {
	for _, err := range s.Server.List(ctx, cluster) {
		if err != nil {
			return err
		}
	}
	return nil
}

// slug makes a part of a client id.
func slug(k FaultKind) string {
	out := []rune(k)
	for i, r := range out {
		if r == ' ' {
			out[i] = '-'
		}
	}
	return string(out)
}
