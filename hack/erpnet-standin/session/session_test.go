package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/clock"
	"trustedapps.dev/operator/hack/erpnet-standin/session"
)

func enter(t *testing.T, m *session.Manager, s session.Subject) {
	t.Helper()
	leave, err := m.Enter(t.Context(), s)
	if err != nil {
		t.Fatalf("entering %s: %v", s.Key, err)
	}
	leave()
	leave() // leaving twice changes nothing
}

func TestSessionsSlideAndEnd(t *testing.T) {
	var c clock.Clock
	m := session.New(c.Now, 0, 0, 0, 0)
	user, service := session.Subject{Key: "user"}, session.Subject{Key: "service", Service: true}
	for minute := 0; minute < 75; minute += 15 {
		enter(t, m, user)
		enter(t, m, service)
		c.Advance(15 * time.Minute)
	}
	open := m.List()
	if len(open) != 2 || open[0].OpenedAt.After(open[1].OpenedAt) {
		t.Fatalf("sessions %+v", open)
	}
	for _, info := range open {
		want := 75 * time.Minute
		if info.Service {
			want = 15 * time.Minute // the first one ended after 60 minutes, whatever it did
		}
		if age := c.Now().Sub(info.OpenedAt).Round(time.Minute); age != want {
			t.Errorf("%s is open for %v, want %v", info.Key, age, want)
		}
	}
	c.Advance(5 * time.Minute)
	if open := m.List(); len(open) != 0 {
		t.Errorf("20 minutes without a call end a session: %+v", open)
	}
}

func TestSlots(t *testing.T) {
	var c clock.Clock
	m := session.New(c.Now, 2, 0, 0, 0)
	enter(t, m, session.Subject{Key: "a"})
	enter(t, m, session.Subject{Key: "b"})
	enter(t, m, session.Subject{Key: "a"})
	if _, err := m.Enter(t.Context(), session.Subject{Key: "c"}); !errors.Is(err, session.ErrNoLicence) {
		t.Errorf("want ErrNoLicence, got %v", err)
	}
	m.End("b")
	enter(t, m, session.Subject{Key: "c"})
	if _, err := m.Enter(session.WithoutLicence(t.Context()), session.Subject{Key: "a"}); !errors.Is(err, session.ErrNoLicence) {
		t.Errorf("want the injected ErrNoLicence, got %v", err)
	}
}

func TestRequestsPerMinute(t *testing.T) {
	var c clock.Clock
	m := session.New(c.Now, 0, 3, 0, 0)
	s := session.Subject{Key: "a"}
	for range 3 {
		enter(t, m, s)
	}
	if _, err := m.Enter(t.Context(), s); !errors.Is(err, session.ErrTooManyRequests) {
		t.Errorf("want ErrTooManyRequests, got %v", err)
	}
	enter(t, m, session.Subject{Key: "b"}) // the limit is per session
	c.Advance(time.Minute)
	enter(t, m, s)
}

func TestOneAtATimeAndAShortQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := session.New(time.Now, 0, 0, 0, 2)
		s := session.Subject{Key: "a"}
		leave, err := m.Enter(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 2)
		wait := func(ctx context.Context) {
			leave, err := m.Enter(ctx, s)
			if err == nil {
				leave()
			}
			results <- err
		}
		go wait(t.Context())
		go wait(ctx)
		synctest.Wait()
		if _, err := m.Enter(t.Context(), s); !errors.Is(err, session.ErrTooManyRequests) {
			t.Errorf("with two waiting, want ErrTooManyRequests, got %v", err)
		}
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("whoever gives up stops waiting, got %v", err)
		}
		if in := m.List()[0].InFlight; in != 1 {
			t.Errorf("%d requests in flight, want 1", in)
		}
		leave()
		if err := <-results; err != nil {
			t.Errorf("the waiting request should get its turn, got %v", err)
		}
	})
}
