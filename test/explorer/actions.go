package explorer

import (
	"fmt"
	"slices"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/memory"
	"trustedapps.dev/operator/internal/plan"
)

// action is what a person does, or, with leader, what a second leader does that believes to be the only one.
type action struct {
	name     string
	possible func(*World) bool
	apply    func(*World)
	// cost counts against the budget of actions.
	cost int
	// leader: after apply a second leader performs a whole run.
	leader bool
	// calm: clients may rely on the strategy in spite of it.
	calm bool
}

// strike lets it happen.
func (a *action) strike(w *World) {
	w.disturbed = w.disturbed || !a.calm && w.app.spec.strategy != ""
	a.apply(w)
}

// between are the actions between two runs. within are those in the middle of one: a run reads the TrustedApplication once, so an edit
// of it in the middle is the same as one after the run, unless a second leader sees it or the finalizer is not there yet. On one path
// a second leader runs once: it is a rare accident, and what is left of two of them is found by a sweep.
var between, within = allActions()

func allActions() (between, within []action) {
	edits := append(specEdits(), deleteApplication())
	objects := append(objectActions(), registrationActions()...)
	between = slices.Concat(edits, objects, serverActions(), rotationActions(),
		[]action{recreateApplication(), loseLedger(), abandonApplication(), sweepNow(), findOrphans(), endOrphans(),
			takeGrant(), giveGrant(), restore(true, true), restore(true, false), restore(false, true), restore(false, false)})
	alone := func(w *World) bool { return w.app.exists && !w.overlapped }
	second := action{name: "a second leader runs", possible: alone, apply: func(*World) {}, cost: 1, leader: true}
	within = append(slices.Clone(objects), second, endOrphans())
	for _, e := range edits {
		seen := action{name: e.name + ", a second leader runs", apply: e.apply, cost: 2, leader: true}
		seen.possible = func(w *World) bool { return alone(w) && e.possible(w) }
		within = append(within, seen)
	}
	unguarded := deleteApplication()
	unguarded.possible = func(w *World) bool { return w.app.exists && !w.app.finalizer }
	return between, append(within, unguarded)
}

func specEdits() []action {
	edit := func(name string, change func(*spec)) action {
		return action{
			name: "edit: " + name, cost: 1,
			possible: func(w *World) bool { return w.app.exists && !w.app.deleting },
			apply:    func(w *World) { change(&w.app.spec) },
		}
	}
	scopes := edit("scopes", func(s *spec) { s.moreScopes = !s.moreScopes })
	scopes.calm = true
	edits := []action{
		scopes,
		edit("enabled", func(s *spec) { s.disabled = !s.disabled }),
		edit("secretName", func(s *spec) { s.secretName = map[string]string{"first": "second", "second": "first"}[s.secretName] }),
	}
	for _, k := range kinds {
		e := edit("kind "+string(k), func(s *spec) { s.kind = k })
		change := e.apply
		e.apply = func(w *World) {
			change(w)
			w.former.secret = "" // another kind may take another credential
			if k == public {
				if w.offer != "" { // a public client needs none, so what is offered keeps nobody from adopting
					w.untouchable = nil
				}
			}
		}
		e.possible = func(w *World) bool {
			return w.app.exists && !w.app.deleting && w.app.spec.kind != k && w.app.spec.strategy != v1alpha1.RotationAlternate
		}
		edits = append(edits, e)
	}
	for i, policy := range []plan.Deletion{plan.Delete, plan.DisableOnly, plan.Orphan} {
		e := edit(fmt.Sprintf("deletionPolicy %d", i), func(s *spec) { s.deletion = policy })
		e.possible = func(w *World) bool { return w.app.exists && w.app.spec.deletion != policy } // also while it is being deleted
		edits = append(edits, e)
	}
	return edits
}

func deleteApplication() action {
	return action{
		name: "delete the TrustedApplication", cost: 1,
		possible: func(w *World) bool { return w.app.exists && !w.app.deleting },
		apply: func(w *World) {
			w.app.deleting = true
			if !w.app.finalizer {
				w.app.exists = false
			}
		},
	}
}

func recreateApplication() action {
	return action{
		name: "create the TrustedApplication again", cost: 1,
		possible: func(w *World) bool { return !w.app.exists },
		apply:    func(w *World) { w.app = application{uid: w.app.uid + 1, exists: true, spec: w.app.spec} },
	}
}

// loseLedger takes the ledger, with the operator's namespace say, of an application that was published. Before that nothing proves that
// there is a registration.
func loseLedger() action {
	return action{
		name: "the ledger is lost", cost: 1,
		possible: func(w *World) bool {
			published := slices.ContainsFunc(w.objects, func(o object) bool { return o.owner != 0 })
			return w.mayLose && !w.lost && w.ledger != nil && published
		},
		apply: func(w *World) {
			w.ledger, w.lost = nil, true
			w.ledgerVersion++
		},
	}
}

// takeGrant takes away what covers the application, and giveGrant gives it back.
func takeGrant() action {
	return action{
		name: "the grant is taken away", cost: 1, possible: func(w *World) bool { return w.grants && !w.denied && w.app.exists },
		apply: func(w *World) { w.denied = true },
	}
}

func giveGrant() action {
	return action{
		name: "the grant is given back", cost: 1, possible: func(w *World) bool { return w.denied && w.app.exists },
		apply: func(w *World) { w.denied = false },
	}
}

// remove takes an object away.
func (w *World) remove(i int) { w.objects = slices.Delete(slices.Clone(w.objects), i, i+1) }

func objectActions() []action {
	var actions []action
	for _, kind := range []string{"Secret", "ConfigMap"} {
		mine := func(w *World) int {
			return slices.IndexFunc(w.objects, func(o object) bool { return o.kind == kind && o.owner != 0 })
		}
		exists := func(w *World) bool { return mine(w) >= 0 }
		change := func(name string, edit func(*object)) action {
			return action{name: name + " the " + kind, possible: exists, cost: 1, apply: func(w *World) {
				o := &w.objects[mine(w)]
				edit(o)
				o.edited = true
			}}
		}
		actions = append(actions,
			action{name: "delete the " + kind, possible: exists, cost: 1, apply: func(w *World) { w.remove(mine(w)) }},
			change("edit", func(o *object) { o.clientID = "edited" }),
			change("strip the annotation of", func(o *object) { o.revision = "" }),
			foreignObject(kind))
	}
	return actions
}

// foreignObject lets somebody else create an object under the name that is wished for.
func foreignObject(kind string) action {
	name := func(w *World) string {
		if kind == "ConfigMap" {
			return w.app.spec.configMapObject()
		}
		return w.app.spec.secretObject()
	}
	return action{
		name: "somebody creates a foreign " + kind + " of the wished name", cost: 1,
		possible: func(w *World) bool { return name(w) != "" && w.object(kind, name(w)) < 0 },
		apply: func(w *World) {
			o := object{kind: kind, name: name(w), secret: "foreign"}
			w.objects, w.foreign = append(w.objects, o), append(w.foreign, o)
		},
	}
}

func registrationActions() []action {
	return []action{
		editRegistration("edits", func(r *memory.Stored) { r.Registration.Scopes = []string{"everything"} }),
		editRegistration("resets the secret of", func(r *memory.Stored) { r.Secret = "by-hand" }),
		{
			name: "somebody deletes the registration at the server", cost: 1,
			possible: func(w *World) bool { return len(w.ours()) > 0 },
			apply: func(w *World) {
				ours := w.ours()
				last := ours[len(ours)-1]
				w.server.RemoveByHand(last.ClientID)
				w.removed = append(w.removed, w.registration(last.Handle, last.ClientID))
			},
		},
		{
			name: "somebody registers the client id", cost: 1,
			possible: func(w *World) bool {
				return w.profile == clientChosen && w.free() != ""
			},
			apply: func(w *World) {
				w.untouchable = append(w.untouchable, w.server.AddByHand(memory.Stored{
					ClientID: w.free(), Owner: idserver.Mark{Cluster: "another", Namespace: "shop", Name: "app", UID: "uid-1"}, Secret: "foreign",
					Registration: service.foreign(),
				}))
			},
		},
	}
}

// free is a client id of the application that nobody has registered; "" where there is none.
func (w *World) free() string {
	ids := []string{clientID}
	if w.app.spec.strategy == v1alpha1.RotationAlternate {
		ids = append(ids, clientID+v1alpha1.AlternateSuffix)
	}
	for _, id := range ids {
		if !slices.ContainsFunc(w.server.Registrations(), func(r memory.Stored) bool { return r.ClientID == id }) {
			return id
		}
	}
	return ""
}

func (k kind) foreign() idserver.Registration { return spec{kind: k}.registration() }

func serverActions() []action {
	return []action{
		{name: "the server goes down", cost: 1, calm: true,
			possible: func(w *World) bool { return !w.serverDown }, apply: func(w *World) { w.serverDown = true }},
		{name: "the server is back", cost: 1, calm: true,
			possible: func(w *World) bool { return w.serverDown }, apply: func(w *World) { w.serverDown = false }},
	}
}

// enabledWithin are the actions that are possible in the middle of a run and cost no more than the budget, a bit for each index in within.
func enabledWithin(w *World, budget int) uint64 {
	var enabled uint64
	for i := range within {
		if within[i].cost <= budget && within[i].possible(w) {
			enabled |= 1 << i
		}
	}
	return enabled
}
