package explorer

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/memory"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// formerApp is what is left of the application before it was restored from a backup.
type formerApp struct {
	uid    types.UID
	ledger *ledger.Record
	// secret is what was published, where a part of it is left and it works: it has to stay.
	secret idserver.Secret
}

// restore brings the application back with another UID, with or without its ledger and its Secret.
func restore(withLedger, withSecret bool) action {
	name := map[[2]bool]string{
		{true, true}: "all of it", {true, false}: "without its Secret", {false, true}: "without its ledger", {false, false}: "without ledger and Secret",
	}
	return action{
		name: "a backup is restored, " + name[[2]bool{withLedger, withSecret}], cost: 1,
		possible: func(w *World) bool {
			begun := w.ledger != nil && w.ledger.Newest() != nil && w.publishedSecret() != ""
			return w.restores && begun && w.app.exists && !w.app.deleting && w.former.uid == "" && w.app.spec.kind == service
		},
		apply: func(w *World) {
			w.former = formerApp{uid: types.UID(w.app.mark().UID)}
			if secret := w.publishedSecret(); (withLedger || withSecret) && w.server.Authenticate(clientID, secret) && w.ledger.Newest().Proof() == secret {
				w.former.secret = secret
			}
			if withLedger {
				w.former.ledger = w.ledger
			}
			w.ledger = nil
			w.ledgerVersion++
			if !withSecret {
				w.objects = slices.DeleteFunc(slices.Clone(w.objects), func(o object) bool { return o.owner != 0 })
			}
			if !withLedger && !withSecret { // nothing proves that it was ours
				for _, r := range w.ours() {
					w.leave(r.Handle)
				}
			}
			w.app.uid++
		},
	}
}

func (w *World) publishedSecret() idserver.Secret {
	for _, o := range w.objects {
		if o.owner == w.app.uid && o.kind == "Secret" && !o.edited {
			return o.secret
		}
	}
	return ""
}

// checkRestored checks that a restore costs no new secret where something of the old is left and works.
func (w *World) checkRestored() *Violation {
	if w.former.secret == "" || w.overlapped {
		return nil
	}
	if w.ledger.Newest().Proof() != w.former.secret {
		return violated(noNeedlessSecret, "after a restore")
	}
	if w.former.ledger != nil {
		return violated(oneLedger, "that of %s is left", w.former.uid)
	}
	return nil
}

// adoptions are worlds in which the client id is registered already: whose it is, what the policies allow, and a secret that is offered for it.
func adoptions() []*World {
	const foreign = "foreign"
	elsewhere := idserver.Mark{Cluster: "another", Namespace: "shop", Name: "app", UID: "uid-1"}
	gone := idserver.Mark{Cluster: cluster, Namespace: "shop", Name: "other", UID: "uid-9"}
	unowned, takeover := plan.Adoption{Unowned: true}, plan.Adoption{Unowned: true, Takeover: true}
	observed := plan.Adoption{Unowned: true, Observe: true}
	var all []*World
	for _, c := range []struct {
		owner    idserver.Mark
		adoption plan.Adoption
		offer    idserver.Secret
		adopted  bool
	}{
		{idserver.Mark{}, plan.Adoption{}, "", false}, {idserver.Mark{}, unowned, "", true}, {idserver.Mark{}, unowned, foreign, true},
		{idserver.Mark{}, unowned, "wrong", false}, {idserver.Mark{}, observed, "", false}, {elsewhere, unowned, foreign, false},
		{elsewhere, takeover, "", true}, {elsewhere, takeover, foreign, true}, {gone, unowned, "", false}, {gone, takeover, "", true},
	} {
		w := newWorld(clientChosen, spec{kind: service, secretName: "first"}, false)
		w.adoption, w.offer = c.adoption, c.offer
		planted := w.server.AddByHand(memory.Stored{
			ClientID: clientID, Owner: c.owner, Secret: foreign, Registration: spec{kind: service, moreScopes: true}.registration(),
		})
		if !c.adopted {
			w.untouchable = append(w.untouchable, planted)
		}
		all = append(all, w)
	}
	return all
}

// checkObserved checks that an end at which a registration is only watched has one to watch, which is as the application says, and nothing of its
// own.
func (w *World) checkObserved() *Violation {
	if !w.adoption.Observe || w.ledger != nil && !w.ledger.Empty() {
		return violated(justifiedStop, "Observe, with a ledger or without the policy for it")
	}
	if slices.ContainsFunc(w.objects, func(o object) bool { return o.owner == w.app.uid }) {
		return violated(publishedAtRest, "something of a registration that is only watched")
	}
	held := w.server.Registrations()
	i := slices.IndexFunc(held, func(r memory.Stored) bool {
		return r.ClientID == clientID && r.Owner == idserver.Mark{} && r.ForeignOwner == ""
	})
	if i < 0 {
		return violated(justifiedStop, "Observe, and nobody's registration is there")
	}
	if diff := w.app.spec.registration().Diff(held[i].Registration); len(diff) > 0 {
		return violated(asDesired, "%v differ, of what is only watched", diff)
	}
	return nil
}

// checkAdopted checks that an offered secret stays.
func (w *World) checkAdopted() *Violation {
	if w.offer == "" || w.overlapped || w.ledger.Former != "" || w.late || len(w.removed) > 0 || w.ledger.Current != nil {
		return nil
	}
	if newest := w.ledger.Newest(); newest.ID == offeredID && newest.Secret != w.offer {
		return violated(noNeedlessSecret, "one was offered for the adoption")
	}
	return nil
}

// offeredID is the ID of a credential that was offered.
const offeredID = "offered"

// lives says that no application of this cluster lives but the one that is tried.
func lives(context.Context, idserver.Mark) (bool, error) { return false, nil }

// inheritSilently takes every registration of a former application for ours.
func inheritSilently(d *plan.Desired, o *plan.Observed) {
	for _, found := range o.Found {
		if found != nil && found.Owner.Name == d.Key.Owner.Name {
			d.Adoption.Unowned = true
		}
	}
}

// adoptAll takes everything over.
func adoptAll(d *plan.Desired, _ *plan.Observed) {
	d.Adoption.Unowned, d.Adoption.Takeover = true, true
}
