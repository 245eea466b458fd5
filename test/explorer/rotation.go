package explorer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

// period is the grace period, and the time for which a secret is announced. Within one every client has read what is published.
const period = time.Hour

// period is 0 in a world without rotations.
func (w *World) period() time.Duration {
	if w.app.spec.strategy == "" {
		return 0
	}
	return period
}

func (w *World) now() time.Time {
	return time.Unix(1_700_000_000, 0).UTC().Add(time.Duration(w.clock) * period)
}

func request(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// clients are what the workloads of the application know. A mounted Secret is refreshed late, so that any of the views may be in use.
type clients struct {
	// views are what was published in this period, and at its beginning.
	views []view
	// disturbed: somebody did what no strategy makes good, so that clients may fail from then on.
	disturbed bool
	// exposed are the secrets that a revocation has to end.
	exposed []idserver.Secret
}

// view is the Secret as a client read it.
type view struct {
	clientID     string
	secret, next idserver.Secret
}

// see notes that a Secret was published.
func (w *World) see(o object) {
	if v := (view{o.clientID, o.secret, o.next}); o.kind == "Secret" && w.period() > 0 && !slices.Contains(w.views, v) {
		w.views = append(w.views, v)
	}
}

// pass lets a period pass: every client has read what is published now.
func (w *World) pass() {
	w.clock++
	w.views = nil
	for _, o := range w.objects {
		if o.owner != 0 {
			w.see(o)
		}
	}
}

// checkClients checks that no client fails that does what the strategy asks of it.
func (w *World) checkClients() *Violation {
	strategy := w.app.spec.strategy
	if w.disturbed || strategy == "" || strategy == v1alpha1.RotationInPlace && w.profile == clientChosen {
		return nil
	}
	for _, v := range w.views {
		if !w.server.Authenticate(v.clientID, v.secret) &&
			(strategy != v1alpha1.RotationAnnounce || v.next == "" || !w.server.Authenticate(v.clientID, v.next)) {
			return violated(noOutage, "a client with the secret %s of %s fails", v.secret.Reveal(), v.clientID)
		}
	}
	return nil
}

// checkExposed checks that nothing works any more that was exposed.
func (w *World) checkExposed() *Violation {
	for _, secret := range w.exposed {
		for _, r := range w.server.Registrations() {
			if w.ledger != nil && slices.Contains(w.ledger.Orphans, r.ClientID) {
				continue // its token is lost, and people are told to delete it
			}
			if (r.Secret == secret || slices.Contains(r.Former, secret) || slices.Contains(r.Registration.Keys, secret.Reveal())) && r.Registration.Enabled {
				return violated(revoked, "the secret of %s still works", r.ClientID)
			}
		}
	}
	return nil
}

// checkRest checks where two registrations are.
func (w *World) checkTurns() *Violation {
	old := w.ledger.Old
	if old == nil || !w.ledger.Parked || w.late {
		return nil
	}
	for _, r := range w.ours() {
		if r.ClientID == old.ClientID && r.Registration.Enabled && !w.strayed(*old) {
			return violated(onePair, "%s is in use and %s works as well", w.ledger.Newest().ClientID, r.ClientID)
		}
	}
	return nil
}

// underWay says whether only time is needed to go on.
func (w *World) underWay() bool {
	return w.ledger != nil && w.period() > 0 && (w.ledger.Announced != nil || w.ledger.Old != nil && !w.ledger.Parked)
}

// rotationActions are what people ask for, and time.
func rotationActions() []action {
	rotates := func(w *World) bool { return w.app.exists && !w.app.deleting && w.app.spec.strategy != "" }
	actions := []action{
		{name: "ask for a rotation", cost: 1, calm: true, possible: rotates, apply: func(w *World) { w.app.rotate++ }},
		{
			name: "a period passes", cost: 1, calm: true, apply: (*World).pass,
			possible: func(w *World) bool { return w.app.exists && w.app.spec.strategy != "" },
		},
		{name: "revoke", cost: 1, possible: rotates, apply: func(w *World) {
			w.app.revoke++
			if w.ledger == nil {
				return
			}
			for _, c := range append(w.ledger.Credentials(), announcedOf(w.ledger)...) {
				if c.Proof() != "" {
					w.exposed = append(w.exposed, c.Proof())
				}
			}
		}},
	}
	for _, s := range []v1alpha1.RotationStrategy{
		v1alpha1.RotationInPlace, v1alpha1.RotationAnnounce, v1alpha1.RotationAlternate, v1alpha1.RotationOverlap,
	} {
		actions = append(actions, action{
			name: "edit: strategy " + string(s), cost: 1,
			possible: func(w *World) bool {
				other := w.profile == clientChosen && w.app.spec.strategy != s && !w.app.spec.keyed
				other = other && (s != v1alpha1.RotationOverlap || w.server.Capabilities().SecretSlots > 1)
				return rotates(w) && other && (s != v1alpha1.RotationAlternate || w.app.spec.kind == service)
			},
			apply: func(w *World) { w.app.spec.strategy = s },
		})
	}
	return append(actions, action{
		name: "edit: method", cost: 1,
		possible: func(w *World) bool { return rotates(w) && w.profile == clientChosen && w.app.spec.kind != public },
		apply: func(w *World) {
			s := &w.app.spec
			if s.keyed = !s.keyed; s.keyed {
				s.strategy = v1alpha1.RotationOverlap
			} else {
				s.strategy = v1alpha1.RotationAnnounce
			}
		},
	})
}

func announcedOf(rec *ledger.Record) []ledger.Credential {
	if rec.Announced == nil {
		return nil
	}
	return []ledger.Credential{*rec.Announced}
}

func (w *World) renderRotation(b *strings.Builder) {
	since := func(t time.Time) string { // only whether the period is over counts
		if t.IsZero() {
			return "never"
		}
		return strconv.FormatBool(w.now().Sub(t) >= period)
	}
	w.renderCredential(b, "announced", w.ledger.Announced)
	fmt.Fprintf(b, "announced over=%s retired over=%s parked=%t exposed=%s overlaps=%t %+v\n",
		since(w.ledger.AnnouncedAt), since(w.ledger.RetiredAt), w.ledger.Parked, w.ledger.Exposed, w.ledger.Overlaps, w.ledger.Handled)
}

func (w *World) renderClients(b *strings.Builder) {
	fmt.Fprintf(b, "disturbed=%t\n", w.disturbed)
	for _, v := range w.views {
		fmt.Fprintf(b, "view %s %s %s\n", v.clientID, v.secret.Reveal(), v.next.Reveal())
	}
	for _, s := range w.exposed {
		fmt.Fprintf(b, "exposed %s\n", s.Reveal())
	}
}
