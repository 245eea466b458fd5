package schedule

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	. "github.com/onsi/gomega"
)

var last = time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC) // a Wednesday

func window(g *WithT, expression, zone string, duration time.Duration) *Window {
	w, err := ParseWindow(expression, zone, duration)
	g.Expect(err).NotTo(HaveOccurred())
	return w
}

func TestWithoutJitterAndWindowItIsTheInterval(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Schedule{Interval: 24 * time.Hour}.Next(last, last)).To(Equal(last.Add(24 * time.Hour)))
}

func TestJitterPutsOffAndSpreads(t *testing.T) {
	g := NewWithT(t)
	quarters := map[int]int{}
	for i := range 1000 {
		s := Schedule{Interval: 24 * time.Hour, Jitter: 4 * time.Hour, Seed: fmt.Sprintf("uid-%d", i)}
		next := s.Next(last, last)
		g.Expect(next).To(BeTemporally(">=", last.Add(24*time.Hour)))
		g.Expect(next).To(BeTemporally("<", last.Add(28*time.Hour)))
		g.Expect(s.Next(last, last)).To(Equal(next), "it is asked again and again")
		quarters[int(next.Sub(last.Add(24*time.Hour))/time.Hour)]++
	}
	for quarter, n := range quarters {
		g.Expect(n).To(BeNumerically("~", 250, 60), "quarter %d", quarter)
	}
	g.Expect(quarters).To(HaveLen(4))
}

func TestAnApplicationIsNotAlwaysTheLast(t *testing.T) {
	g := NewWithT(t)
	s := Schedule{Interval: time.Hour, Jitter: time.Hour, Seed: "uid"}
	shares := map[time.Duration]bool{}
	for i := range 20 {
		at := last.Add(time.Duration(i) * time.Second)
		shares[s.Next(at, at).Sub(at)] = true
	}
	g.Expect(len(shares)).To(BeNumerically(">", 10))
}

func TestWindow(t *testing.T) {
	for name, c := range map[string]struct {
		expression, zone   string
		duration, interval time.Duration
		want               time.Time
	}{
		"it waits for Saturday":           {"0 3 * * 6", "", 2 * time.Hour, 24 * time.Hour, time.Date(2026, 1, 10, 3, 0, 0, 0, time.UTC)},
		"in its own time zone":            {"0 3 * * 6", "Europe/Sofia", 2 * time.Hour, 24 * time.Hour, time.Date(2026, 1, 10, 1, 0, 0, 0, time.UTC)},
		"within the window it is at once": {"0 11 * * *", "", 2 * time.Hour, 24 * time.Hour, last.Add(24 * time.Hour)},
		"at its very opening":             {"0 12 * * *", "", time.Hour, 24 * time.Hour, last.Add(24 * time.Hour)},
		"at its very end it is closed":    {"0 11 * * *", "", time.Hour, 24 * time.Hour, time.Date(2026, 1, 9, 11, 0, 0, 0, time.UTC)},
		"a descriptor":                    {"@weekly", "", time.Hour, time.Hour, time.Date(2026, 1, 11, 0, 0, 0, 0, time.UTC)},
		"summer time begins in it":        {"30 3 29 3 *", "Europe/Sofia", time.Hour, 24 * time.Hour, time.Date(2027, 3, 29, 0, 30, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := Schedule{Interval: c.interval, Window: window(g, c.expression, c.zone, c.duration)}
			g.Expect(s.Next(last, last).UTC()).To(Equal(c.want))
		})
	}
}

func TestAFleetDoesNotBeginWhenTheWindowOpens(t *testing.T) {
	g := NewWithT(t)
	w := window(g, "0 3 * * 6", "", 4*time.Hour)
	opens, seen := time.Date(2026, 1, 10, 3, 0, 0, 0, time.UTC), map[time.Time]bool{}
	for i := range 100 {
		next := Schedule{Interval: 24 * time.Hour, Jitter: 24 * time.Hour, Window: w, Seed: fmt.Sprint(i)}.Next(last, last)
		g.Expect(next).To(And(BeTemporally(">=", opens), BeTemporally("<", opens.Add(3*time.Hour))))
		seen[next] = true
	}
	g.Expect(len(seen)).To(BeNumerically(">", 90))
}

func TestAMissedWindowIsMadeGoodInTheNext(t *testing.T) {
	g := NewWithT(t)
	opens := time.Date(2026, 1, 10, 3, 0, 0, 0, time.UTC)
	s := Schedule{Interval: 24 * time.Hour, Window: window(g, "0 3 * * 6", "", 4*time.Hour)}
	for now, want := range map[time.Duration]time.Time{
		-time.Hour:              opens,
		3 * time.Hour:           opens,
		4 * time.Hour:           opens.AddDate(0, 0, 7),
		50 * time.Hour:          opens.AddDate(0, 0, 7),
		7*24*time.Hour + 1:      opens.AddDate(0, 0, 7),
		(30*24 + 2) * time.Hour: opens.AddDate(0, 0, 35),
	} {
		g.Expect(s.Next(last, opens.Add(now)).UTC()).To(Equal(want), "%s after it opened", now)
	}
	s.Jitter, s.Seed = 24*time.Hour, "uid"
	next := s.Next(last, opens.Add(50*time.Hour)).UTC()
	g.Expect(next).To(And(BeTemporally(">", opens.AddDate(0, 0, 7)), BeTemporally("<", opens.AddDate(0, 0, 7).Add(3*time.Hour))))
	g.Expect(s.Next(last, next.Add(-time.Second)).UTC()).To(Equal(next), "also after that window opened")
	g.Expect(s.Next(last, next.Add(time.Second)).UTC()).To(Equal(next))
}

func TestWindowsThatOverlapAreAlwaysOpen(t *testing.T) {
	g := NewWithT(t)
	s := Schedule{Interval: 24 * time.Hour, Jitter: 24 * time.Hour, Window: window(g, "0 * * * *", "", 90*time.Minute), Seed: "uid"}
	begins := 0
	for minute := range 600 {
		now := last.Add(72*time.Hour + time.Duration(minute)*time.Minute)
		if !now.Before(s.Next(last, now)) {
			begins++
		}
	}
	g.Expect(begins).To(BeNumerically(">", 60), "it is not put off from one to the next for ever")
}

func TestWhatCannotBeRead(t *testing.T) {
	for expression, zone := range map[string]string{"0 3 * *": "", "61 3 * * *": "", "0 3 * * 9": "", "0 3 31 2 *": "", "x": "", "0 3 * * 6": "Nowhere/Land"} {
		_, err := ParseWindow(expression, zone, time.Hour)
		NewWithT(t).Expect(err).To(HaveOccurred(), expression+zone)
	}
}
