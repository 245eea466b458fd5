package plan

import (
	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

var mine = idserver.Mark{Cluster: "c1", Namespace: "shop", Name: "orders", UID: "u1"}

var (
	chosen = idserver.Capabilities{ChosenID: true, SecretOrigin: idserver.ClientChosen, SecretSlots: 1, Lookup: true}
	issued = idserver.Capabilities{SecretOrigin: idserver.ServerIssued, SecretSlots: 1, RepliesRotate: true}
)

// nobody marks nothing; formerMark is that of an application of the same name, with another UID.
var (
	nobody     = idserver.Mark{}
	formerMark = markOf("c1", "shop", "orders", "u0")
)

// edit changes a state for one case.
type edit func(*Desired, *Observed)

// state is that of a confidential application with which nothing is to be done, on a server that takes chosen secrets, after the edits.
func state(edits ...edit) (Desired, Observed) {
	d := Desired{
		Key:          idserver.Key{ClientID: appID, Owner: mine},
		Want:         idserver.Registration{DisplayName: "orders", Enabled: true, Service: true, SystemUser: "svc"}.Normalize(),
		Target:       "t1",
		Capabilities: chosen,
		ServerReady:  true,
		ServerWait:   Wait{Reason: "IdentityServerNotReady", Message: "down"},
		Verify:       true,
	}
	o := Observed{Finalizer: true, LedgerExists: true}
	o.Ledger = ledger.Record{Next: credential("n"), Target: "t1", Staged: 1}
	o.Output = Output{Secret: Matches, ConfigMap: Unneeded, Any: true, Revisions: []string{o.Ledger.Revision()}}
	for _, e := range edits {
		e(&d, &o)
	}
	return d, o
}

func credential(id string) *ledger.Credential {
	return &ledger.Credential{ID: id, Credential: idserver.Credential{Handle: "h-" + id, ClientID: appID, Secret: idserver.Secret("s-" + id)}}
}

func both(edits ...edit) edit {
	return func(d *Desired, o *Observed) {
		for _, e := range edits {
			e(d, o)
		}
	}
}

// The edits, each named for what it makes true.
var (
	deleting        = edit(func(d *Desired, _ *Observed) { d.Deleting = true })
	serverIssued    = edit(func(d *Desired, _ *Observed) { d.Capabilities = issued })
	serverDown      = edit(func(d *Desired, _ *Observed) { d.ServerReady = false })
	disabled        = edit(func(d *Desired, _ *Observed) { d.Want.Enabled = false })
	public          = edit(func(d *Desired, _ *Observed) { d.Want.Public = true })
	unverified      = edit(func(d *Desired, _ *Observed) { d.Verify = false })
	adopting        = edit(func(d *Desired, _ *Observed) { d.Adoption.Unowned = true })
	takingOver      = edit(func(d *Desired, _ *Observed) { d.Adoption.Unowned, d.Adoption.Takeover = true, true })
	observing       = edit(func(d *Desired, _ *Observed) { d.Adoption.Observe = true })
	restoredFrom    = edit(func(d *Desired, _ *Observed) { d.Adoption.FormerClusters = []string{"c0"} })
	ownerLives      = edit(func(_ *Desired, o *Observed) { o.OwnerLives = true })
	leftLedger      = edit(func(_ *Desired, o *Observed) { o.Left = &ledger.Record{Next: credential("l")} })
	inherited       = edit(func(_ *Desired, o *Observed) { o.Ledger.Former = "u0" })
	dropped         = edit(func(_ *Desired, o *Observed) { o.FormerDropped = true })
	offering        = both(held, func(_ *Desired, o *Observed) { o.Output.Offered = true })
	offerProblem    = edit(func(_ *Desired, o *Observed) { o.Output.OfferProblem = "it has no client_secret" })
	unrenderable    = edit(func(_ *Desired, o *Observed) { o.Output.TemplateProblem = "the entry \"a\": it cannot be read" })
	restarting      = edit(func(d *Desired, _ *Observed) { d.Restart = true })
	restartDue      = edit(func(_ *Desired, o *Observed) { o.Ledger.RestartDue = true })
	restartTried    = edit(func(_ *Desired, o *Observed) { o.RestartTried = "n" })
	restartFailed   = edit(func(_ *Desired, o *Observed) { o.RestartProblems = []string{"forbidden"} })
	suspicious      = edit(func(d *Desired, _ *Observed) { d.Suspect = true })
	impossible      = edit(func(d *Desired, _ *Observed) { d.Unsupported = "not on this server" })
	enforcing       = edit(func(d *Desired, _ *Observed) { d.Enforce = true })
	letGo           = edit(func(d *Desired, _ *Observed) { d.Abandon = true })
	recorded        = edit(func(_ *Desired, o *Observed) { o.Abandoned = true })
	disableOnly     = edit(func(d *Desired, _ *Observed) { d.Deletion = DisableOnly })
	orphaning       = edit(func(d *Desired, _ *Observed) { d.Deletion = Orphan })
	otherTarget     = edit(func(d *Desired, _ *Observed) { d.Target = "t2" })
	blank           = edit(func(_ *Desired, o *Observed) { *o = Observed{Output: Output{Secret: Missing}} })
	unguarded       = edit(func(_ *Desired, o *Observed) { o.Finalizer = false })
	guardedNow      = edit(func(_ *Desired, o *Observed) { o.Finalizer = true })
	unpublished     = edit(func(_ *Desired, o *Observed) { o.Output = Output{Secret: Missing} })
	foreignSecret   = edit(func(_ *Desired, o *Observed) { o.Output = Output{Secret: Foreign} })
	foreignConfig   = edit(func(_ *Desired, o *Observed) { o.Output.ConfigMap = Foreign })
	editedByHand    = edit(func(_ *Desired, o *Observed) { o.Output.Secret = Differs })
	stale           = edit(func(_ *Desired, o *Observed) { o.Output.Stale = true })
	nothingOut      = edit(func(_ *Desired, o *Observed) { o.Output = Output{} })
	noLedger        = edit(func(_ *Desired, o *Observed) { o.Ledger, o.LedgerExists = ledger.Record{}, false })
	held            = edit(func(_ *Desired, o *Observed) { o.Output.Held = &Held{Credential: *credential("h"), Staged: 3} })
	heldProven      = edit(func(_ *Desired, o *Observed) { o.Verified = "h" })
	heldRefused     = edit(func(_ *Desired, o *Observed) { o.HeldRefused = true })
	emptyLedger     = edit(func(_ *Desired, o *Observed) { o.Ledger = ledger.Record{} })
	promoted        = edit(func(_ *Desired, o *Observed) { o.Ledger.Current, o.Ledger.Next = o.Ledger.Next, nil })
	retiring        = edit(func(_ *Desired, o *Observed) { o.Ledger.Current = credential("c") })
	replaced        = edit(func(_ *Desired, o *Observed) { o.Ledger.Old = credential("o") })
	absentLooked    = found(appID, nil)
	absent          = edit(func(_ *Desired, o *Observed) { o.Absent = true })
	applied         = edit(func(_ *Desired, o *Observed) { o.Applied = true })
	proven          = edit(func(_ *Desired, o *Observed) { o.Verified = o.Ledger.Newest().ID })
	intended        = edit(func(_ *Desired, o *Observed) { o.Ledger.Intent = &ledger.Intent{Name: "orders", Target: "t1"} })
	intendedByUs    = both(intended, func(_ *Desired, o *Observed) { o.IntentMine = true })
	void            = edit(func(_ *Desired, o *Observed) { o.IntentVoid = true })
	unsaved         = edit(func(_ *Desired, o *Observed) { o.Unsaved = &ledger.Record{} })
	manyOrphans     = edit(func(_ *Desired, o *Observed) { o.Ledger.Orphans = make([]string, ledger.MaxOrphans) })
	orphansRecorded = edit(func(_ *Desired, o *Observed) { o.OrphansRecorded = true })
	forbidden       = edit(func(_ *Desired, o *Observed) { o.Forbidden = true })
	disabling       = edit(func(d *Desired, _ *Observed) { d.DisableDenied = true })
	ungranted       = edit(func(d *Desired, _ *Observed) {
		d.Denied = "the grant teams does not cover the scope update: change that"
	})
	refusedNow = edit(func(_ *Desired, o *Observed) { o.Refused = true })
	failing    = edit(func(_ *Desired, o *Observed) { o.Failure = Wait{Reason: "ServerUnavailable"} })
)

// appID and otherID are the client ids of the two registrations that an application can have.
const (
	appID   = "com.example.orders"
	otherID = appID + v1alpha1.AlternateSuffix
)

func lookedUp(owner idserver.Mark) edit { return found(appID, &idserver.Reply{Owner: owner}) }

// asWanted is a registration that differs from what is wanted in its owner only.
func asWanted(owner idserver.Mark) edit {
	return func(d *Desired, o *Observed) { found(appID, &idserver.Reply{Owner: owner, Registration: d.Want})(d, o) }
}

func found(id string, reply *idserver.Reply) edit {
	return func(_ *Desired, o *Observed) {
		all := map[string]*idserver.Reply{id: reply}
		for other, r := range o.Found {
			if other != id {
				all[other] = r
			}
		}
		o.Found = all
	}
}

func deleted(ids ...string) edit {
	return func(_ *Desired, o *Observed) { o.Deleted = append(o.Deleted, ids...) }
}

func refused(ids ...string) edit {
	return func(_ *Desired, o *Observed) { o.DeleteRefused = append(o.DeleteRefused, ids...) }
}

func disabledNow(ids ...string) edit {
	return func(_ *Desired, o *Observed) { o.Disabled = append(o.Disabled, ids...) }
}
