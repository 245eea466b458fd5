// Package schedule says when a credential is to be replaced. It is pure.
package schedule

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is when the credential of one application is replaced.
type Schedule struct {
	// Interval is how old a credential gets. Jitter is the longest time by which that is put off.
	Interval, Jitter time.Duration
	// Window limits when; nil: any time.
	Window *Window
	// Seed tells applications apart: each has its own share of the jitter, another at each rotation.
	Seed string
}

// Window is open again and again, for a time.
type Window struct {
	opens    cron.Schedule
	duration time.Duration
}

// ParseWindow reads a cron expression of five fields, or a descriptor such as @daily, in a time zone of the tz database; "" is UTC.
func ParseWindow(expression, zone string, duration time.Duration) (*Window, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("timeZone: %q is not known", zone)
	}
	opens, err := cron.ParseStandard(expression)
	if err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	if s, ok := opens.(*cron.SpecSchedule); ok {
		s.Location = location
	}
	if opens.Next(time.Unix(0, 0)).IsZero() {
		return nil, fmt.Errorf("schedule: %q names no day that exists", expression)
	}
	return &Window{opens: opens, duration: duration}, nil
}

// Next is when a credential made at last is replaced, as it looks now. It does not depend on now as long as it is to come. One that a closed
// window kept from being replaced, because its server was away all through it, say, waits for the next window.
func (s Schedule) Next(last, now time.Time) time.Time {
	share := s.share(last)
	due := last.Add(s.Interval).Add(part(s.Jitter, share)).Truncate(time.Second)
	if s.Window == nil {
		return due
	}
	if opened, open := s.Window.at(due); !open {
		due = s.Window.begin(opened, s.Jitter, share)
	}
	opened, _ := s.Window.at(now)
	if now.Before(due) || !opened.After(due) { // it is to come, or its window is still open
		return due
	}
	return s.Window.begin(opened, s.Jitter, share)
}

// begin is when what waited for the window begins: not as one when it opens, and a quarter of it is left for rotations to end.
func (w *Window) begin(opened time.Time, jitter time.Duration, share float64) time.Time {
	return opened.Add(part(min(jitter, w.duration*3/4), share)).Truncate(time.Second)
}

// at says whether the window is open at t and when it opened; where it is closed, when it opens next.
func (w *Window) at(t time.Time) (opens time.Time, open bool) {
	// The last opening before t is among those that began at most a duration before.
	next := w.opens.Next(t.Add(-w.duration))
	return next, !next.After(t)
}

// share is the application's part of the jitter, from 0 to 1.
func (s Schedule) share(last time.Time) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.Seed))
	_ = binary.Write(h, binary.BigEndian, last.Unix())
	return float64(mix(h.Sum64())>>11) / (1 << 53)
}

// mix spreads the bits of a hash, whose high ones change little with the last bytes (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func part(of time.Duration, share float64) time.Duration { return time.Duration(float64(of) * share) }
