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
	// free is when the next may begin who asks; begun is when the last began.
	free, begun time.Time
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
	again, ok, next := p.lane(server).begin(app, limits, now)
	p.mu.Unlock()
	p.tell(next)
	return again, ok
}

func (l *lane) begin(app types.NamespacedName, limits Spacing, now time.Time) (again time.Time, ok bool, next types.NamespacedName) {
	if l.underWay[app] {
		return time.Time{}, true, next
	}
	turn, asked := l.turns[app]
	if !asked {
		turn = now
		if l.free.After(now) {
			turn = l.free
		}
		l.turns[app], l.free = turn, turn.Add(limits.MinInterval)
	}
	if spaced := l.begun.Add(limits.MinInterval); !l.begun.IsZero() && turn.Before(spaced) { // its turn passed while too many were under way
		turn = spaced
	}
	if now.Before(turn) {
		return turn, false, next
	}
	if limits.MaxConcurrent > 0 && len(l.underWay) >= limits.MaxConcurrent {
		if !slices.Contains(l.waiting, app) {
			l.waiting = append(l.waiting, app)
		}
		return time.Time{}, false, next
	}
	l.take(app)
	l.begun = now
	if limits.MaxConcurrent == 0 || len(l.underWay) < limits.MaxConcurrent {
		next = l.first()
	}
	return time.Time{}, true, next
}

// lane is that of a server.
func (p *Pace) lane(server string) *lane {
	l := p.lanes[server]
	if l == nil {
		l = &lane{underWay: map[types.NamespacedName]bool{}, turns: map[types.NamespacedName]time.Time{}}
		p.lanes[server] = l
	}
	return l
}

// tell wakes who is next, if anybody is.
func (p *Pace) tell(next types.NamespacedName) {
	if next.Name != "" {
		p.wake(next)
	}
}

// first is who waits for the longest time; nobody where none does.
func (l *lane) first() types.NamespacedName {
	if len(l.waiting) == 0 {
		return types.NamespacedName{}
	}
	return l.waiting[0]
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
	var next types.NamespacedName
	switch l := p.lanes[server]; {
	case underWay:
		p.lane(server).take(app)
	case l != nil && !queued:
		next = l.leave(app)
	}
	p.mu.Unlock()
	p.tell(next)
}

// Forget drops an application that is gone, whatever its server was.
func (p *Pace) Forget(app types.NamespacedName) {
	p.mu.Lock()
	var woken []types.NamespacedName
	for _, l := range p.lanes {
		woken = append(woken, l.leave(app))
	}
	p.mu.Unlock()
	for _, next := range woken {
		p.tell(next)
	}
}

// leave lets an application go and says whose turn it is then.
func (l *lane) leave(app types.NamespacedName) types.NamespacedName {
	delete(l.underWay, app)
	delete(l.turns, app)
	l.waiting = slices.DeleteFunc(l.waiting, func(other types.NamespacedName) bool { return other == app })
	return l.first()
}
