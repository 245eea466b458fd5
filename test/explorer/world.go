package explorer

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/memory"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// World is everything that outlives a run, and what the invariants have to remember.
type World struct {
	profile         string
	app             application
	server          *memory.Server
	serverDown      bool
	verificationOff bool
	ledger          *ledger.Record // nil: there is none
	ledgerVersion   int            // grows with every write; not part of a state
	objects         []object
	drawn           int // how many values were drawn; not part of a state
	// clock counts the periods that passed; not part of a state, but what is left of a period is.
	clock int

	history
}

// history is what the invariants remember.
type history struct {
	// told and proven are the secrets that the server was told, and that were proven by a token request.
	told, proven []idserver.Secret
	// refused are the handles of registrations whose deletion the server refused.
	refused []string
	// removed are the registrations that a person deleted at the server.
	removed []string
	// late: a request of a replaced leader landed after its successor was done. It left before, when the ledger was still its own, so that
	// nothing in the operator can stop it; a sweep repairs that.
	late bool
	// mayLose: the ledger can get lost; lost: it did.
	mayLose, lost bool
	// mayAbandon: people may let an application go without the end of its registration.
	mayAbandon bool
	// sweeps: sweeps look for what people do to registrations. suspect: one raised a suspicion that no run has looked into; swept: one did
	// at rest, so that nothing is excused any more.
	sweeps, suspect, swept bool
	// endsOrphans: sweeps end what belongs to nobody; orphans are what one found; robbed is the client id of what was none; sweepMistake is a
	// seeded one.
	endsOrphans  bool
	orphans      []idserver.Reply
	robbed       string
	sweepMistake string
	// grants: grants are taken away and given back; denied: none covers the application; disables: the server is to refuse it then.
	grants, denied, disables bool
	// abandoned is the UID of the application whose registrations were recorded as left behind; 0 for none.
	abandoned int
	// recorded is the UID of the application whose declared orphans were recorded where they outlive it; 0 for none.
	recorded int
	// overlapped: a second leader was active during a run.
	overlapped bool
	// untouchable are registrations that the operator must not change: foreign ones, and those that it left for good.
	untouchable []memory.Stored
	// foreign are the objects that are not ours, which must stay.
	foreign []object

	clients
	// restartedFor is the credential that the workload was restarted for, restarts how often it was.
	restartedFor string
	restarts     int
	former       formerApp
	// restores: backups may be restored.
	restores bool
	// adoption is what the policies allow, offer the secret in a Secret that is labelled for an adoption.
	adoption plan.Adoption
	offer    idserver.Secret
}

// object is a published Secret or ConfigMap, or one of somebody else.
type object struct {
	kind, name string
	// owner is the UID in the owner reference, 0 for a foreign object.
	owner    int
	revision string
	clientID string
	secret   idserver.Secret
	// next is the announced secret.
	next   idserver.Secret
	target string
	// edited: a person changed it since it was published.
	edited bool
}

func newWorld(profile string, s spec, verificationOff bool) *World {
	server := memory.NewClientChosen()
	if profile == serverIssued {
		server = memory.NewServerIssued()
	}
	return &World{profile: profile, server: server, verificationOff: verificationOff, app: application{uid: 1, exists: true, spec: s}}
}

// The profiles of servers.
const (
	clientChosen = "client-chosen"
	serverIssued = "server-issued"
)

func (w *World) clone() *World {
	c := *w
	c.server = w.server.Clone()
	c.objects = slices.Clone(w.objects)
	c.told, c.proven = slices.Clone(w.told), slices.Clone(w.proven)
	c.refused, c.removed = slices.Clone(w.refused), slices.Clone(w.removed)
	c.untouchable, c.foreign = slices.Clone(w.untouchable), slices.Clone(w.foreign)
	c.orphans = slices.Clone(w.orphans)
	c.views, c.exposed = slices.Clone(w.views), slices.Clone(w.exposed)
	return &c
}

func (w *World) draw(what string) string {
	w.drawn++
	return fmt.Sprintf("drawn-own%s-%d", what, w.drawn)
}

func (w *World) object(kind, name string) int {
	return slices.IndexFunc(w.objects, func(o object) bool { return o.kind == kind && o.name == name })
}

// ours are the registrations of the present application, without those that were left for good.
func (w *World) ours() []memory.Stored {
	var ours []memory.Stored
	for _, r := range w.server.Registrations() {
		if r.Owner == w.app.mark() && !w.isUntouchable(r.Handle) {
			ours = append(ours, r)
		}
	}
	return ours
}

func (w *World) isUntouchable(handle string) bool {
	return slices.ContainsFunc(w.untouchable, func(r memory.Stored) bool { return r.Handle == handle })
}

func (w *World) credentials() []ledger.Credential {
	if w.ledger == nil {
		return nil
	}
	return w.ledger.Credentials()
}

// key identifies a world up to the names of drawn values.
type key [16]byte

func (w *World) key() key {
	sum := sha256.Sum256([]byte(memory.Canonical(w.render())))
	return key(sum[:16])
}

// render shows everything that the future depends on, secrets included: they are counters here.
func (w *World) render() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %+v down=%t off=%t overlapped=%t late=%t lost=%t of %t abandoned=%d recorded=%d suspect=%t denied=%t %t\n",
		w.profile, w.app, w.serverDown, w.verificationOff, w.overlapped, w.late, w.lost, w.mayLose, w.abandoned, w.recorded, w.suspect, w.denied, w.disables)
	staged := 0
	if w.ledger != nil {
		staged = w.ledger.Staged
		fmt.Fprintf(&b, "ledger %+v %q %s restart due=%t\n", w.ledger.Intent, w.ledger.Orphans, w.ledger.Target, w.ledger.RestartDue)
		w.renderCredential(&b, "next", w.ledger.Next)
		w.renderCredential(&b, "current", w.ledger.Current)
		w.renderCredential(&b, "old", w.ledger.Old)
		w.renderRotation(&b)
	}
	b.WriteString(w.server.Fingerprint())
	objects := slices.SortedFunc(slices.Values(w.objects), func(a, b object) int { return strings.Compare(a.kind+a.name, b.kind+b.name) })
	for _, o := range objects {
		fmt.Fprintf(&b, "%s/%s owner=%d %s %s %s %s %s %t\n",
			o.kind, o.name, o.owner, relative(o.revision, staged), o.clientID, w.known(o.secret), o.next.Reveal(), o.target, o.edited)
	}
	w.renderHistory(&b)
	return b.String()
}

func (w *World) renderCredential(b *strings.Builder, place string, c *ledger.Credential) {
	if c != nil {
		fmt.Fprintf(b, "%s %s %s %s %s %s removed=%t\n", place, c.ID, c.Handle, c.ClientID, w.known(c.Proof()), c.Control.Reveal(), w.strayed(*c))
	}
}

func (w *World) renderHistory(b *strings.Builder) {
	for _, r := range w.untouchable {
		fmt.Fprintf(b, "untouchable %s\n", r.Handle)
	}
	for _, o := range w.orphans {
		fmt.Fprintf(b, "found orphan %s of %s\n", o.Credential.Handle, o.Owner.UID)
	}
	fmt.Fprintf(b, "refused %q foreign %d\n", w.refused, len(w.foreign))
	w.renderClients(b)
	fmt.Fprintf(b, "restarted %d for %s\n", w.restarts, w.restartedFor)
	fmt.Fprintf(b, "former %s ledger=%t secret %s offer %s %+v\n", w.former.uid, w.former.ledger != nil, w.former.secret.Reveal(), w.offer.Reveal(), w.adoption)
	if w.former.ledger != nil {
		w.renderCredential(b, "former next", w.former.ledger.Next)
		w.renderCredential(b, "former current", w.former.ledger.Current)
	}
	if w.ledger != nil {
		fmt.Fprintf(b, "of former %s\n", w.ledger.Former)
	}
}

// strayed says whether a person deleted the registration of the credential, and the operator has not told the server anything since.
func (w *World) strayed(c ledger.Credential) bool {
	return slices.Contains(w.removed, w.registration(c.Handle, c.ClientID))
}

// registration names a registration: by its client id where that is chosen, and may come back, else by its handle.
func (w *World) registration(handle, clientID string) string {
	if w.profile == clientChosen {
		return clientID
	}
	return handle
}

// known renders what is remembered about a secret.
func (w *World) known(s idserver.Secret) string {
	return fmt.Sprintf("%s told=%t proven=%t", s.Reveal(), slices.Contains(w.told, s), slices.Contains(w.proven, s))
}

// relative renders a revision by the distance of its staging from that of the ledger: only that decides what it will be equal to.
func relative(revision string, staged int) string {
	dot := strings.LastIndexByte(revision, '.')
	if dot < 0 {
		return revision
	}
	n, err := strconv.Atoi(revision[dot+1:])
	if err != nil {
		return revision
	}
	return revision[:dot] + "." + strconv.Itoa(staged-n)
}
