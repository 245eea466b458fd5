package connections

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
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

// queue are those who wait for one server; the urgent come first.
type queue struct {
	urgent, others []types.NamespacedName
}

// NewGate makes a gate. wake must not block.
func NewGate(wake func(types.NamespacedName)) *Gate {
	return &Gate{wake: wake, busy: map[string]int{}, parked: map[string]*queue{}, invited: map[types.NamespacedName]string{}}
}

// Enter asks for room to work on an application of the server. Where there is some, leave must be called after the work. Else the
// application is parked; urgent ones, such as deletions, are woken first.
func (g *Gate) Enter(server string, limit int, app types.NamespacedName, urgent bool) (leave func(), ok bool) {
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
		q = &queue{}
		g.parked[server] = q
	}
	q.add(app, urgent)
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
	if g.parked[server].empty() {
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
		parked[server] = len(q.urgent) + len(q.others)
	}
	return parked
}

func (q *queue) add(app types.NamespacedName, urgent bool) {
	switch {
	case slices.Contains(q.urgent, app):
	case urgent:
		q.others = slices.DeleteFunc(q.others, func(other types.NamespacedName) bool { return other == app })
		q.urgent = append(q.urgent, app)
	case !slices.Contains(q.others, app):
		q.others = append(q.others, app)
	}
}

func (q *queue) next() (app types.NamespacedName, ok bool) {
	switch {
	case q == nil:
		return app, false
	case len(q.urgent) > 0:
		app, q.urgent = q.urgent[0], q.urgent[1:]
		return app, true
	case len(q.others) > 0:
		app, q.others = q.others[0], q.others[1:]
		return app, true
	}
	return app, false
}

func (q *queue) empty() bool { return q == nil || len(q.urgent)+len(q.others) == 0 }
