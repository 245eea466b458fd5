package explorer

import (
	"context"
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// ledgerPort is the ledger as the controller guards it: a write builds on the version that was read, and a ledger is begun only for an
// application that certainly is as it was seen.
type ledgerPort struct{ s *session }

func (p ledgerPort) Load(context.Context) (ledger.Record, bool, error) {
	s := p.s
	s.enter(read, "load ledger")
	if s.mistake != nil && s.mistake.readsLedgerOnce && s.read {
		return s.first, true, nil
	}
	s.fenced = s.read
	s.read, s.loaded = true, s.w.ledgerVersion
	if s.w.ledger == nil {
		return ledger.Record{}, false, nil
	}
	s.first = *s.w.ledger
	return s.first, true, nil
}

func (p ledgerPort) Save(_ context.Context, rec ledger.Record) error {
	s := p.s
	if s.mistake != nil && s.mistake.savesLate != nil && s.mistake.savesLate(s.step) {
		s.pending = &rec
		return nil
	}
	s.pending = nil
	return s.write("save ledger", func() error { return s.save(rec) })
}

func (s *session) save(rec ledger.Record) error {
	careless := s.mistake != nil && s.mistake.ignoresVersions
	switch {
	case !careless && s.loaded != s.w.ledgerVersion:
		return errConflict
	case s.w.ledger == nil && s.w.app != s.view:
		return errConflict
	}
	s.w.ledger = &rec
	s.w.ledgerVersion++
	s.loaded, s.fenced = s.w.ledgerVersion, true
	return nil
}

// flush performs the save that a seeded mistake held back.
func (s *session) flush() {
	if s.pending != nil {
		rec := *s.pending
		s.pending = nil
		_ = s.write("save ledger, late", func() error { return s.save(rec) })
	}
}

func (p ledgerPort) Delete(context.Context) error {
	s := p.s
	return s.write("delete ledger", func() error {
		switch {
		case s.w.ledger == nil:
			return nil
		case s.loaded != s.w.ledgerVersion:
			return errConflict
		}
		s.leaveBehind(s.desired.Deletion)
		s.w.ledger = nil
		s.w.ledgerVersion++
		s.loaded = s.w.ledgerVersion
		return nil
	})
}

// Former and DropFormer are for what a restored cluster left.
func (p ledgerPort) Former(_ context.Context, uid types.UID) (ledger.Record, bool, error) {
	s := p.s
	s.enter(read, "read the former ledger")
	if s.w.former.ledger == nil || s.w.former.uid != uid {
		return ledger.Record{}, false, nil
	}
	return *s.w.former.ledger, true, nil
}

func (p ledgerPort) DropFormer(_ context.Context, uid types.UID) error {
	s := p.s
	return s.write("delete the former ledger", func() error {
		if s.w.former.uid == uid {
			s.w.former.ledger = nil
		}
		return nil
	})
}

type finalizerPort struct{ s *session }

func (p finalizerPort) Present() bool { return p.s.view.finalizer }

func (p finalizerPort) Add(context.Context) error {
	s := p.s
	return s.write("add finalizer", func() error {
		if s.w.app != s.view {
			return errConflict
		}
		s.w.app.finalizer, s.view.finalizer = true, true
		return nil
	})
}

func (p finalizerPort) Remove(context.Context) error {
	s := p.s
	return s.write("remove finalizer", func() error {
		if s.w.app.uid != s.view.uid || !s.w.app.exists {
			return nil
		}
		if s.w.app != s.view {
			return errConflict
		}
		if s.w.lost && s.w.ledger == nil { // else the deletion of the ledger settled that
			s.leaveBehind(s.desired.Deletion)
		}
		s.w.app.finalizer, s.view.finalizer = false, false
		s.require(s.w.check())
		if s.w.app.deleting {
			s.w.app.exists = false
			s.view.exists = false
		}
		return nil
	})
}

// outputsPort publishes like the real one: it reads each object live, writes it if it differs and never touches a foreign one.
type outputsPort struct{ s *session }

// slot is the place of an object and what should be there; want is nil where nothing can be rendered.
type slot struct {
	kind, name string
	want       *object
}

func (p outputsPort) slots(rec ledger.Record) []slot {
	s := p.s
	slots := []slot{{kind: "Secret", name: s.view.spec.secretObject()}, {kind: "ConfigMap", name: s.view.spec.configMapObject()}}
	newest := rec.Newest()
	if newest == nil {
		return slots
	}
	for i := range slots {
		o := object{kind: slots[i].kind, name: slots[i].name, owner: s.view.uid, revision: rec.Revision(), clientID: newest.ClientID, target: s.desired.Target}
		if o.kind == "Secret" {
			o.secret = newest.Proof()
			if rec.Announced != nil {
				o.next = rec.Announced.Secret
			}
		}
		if o.name != "" && (o.kind == "ConfigMap" || o.secret != "") {
			slots[i].want = &o
		}
	}
	return slots
}

func (p outputsPort) Observe(_ context.Context, rec ledger.Record) (plan.Output, error) {
	s := p.s
	s.enter(read, "look at what is published")
	var out plan.Output
	for i, slot := range p.slots(rec) {
		state := p.stateOf(slot)
		if i == 0 {
			out.Secret = state
		} else {
			out.ConfigMap = state
		}
	}
	for _, o := range s.w.objects {
		if o.owner == 0 {
			continue
		}
		if o.owner == s.view.uid {
			out.Any = true
			out.Revisions = append(out.Revisions, o.revision)
		}
		if id, staged, ok := ledger.ParseRevision(o.revision); ok && o.kind == "Secret" && o.name == s.view.spec.secretObject() && len(rec.Credentials()) == 0 {
			c := ledger.Credential{ID: id}
			c.ClientID, c.Secret = o.clientID, o.secret
			if isKey(o.secret) {
				c.Secret, c.Key, c.PublicKey = "", o.secret, o.secret.Reveal()
			}
			out.Held = &plan.Held{Credential: c, Staged: staged}
		}
		inPlace := o.name == s.view.spec.secretObject() && o.kind == "Secret" || o.name == s.view.spec.configMapObject() && o.kind == "ConfigMap"
		if o.owner == s.view.uid && !inPlace {
			out.Stale = true
		}
	}
	if s.w.offer != "" && out.Held == nil && len(rec.Credentials()) == 0 {
		c := ledger.Credential{ID: offeredID}
		c.ClientID, c.Secret = clientID, s.w.offer
		out.Held, out.Offered = &plan.Held{Credential: c}, true
	}
	return out, nil
}

// isKey says whether a drawn value is a key.
func isKey(proof idserver.Secret) bool { return strings.HasPrefix(proof.Reveal(), "drawn-ownkey-") }

func (p outputsPort) stateOf(slot slot) plan.ObjectState {
	if slot.name == "" {
		return plan.Unneeded
	}
	i := p.s.w.object(slot.kind, slot.name)
	switch {
	case i < 0:
		return plan.Missing
	case p.s.w.objects[i].owner == 0:
		return plan.Foreign
	case slot.want != nil && p.s.w.objects[i] == *slot.want:
		return plan.Matches
	}
	return plan.Differs
}

func (p outputsPort) Publish(_ context.Context, rec ledger.Record) error {
	s := p.s
	s.flush()
	newest := rec.Newest()
	if newest == nil || (newest.Proof() == "") != s.desired.Want.Public || (newest.Key != "") != s.desired.Want.PrivateKey {
		return errors.New("the credential is not of the client type that is wanted")
	}
	for _, slot := range p.slots(rec) {
		if slot.want == nil {
			continue
		}
		if state := p.stateOf(slot); state == plan.Matches {
			continue
		}
		if err := s.write("write "+slot.kind+" "+slot.name, func() error { return p.put(slot) }); err != nil {
			return err
		}
	}
	return nil
}

func (p outputsPort) put(slot slot) error {
	s := p.s
	if !s.w.app.exists || s.w.app.uid != s.view.uid { // the garbage collector takes what has no owner
		return nil
	}
	s.require(s.publishable(*slot.want))
	switch i := s.w.object(slot.kind, slot.name); {
	case i < 0:
		s.w.objects = append(s.w.objects, *slot.want)
	case s.w.objects[i].owner == 0:
		return errConflict
	default:
		s.w.objects[i] = *slot.want
	}
	s.w.see(*slot.want)
	return nil
}

func (p outputsPort) Unpublish(_ context.Context, _ ledger.Record, all bool) error {
	s := p.s
	for _, o := range append([]object(nil), s.w.objects...) {
		wanted := o.kind == "Secret" && o.name == s.view.spec.secretObject() || o.kind == "ConfigMap" && o.name == s.view.spec.configMapObject()
		if o.owner != s.view.uid || wanted && !all {
			continue
		}
		err := s.write("delete "+o.kind+" "+o.name, func() error {
			if i := s.w.object(o.kind, o.name); i >= 0 && s.w.objects[i].owner == s.view.uid {
				s.w.remove(i)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
