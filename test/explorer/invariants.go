package explorer

import (
	"fmt"
	"slices"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/memory"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// Violation is an invariant that does not hold.
type Violation struct {
	// Invariant names it, Detail says what was found.
	Invariant, Detail string
}

func violated(invariant, format string, args ...any) *Violation {
	return &Violation{Invariant: invariant, Detail: fmt.Sprintf(format, args...)}
}

// The invariants, by the numbers of docs on reliability where they have one.
const (
	knownRegistration = "every live registration is known or a declared orphan (3, 6)"
	savedSecret       = "every secret that the server issued is in the ledger or declared (3)"
	guarded           = "the finalizer is there before and until after everything else (7)"
	savedPublished    = "every published secret that works is in the ledger"
	appliedFirst      = "nothing is published that the server was not told"
	provenFirst       = "nothing is published that was not proven"
	foreignUntouched  = "nothing without our mark is changed or deleted (10, 11)"
	endedFirst        = "a ledger ends only after what it describes (6)"
	oneRegistration   = "one registration for each application at rest (1)"
	authenticates     = "the Secret of a ready application authenticates (2, 13)"
	asDesired         = "at rest the server holds what the spec asks for (12)"
	publishedAtRest   = "at rest exactly what the spec asks for is published (5)"
	publicNoSecret    = "a public application has no secret at rest (5)"
	fixedPoint        = "an ended run repeated changes nothing (8)"
	converges         = "without faults it comes to rest (20)"
	noNeedlessSecret  = "a lost ledger costs no new secret where the published one works"
	noOutage          = "no client fails that does what the strategy asks of it (9)"
	revoked           = "at rest nothing works that was exposed"
	onePair           = "at rest one credential works"
	restartedOnce     = "a workload is restarted once for each credential that replaces another"
	oneLedger         = "a ledger that was inherited is deleted"
	onlyOrphans       = "a sweep ends only what belongs to nobody"
	noOrphan          = "after a sweep nothing is left of what is gone"
	onlyGranted       = "what no grant covers is told, and nothing is done for it"
	letGo             = "only what cannot be ended is abandoned, where somebody says so"
	justifiedStop     = "it stops for a reason that holds (14, 17)"
)

// check checks what holds after every single effect.
func (w *World) check() *Violation {
	for _, c := range []func() *Violation{w.checkRegistrations, w.checkGuard, w.checkPublished, w.checkForeign, w.checkClients, w.checkRobbed} {
		if v := c(); v != nil {
			return v
		}
	}
	return nil
}

func (w *World) checkRegistrations() *Violation {
	unknown := 0
	for _, r := range w.ours() {
		i := slices.IndexFunc(w.credentials(), func(c ledger.Credential) bool {
			return c.Handle == r.Handle || c.Handle == "" && c.ClientID == r.ClientID
		})
		switch {
		case i < 0:
			unknown++
		case w.profile == serverIssued && r.Secret != "" && w.credentials()[i].Secret != r.Secret:
			return violated(savedSecret, "the secret of %s is lost", r.ClientID)
		}
	}
	declared := 0
	if w.ledger != nil {
		declared = len(w.ledger.Orphans)
		if w.ledger.Intent != nil {
			declared++
		}
	}
	if unknown > declared && (!w.lost || w.ledger != nil) {
		return violated(knownRegistration, "%d registrations are not in the ledger, %d are declared", unknown, declared)
	}
	return nil
}

func (w *World) checkGuard() *Violation {
	if w.app.exists && w.app.finalizer {
		return nil
	}
	if w.ledger != nil {
		return violated(guarded, "a ledger without the finalizer")
	}
	for _, o := range w.objects {
		if o.owner == w.app.uid { // the garbage collector takes what a former application left
			return violated(guarded, "the %s %s without the finalizer", o.kind, o.name)
		}
	}
	if n := len(w.ours()); n > 0 {
		return violated(guarded, "%d registrations without the finalizer", n)
	}
	return nil
}

func (w *World) checkPublished() *Violation {
	for _, o := range w.objects {
		if o.owner == 0 || o.edited || w.overlapped || w.lost || w.former.uid != "" || !w.server.Authenticate(o.clientID, o.secret) {
			continue
		}
		if !slices.ContainsFunc(w.credentials(), func(c ledger.Credential) bool { return c.Proof() == o.secret }) {
			return violated(savedPublished, "that of %s is not", o.name)
		}
	}
	return nil
}

func (w *World) checkForeign() *Violation {
	for _, f := range w.foreign {
		if !slices.Contains(w.objects, f) {
			return violated(foreignUntouched, "the %s %s was", f.kind, f.name)
		}
	}
	if len(w.untouchable) == 0 {
		return nil
	}
	held := w.server.Registrations()
	for _, u := range w.untouchable {
		i := slices.IndexFunc(held, func(r memory.Stored) bool { return r.Handle == u.Handle })
		if (w.overlapped || w.endsOrphans) && u.Owner.Cluster == cluster {
			continue // ours, and left by policy: a second leader may have acted on the policy of a moment before, and a sweep ends it
		}
		if i < 0 || !sameRegistration(held[i], u) {
			return violated(foreignUntouched, "the registration %s was", u.ClientID)
		}
	}
	return nil
}

func sameRegistration(a, b memory.Stored) bool {
	return a.Owner == b.Owner && a.Secret == b.Secret && a.Control == b.Control && len(a.Registration.Diff(b.Registration)) == 0
}

// publishable checks what is about to be published.
func (s *session) publishable(o object) *Violation {
	switch {
	case o.secret == "":
		return nil
	case !slices.Contains(s.w.told, o.secret):
		return violated(appliedFirst, "the secret in %s", o.name)
	case s.desired.Verify && s.desired.Want.Enabled && !slices.Contains(s.w.proven, o.secret):
		return violated(provenFirst, "the secret in %s", o.name)
	}
	return nil
}

// drawable checks that a secret is drawn only where there is none that works.
func (s *session) drawable(d plan.Desired, o plan.Observed, step plan.Step) *Violation {
	if stage, ok := step.(plan.Stage); ok && stage.Draw && o.Inspected(d) && d.Rotation.Asked == o.Ledger.Handled {
		return violated(noNeedlessSecret, "a repair draws one")
	}
	stage, ok := step.(plan.Stage)
	if !ok || !stage.Draw || o.Output.Held == nil || !d.Confidential() || !d.Verify || !d.Want.Enabled || d.Capabilities.SecretOrigin == idserver.ServerIssued {
		return nil
	}
	if s.w.server.Authenticate(d.Key.ClientID, o.Output.Held.Credential.Proof()) {
		return violated(noNeedlessSecret, "that of the credential %s", o.Output.Held.Credential.ID)
	}
	return nil
}

// leaveBehind checks that a ledger may go, and moves what stays at the server by policy out of our hands.
func (s *session) leaveBehind(policy plan.Deletion) {
	orphans := 0
	if s.w.ledger != nil {
		orphans = len(s.w.ledger.Orphans)
	}
	for _, r := range s.w.ours() {
		inLedger := slices.ContainsFunc(s.w.credentials(), func(c ledger.Credential) bool { return c.Handle == r.Handle || c.Handle == "" })
		switch {
		case policy == plan.Orphan, s.w.abandoned == s.view.uid:
		case (policy == plan.DisableOnly || slices.Contains(s.w.refused, r.Handle)) && !r.Registration.Enabled:
		case !inLedger && orphans > 0 && s.w.recorded == s.view.uid:
			orphans--
		default:
			s.require(violated(endedFirst, "the registration %s is alive", r.ClientID))
		}
		s.w.leave(r.Handle)
	}
}

// leave takes a registration out of our hands: from now on nobody of ours may change it.
func (w *World) leave(handle string) {
	for _, r := range w.server.Registrations() {
		if r.Handle == handle && !w.isUntouchable(handle) {
			w.untouchable = append(w.untouchable, r)
		}
	}
}
