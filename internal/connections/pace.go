package connections

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Spacing limits the rotations of the applications of one server.
type Spacing struct {
	// MaxConcurrent is how many may be under way; 0 is no limit.
	MaxConcurrent int
	// MinInterval is the least time between two beginnings.
	MinInterval time.Duration
}

// SpacingOf is what the spec of a server asks for.
func SpacingOf(spec v1alpha1.IdentityServerSpec) Spacing {
	s := Spacing{MaxConcurrent: defaultMaxConcurrent}
	if r := spec.Rotation; r != nil {
		s.MaxConcurrent = cmp.Or(int(r.MaxConcurrent), defaultMaxConcurrent)
		if r.MinInterval != nil {
			s.MinInterval = r.MinInterval.Duration
		}
	}
	return s
}

// defaultMaxConcurrent is that of the schema.
const defaultMaxConcurrent = 10

// Pace gives applications their turn to rotate, for each server, in the order in which they asked. It is forgotten with the process: what
// was under way goes on whatever it says, and counts again from its next run.
type Pace struct {
	wake func(types.NamespacedName)

	mu    sync.Mutex
	lanes map[string]*lane
}

// lane is one server.
type lane struct {
	underWay map[types.NamespacedName]bool
	// turns are when those may begin who asked before it was their time.
	turns map[types.NamespacedName]time.Time
	// free is when the next may begin who asks.
	free time.Time
	// waiting are those whose time has come while too many were under way.
	waiting []types.NamespacedName
}

// NewPace makes a pace. wake must not block.
func NewPace(wake func(types.NamespacedName)) *Pace {
	return &Pace{wake: wake, lanes: map[string]*lane{}}
}

// Begin asks for the turn of an application. Where ok is false it is woken when its turn comes, or asks again at the time, if there is one.
func (p *Pace) Begin(server string, app types.NamespacedName, limits Spacing, now time.Time) (again time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[server]
	if l == nil {
		l = &lane{underWay: map[types.NamespacedName]bool{}, turns: map[types.NamespacedName]time.Time{}}
		p.lanes[server] = l
	}
	if l.underWay[app] {
		return time.Time{}, true
	}
	turn, asked := l.turns[app]
	if !asked {
		turn = now
		if l.free.After(now) {
			turn = l.free
		}
		l.turns[app], l.free = turn, turn.Add(limits.MinInterval)
	}
	if now.Before(turn) {
		return turn, false
	}
	if limits.MaxConcurrent > 0 && len(l.underWay) >= limits.MaxConcurrent {
		if !slices.Contains(l.waiting, app) {
			l.waiting = append(l.waiting, app)
		}
		return time.Time{}, false
	}
	l.take(app)
	return time.Time{}, true
}

// take counts an application as under way.
func (l *lane) take(app types.NamespacedName) {
	l.underWay[app] = true
	delete(l.turns, app)
	l.waiting = slices.DeleteFunc(l.waiting, func(other types.NamespacedName) bool { return other == app })
}

// Follow notes whether the rotation of an application is under way, also one that began before this process did, or that waited for no turn.
func (p *Pace) Follow(server string, app types.NamespacedName, underWay, queued bool) {
	p.mu.Lock()
	l := p.lanes[server]
	if l == nil && underWay {
		l = &lane{underWay: map[types.NamespacedName]bool{}, turns: map[types.NamespacedName]time.Time{}}
		p.lanes[server] = l
	}
	var next types.NamespacedName
	switch {
	case l == nil:
	case underWay:
		l.take(app)
	case !queued:
		delete(l.underWay, app)
		delete(l.turns, app)
		l.waiting = slices.DeleteFunc(l.waiting, func(other types.NamespacedName) bool { return other == app })
		if len(l.waiting) > 0 {
			next = l.waiting[0]
		}
	}
	p.mu.Unlock()
	if next.Name != "" {
		p.wake(next)
	}
}
