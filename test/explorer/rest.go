package explorer

import (
	"slices"
	"strings"

	"trustedapps.dev/operator/internal/idserver/memory"
	"trustedapps.dev/operator/internal/ledger"
)

// checkRest checks what holds when a run ended with Done on what the world still asks for.
func (w *World) checkRest() *Violation {
	if !w.app.exists {
		return nil
	}
	if w.app.deleting {
		return violated(converges, "done, but the TrustedApplication still waits for its end")
	}
	if w.denied {
		return violated(onlyGranted, "done")
	}
	if w.ledger == nil || w.ledger.Newest() == nil {
		return violated(knownRegistration, "done without a ledger")
	}
	for _, c := range []func() *Violation{
		w.checkRestServer, w.checkTurns, w.checkExposed, w.checkRestored, w.checkAdopted, w.checkRestarted, w.checkRestObjects,
	} {
		if v := c(); v != nil {
			return v
		}
	}
	return nil
}

func (w *World) checkRestServer() *Violation {
	if !w.swept && (w.late || w.strayed(*w.ledger.Newest())) {
		return nil // drift is found by a sweep, which is no part of a run
	}
	newest, ours, others := w.ledger.Newest(), w.ours(), 0
	if w.profile == serverIssued && (w.app.spec.disabled || w.app.spec.kind == public) && w.strayed(*newest) {
		return nil // nobody can see that without a credential to try; it is registered anew at the next change
	}
	inGrace := w.now().Sub(w.ledger.RetiredAt) < w.period() && w.ledger.Exposed == ""
	if w.ledger.Old != nil && (w.ledger.Parked || inGrace) {
		others = 1
	}
	if w.profile == serverIssued && inGrace && w.ledger.Old != nil && w.ledger.Next != nil && w.ledger.Current != nil {
		others = 2 // a crash came before Current made room for Next, which waits for the end of Old's grace period
	}
	i := slices.IndexFunc(ours, func(r memory.Stored) bool { return r.ClientID == newest.ClientID })
	switch {
	case i < 0:
		return violated(oneRegistration, "there is none")
	case len(ours) > 1+others+len(w.ledger.Orphans):
		return violated(oneRegistration, "there are %d, and %d declared orphans", len(ours), len(w.ledger.Orphans))
	}
	want := w.app.spec.registration()
	want.Keys = w.ledger.Keys()
	if w.app.spec.disabled && w.controlLost() && !ours[i].Registration.Enabled {
		return nil // it is refused, which is all that can be had; it is registered anew when it is enabled again
	}
	if diff := want.Diff(ours[i].Registration); len(diff) > 0 {
		return violated(asDesired, "%v differ", diff)
	}
	if w.app.spec.kind == public && ours[i].Secret != "" {
		return violated(publicNoSecret, "the server holds one")
	}
	if w.ledger.Old == nil && len(ours[i].Former) > 0 {
		return violated(onePair, "%d former secrets work as well", len(ours[i].Former))
	}
	if w.app.spec.kind != public && !w.app.spec.disabled && !w.server.Authenticate(newest.ClientID, newest.Proof()) {
		return violated(authenticates, "the newest credential does not")
	}
	return nil
}

func (w *World) checkRestObjects() *Violation {
	newest := w.ledger.Newest()
	for _, o := range w.objects {
		switch {
		case o.owner != w.app.uid: // not ours, or what the garbage collector takes: its owner is no more
		case o.kind == "Secret" && w.app.spec.kind == public:
			return violated(publicNoSecret, "the Secret %s is there", o.name)
		case o.name != w.app.spec.secretObject() && o.name != w.app.spec.configMapObject():
			return violated(publishedAtRest, "the %s %s is left", o.kind, o.name)
		}
	}
	for kind, name := range map[string]string{"Secret": w.app.spec.secretObject(), "ConfigMap": w.app.spec.configMapObject()} {
		if name == "" {
			continue
		}
		want := object{kind: kind, name: name, owner: w.app.uid, revision: w.ledger.Revision(), clientID: newest.ClientID, target: w.ledger.Target}
		if kind == "Secret" {
			want.secret = newest.Proof()
			if w.ledger.Announced != nil {
				want.next = w.ledger.Announced.Secret
			}
		}
		if !slices.Contains(w.objects, want) {
			return violated(publishedAtRest, "the %s %s is not", kind, name)
		}
	}
	return nil
}

// checkStop checks that a run that ended where only a person can lead on has a reason for it.
func (w *World) checkStop(reason string) *Violation {
	holds := map[string]func() bool{
		"AccessDenied": func() bool { return w.denied && (!w.disables || w.refusesAll()) },
		"OwnershipConflict": func() bool {
			return slices.ContainsFunc(w.server.Registrations(), func(r memory.Stored) bool {
				return strings.HasPrefix(r.ClientID, clientID) && r.Owner != w.app.mark()
			})
		},
		"SecretConflict":    func() bool { return w.foreignAt("Secret", w.app.spec.secretObject()) },
		"ConfigMapConflict": func() bool { return w.foreignAt("ConfigMap", w.app.spec.configMapObject()) },
		"TooManyOrphans":    func() bool { return w.ledger != nil && len(w.ledger.Orphans) >= ledger.MaxOrphans },
		"ControlLost":       w.controlLost,
		"AdoptionPending":   func() bool { return w.adoption.Observe },
		"AdoptionSecretInvalid": func() bool {
			return w.offer != "" && (w.app.spec.disabled || !w.server.Authenticate(clientID, w.offer))
		},
	}[reason]
	if holds == nil || !holds() {
		return violated(justifiedStop, "%s", reason)
	}
	return nil
}

// refusesAll says whether the server refuses every registration that the application has a credential of, as far as it is told what it says
// now. What is declared an orphan is out of reach.
func (w *World) refusesAll() bool {
	return w.late || !slices.ContainsFunc(w.ours(), func(r memory.Stored) bool {
		return r.Registration.Enabled && slices.ContainsFunc(w.credentials(), func(c ledger.Credential) bool { return c.Handle == r.Handle })
	})
}

func (w *World) foreignAt(kind, name string) bool {
	return slices.ContainsFunc(w.foreign, func(o object) bool { return o.kind == kind && o.name == name })
}

// controlLost says whether the ledger lacks the token that a registration in it is managed with.
func (w *World) controlLost() bool {
	for _, r := range w.ours() {
		if slices.ContainsFunc(w.credentials(), func(c ledger.Credential) bool { return c.Handle == r.Handle && c.Control != r.Control }) {
			return true
		}
	}
	return false
}
