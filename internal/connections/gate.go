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

	mu    sync.Mutex
	doors map[string]*door
	// invited are the applications that were woken, by the room that they were handed.
	invited map[types.NamespacedName]room
}

// door is the gate of one server.
type door struct {
	// limit is that of the last who came.
	limit int
	// busy are all who are in, and looks those of them that only look.
	busy, looks int
	parked      queue
}

// room is what an application has that is let in.
type room struct {
	server string
	look   bool
}

// NewGate makes a gate. wake must not block.
func NewGate(wake func(types.NamespacedName)) *Gate {
	return &Gate{wake: wake, doors: map[string]*door{}, invited: map[types.NamespacedName]room{}}
}

// Enter asks for room to work on an application of the server. Where there is some, leave must be called after the work. Else the
// application is parked; the more urgent ones are woken first, and those that are equal in the order in which they came. Those that only look
// have a part of the room: what they ask of Kubernetes would hold up the others.
func (g *Gate) Enter(server string, limit int, app types.NamespacedName, urgency Urgency) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if held, ok := g.invited[app]; ok && held.server == server {
		delete(g.invited, app)
		return func() { g.leave(held) }, true
	}
	d := g.doors[server]
	if d == nil {
		d = &door{parked: queue{waiting: map[types.NamespacedName]Urgency{}}}
		g.doors[server] = d
	}
	d.limit = limit
	if !d.admits(urgency) {
		d.parked.add(app, urgency)
		return nil, false
	}
	held := room{server, urgency == Look}
	d.count(held, 1)
	return func() { g.leave(held) }, true
}

// Decline gives back the room that an application was woken for and does not need, because it is gone, say.
func (g *Gate) Decline(app types.NamespacedName) {
	g.mu.Lock()
	held, ok := g.invited[app]
	delete(g.invited, app)
	g.mu.Unlock()
	if ok {
		g.leave(held)
	}
}

// leave gives room back, and lets those in who have room now.
func (g *Gate) leave(held room) {
	g.mu.Lock()
	d := g.doors[held.server]
	d.count(held, -1)
	var next []types.NamespacedName
	for {
		app, urgency, ok := d.parked.next(d.admits)
		if !ok {
			break
		}
		g.invited[app] = room{held.server, urgency == Look}
		d.count(g.invited[app], 1)
		next = append(next, app)
	}
	if d.busy == 0 && len(d.parked.waiting) == 0 {
		delete(g.doors, held.server)
	}
	g.mu.Unlock()
	for _, app := range next {
		g.wake(app)
	}
}

// Parked says how many applications wait, by server.
func (g *Gate) Parked() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	parked := map[string]int{}
	for server, d := range g.doors {
		if n := len(d.parked.waiting); n > 0 {
			parked[server] = n
		}
	}
	return parked
}

// lookPart is the part of the room that those have who only look.
const lookPart = 8

// admits says whether there is room.
func (d *door) admits(urgency Urgency) bool {
	return d.busy < d.limit && (urgency > Look || d.looks < max(1, d.limit/lookPart))
}

func (d *door) count(held room, change int) {
	d.busy += change
	if held.look {
		d.looks += change
	}
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

// next takes the most urgent one for whom there is room.
func (q *queue) next(admitted func(Urgency) bool) (app types.NamespacedName, _ Urgency, ok bool) {
	for urgency := Ending; urgency >= Look && admitted(urgency); urgency-- {
		for len(q.lines[urgency]) > 0 {
			app, q.lines[urgency] = q.lines[urgency][0], q.lines[urgency][1:]
			if counts, ok := q.waiting[app]; ok && counts == urgency {
				delete(q.waiting, app)
				return app, urgency, true
			}
		}
	}
	return app, 0, false
}
