package connections

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Urgency says who is woken first of those who wait for the same server.
type Urgency int

const (
	// Look is for an application that was well when it was seen last, and most likely is: there are as many as there are applications, after a
	// restart, say.
	Look Urgency = iota
	// Work is for one that somebody waits for.
	Work
	// Ending is for one that is being deleted.
	Ending
)

// Gate limits how many applications of one server are worked on at the same time, so that a slow server does not take the
// workers from the applications of others. Who finds no room is parked, and woken when there is some.
type Gate struct {
	wake func(types.NamespacedName)

	mu     sync.Mutex
	busy   map[string]int
	parked map[string]*queue
	// invited are the applications that were woken, by the server whose room they were handed.
	invited map[types.NamespacedName]string
}

// NewGate makes a gate. wake must not block.
func NewGate(wake func(types.NamespacedName)) *Gate {
	return &Gate{wake: wake, busy: map[string]int{}, parked: map[string]*queue{}, invited: map[types.NamespacedName]string{}}
}

// Enter asks for room to work on an application of the server. Where there is some, leave must be called after the work. Else the
// application is parked; the more urgent ones are woken first, and those that are equal in the order in which they came.
func (g *Gate) Enter(server string, limit int, app types.NamespacedName, urgency Urgency) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if invited, ok := g.invited[app]; ok && invited == server {
		delete(g.invited, app)
		return func() { g.leave(server) }, true
	}
	if g.busy[server] < limit {
		g.busy[server]++
		return func() { g.leave(server) }, true
	}
	q := g.parked[server]
	if q == nil {
		q = &queue{waiting: map[types.NamespacedName]Urgency{}}
		g.parked[server] = q
	}
	q.add(app, urgency)
	return nil, false
}

// Decline gives back the room that an application was woken for and does not need, because it is gone, say.
func (g *Gate) Decline(app types.NamespacedName) {
	g.mu.Lock()
	server, ok := g.invited[app]
	delete(g.invited, app)
	g.mu.Unlock()
	if ok {
		g.leave(server)
	}
}

// leave hands the room to the next who waits for it.
func (g *Gate) leave(server string) {
	g.mu.Lock()
	next, ok := g.parked[server].next()
	if ok {
		g.invited[next] = server
	} else {
		g.busy[server]--
	}
	if g.busy[server] == 0 {
		delete(g.busy, server)
	}
	if g.parked[server].len() == 0 {
		delete(g.parked, server)
	}
	g.mu.Unlock()
	if ok {
		g.wake(next)
	}
}

// Parked says how many applications wait, by server.
func (g *Gate) Parked() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	parked := make(map[string]int, len(g.parked))
	for server, q := range g.parked {
		parked[server] = q.len()
	}
	return parked
}

// queue are those who wait for one server.
type queue struct {
	waiting map[types.NamespacedName]Urgency
	// lines are in order of arrival. Who became more urgent stands in two of them, and counts in the one that waiting tells.
	lines [Ending + 1][]types.NamespacedName
}

func (q *queue) add(app types.NamespacedName, urgency Urgency) {
	if former, ok := q.waiting[app]; ok && former >= urgency {
		return
	}
	q.waiting[app] = urgency
	q.lines[urgency] = append(q.lines[urgency], app)
}

func (q *queue) next() (app types.NamespacedName, ok bool) {
	if q == nil {
		return app, false
	}
	for urgency := Ending; urgency >= Look; urgency-- {
		for len(q.lines[urgency]) > 0 {
			app, q.lines[urgency] = q.lines[urgency][0], q.lines[urgency][1:]
			if counts, ok := q.waiting[app]; ok && counts == urgency {
				delete(q.waiting, app)
				return app, true
			}
		}
	}
	return app, false
}

func (q *queue) len() int {
	if q == nil {
		return 0
	}
	return len(q.waiting)
}
