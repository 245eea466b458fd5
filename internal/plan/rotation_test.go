package plan

import (
	"testing"
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

const day = 24 * time.Hour

// madeAt is when the credential of the states was made, and began is the clock of those that are not later.
var madeAt = time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC)

func strategy(s v1alpha1.RotationStrategy) edit {
	return func(d *Desired, _ *Observed) {
		d.Rotation.Strategy, d.Rotation.Grace, d.Rotation.Announced = s, time.Hour, time.Hour
	}
}

// The edits of rotation, each named for what it makes true.
var (
	announcing = strategy(v1alpha1.RotationAnnounce)
	taking     = strategy(v1alpha1.RotationAlternate)
	asked      = edit(func(d *Desired, _ *Observed) { d.Rotation.Asked.Rotate = "today" })
	exposed    = edit(func(d *Desired, _ *Observed) { d.Rotation.Asked.Revoke = "leaked" })
	heeded     = edit(func(d *Desired, o *Observed) { o.Ledger.Handled = d.Rotation.Asked })
	timed      = edit(func(d *Desired, o *Observed) {
		o.Ledger.RotatedAt, o.Now = madeAt, madeAt
		d.Rotation.Next = func(last, _ time.Time) time.Time { return last.Add(day) }
	})
	// longDue: the server was away for long before the new credential was published.
	longDue       = edit(func(_ *Desired, o *Observed) { o.Ledger.RotatedAt = madeAt.Add(-2 * day) })
	granted       = edit(func(_ *Desired, o *Observed) { o.Granted = true })
	spaced        = edit(func(_ *Desired, o *Observed) { o.Spaced = &time.Time{} })
	unreadable    = edit(func(d *Desired, _ *Observed) { d.Rotation.Invalid = "window.schedule: correct it" })
	announcedNext = edit(func(_ *Desired, o *Observed) { o.Ledger.Announced = credential("a") })
	readable      = edit(func(_ *Desired, o *Observed) { o.Ledger.AnnouncedAt, o.Now = madeAt, madeAt })
	onOther       = edit(func(_ *Desired, o *Observed) {
		o.Ledger.Current, o.Ledger.Next = credential("n"), nil
		o.Ledger.Current.ClientID = otherID
	})
	heldOther     = edit(func(_ *Desired, o *Observed) { o.Output.Held.Credential.ClientID = otherID })
	replacedOther = edit(func(_ *Desired, o *Observed) {
		o.Ledger.Old = credential("o")
		o.Ledger.Old.ClientID = otherID
		o.Now = madeAt.Add(10 * day)
	})
	inGrace = edit(func(d *Desired, o *Observed) { d.Rotation.Grace, o.Ledger.RetiredAt, o.Now = time.Hour, madeAt, madeAt })
	parked  = edit(func(_ *Desired, o *Observed) { o.Ledger.Parked, o.Ledger.Old.Secret = true, "" })
	// keyed: the application has keys; twoKeys: the replaced one is still registered; retired: the server was told to forget it.
	keyed = both(strategy(v1alpha1.RotationOverlap), func(d *Desired, o *Observed) {
		d.Want.PrivateKey = true
		giveKeys(o.Ledger)
	})
	twoKeys = both(keyed, func(_ *Desired, o *Observed) {
		o.Ledger.Old = credential("o")
		o.Now = madeAt.Add(10 * day)
		giveKeys(o.Ledger)
	})
	// wantsKey and wantsSecret: the spec changed the method.
	wantsKey    = edit(func(d *Desired, _ *Observed) { d.Want.PrivateKey = true })
	wantsSecret = edit(func(d *Desired, _ *Observed) { d.Want.PrivateKey = false })
	retired     = edit(func(_ *Desired, o *Observed) { o.Retired = true })
	lost        = func(ids ...string) edit { return func(_ *Desired, o *Observed) { o.Lost = ids } }
	revoked     = edit(func(_ *Desired, o *Observed) { o.Ledger.Exposed = "c" })
)

// giveKeys puts keys in the place of secrets.
func giveKeys(rec ledger.Record) {
	for _, c := range []*ledger.Credential{rec.Next, rec.Current, rec.Old} {
		if c != nil && c.Proof() != "" {
			c.Secret, c.Key, c.PublicKey = "", "k-"+c.Secret, "p-"+c.ID
		}
	}
}

// expiring: the server ends the secret three days after it was made.
var expiring = edit(func(_ *Desired, o *Observed) {
	o.Ledger.RotatedAt, o.Ledger.Newest().ExpiresAt = madeAt, madeAt.Add(3*day)
})

func later(by time.Duration) edit { return func(_ *Desired, o *Observed) { o.Now = madeAt.Add(by) } }

func enabledReply(owner idserver.Mark) *idserver.Reply {
	return &idserver.Reply{Owner: owner, Registration: idserver.Registration{Enabled: true}}
}

// The ways of the strategies, step by step, with the effects of each on the ledger.
func TestStrategies(t *testing.T) {
	fresh := func(id, clientID string) *ledger.Credential {
		c := credential(id)
		c.ClientID = clientID
		return c
	}
	staged := func(c *ledger.Credential) edit {
		return func(d *Desired, o *Observed) {
			published := o.Published(o.Ledger.Newest().ID)
			o.Ledger = o.Ledger.Stage(d.Target, c, published, o.Now).Answering(d.Rotation.Asked)
			o.Granted = false
		}
	}
	published := edit(func(_ *Desired, o *Observed) {
		o.Output.Secret, o.Output.Revisions = Matches, []string{o.Ledger.Revision()}
	})
	differs := edit(func(_ *Desired, o *Observed) { o.Output.Secret = Differs })
	promotedNow := func(separate bool) edit {
		return func(d *Desired, o *Observed) { o.Ledger = o.Ledger.Promote(separate, d.Restart, o.Now) }
	}
	forgetRun := edit(func(_ *Desired, o *Observed) { o.Found, o.Applied, o.Verified, o.Granted = nil, false, "", false })
	for name, rungs := range map[string][]struct {
		edit edit
		want Step
	}{
		"in place": {
			{both(strategy(v1alpha1.RotationInPlace), asked, later(0)), Reserve{}},
			{granted, Lookup{ClientID: appID}},
			{lookedUp(mine), Stage{Draw: true, ClientID: appID}},
			{staged(fresh("f", appID)), Apply{}},
			{applied, Verify{}},
			{both(proven, differs), Publish{}},
			{published, Promote{}},
			{promotedNow(false), Done{}},
		},
		"announce": {
			{both(announcing, asked, later(0)), Reserve{}},
			{granted, Announce{}},
			{both(func(_ *Desired, o *Observed) { o.Ledger = o.Ledger.Announce(*fresh("f", appID), "today") }, differs), Publish{}},
			{published, NoteAnnounced{}},
			{func(_ *Desired, o *Observed) { o.Ledger = o.Ledger.Announcing(o.Now) }, Done{}},
			{both(forgetRun, later(time.Hour)), Lookup{ClientID: appID}},
			{lookedUp(mine), Stage{Announced: true, ClientID: appID}},
			{func(d *Desired, o *Observed) { o.Ledger = o.Ledger.Stage(d.Target, o.Ledger.Announced, true, o.Now) }, Apply{}},
			{applied, Verify{}},
			{both(proven, differs), Publish{}},
			{published, Promote{}},
			{promotedNow(false), Done{}},
		},
		"alternate, and back": {
			{both(taking, asked, later(0)), Reserve{}},
			{granted, Lookup{ClientID: otherID}},
			{found(otherID, nil), Stage{Draw: true, ClientID: otherID}},
			{staged(fresh("f", otherID)), Create{}},
			{both(applied, found(otherID, enabledReply(mine))), Verify{}},
			{both(proven, differs), Publish{}},
			{published, Promote{}},
			{promotedNow(true), Done{}},
			{both(forgetRun, later(time.Hour)), Lookup{ClientID: appID}},
			{found(appID, enabledReply(mine)), Disable{ID: appID}},
			{disabledNow(appID), Park{}},
			{func(_ *Desired, o *Observed) { o.Ledger = o.Ledger.Park() }, Done{}},
			{both(forgetRun, func(d *Desired, o *Observed) { d.Rotation.Asked.Rotate, o.Disabled = "tomorrow", nil }), Reserve{}},
			{granted, Lookup{ClientID: appID}},
			{found(appID, &idserver.Reply{Owner: mine}), Stage{Draw: true, ClientID: appID}},
			{staged(fresh("g", appID)), Apply{}},
			{both(applied, proven, published), Promote{}},
		},
		"revoked while the former registration still works": {
			{both(taking, onOther, exposed, func(_ *Desired, o *Observed) { o.Ledger.Old = fresh("o", appID) }, inGrace, published), Lookup{ClientID: otherID}},
			{found(otherID, enabledReply(mine)), Stage{Draw: true, ClientID: otherID}},
			{staged(fresh("f", otherID)), Apply{}},
			{both(applied, proven, published), Lookup{ClientID: appID}},
			{found(appID, enabledReply(mine)), Disable{ID: appID}},
			{disabledNow(appID), Park{}},
			{func(_ *Desired, o *Observed) { o.Ledger = o.Ledger.Park() }, Promote{}},
			{promotedNow(false), Done{}},
		},
		"server-issued, whatever the strategy": {
			{both(serverIssued, announcing, asked, later(0)), Reserve{}},
			{granted, SaveIntent{}},
			{intendedByUs, Create{}},
			{func(d *Desired, o *Observed) {
				if o.Ledger.Current == nil {
					o.Ledger.Current, o.Ledger.Next = o.Ledger.Next, nil
				}
				o.Ledger, o.Applied = o.Ledger.Answer(*fresh("f", "drawn"), o.Now).Answering(d.Rotation.Asked), true
			}, Verify{}},
			{both(proven, published), Promote{}},
			{promotedNow(true), Done{}},
			{both(forgetRun, later(time.Hour)), DeleteOld{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, o := state()
			for i, rung := range rungs {
				rung.edit(&d, &o)
				if got := Next(d, o); got != rung.want {
					t.Fatalf("rung %d: %#v, want %#v", i, got, rung.want)
				}
			}
		})
	}
}

func TestWake(t *testing.T) {
	soon := madeAt.Add(time.Minute)
	for name, c := range map[string]struct {
		edits []edit
		want  time.Time
	}{
		"nothing is planned":      {nil, time.Time{}},
		"the schedule":            {[]edit{timed}, madeAt.Add(day)},
		"of a disabled one":       {[]edit{timed, disabled}, time.Time{}},
		"the turn":                {[]edit{timed, func(_ *Desired, o *Observed) { o.Spaced = &soon }}, soon},
		"told when its turn is":   {[]edit{timed, spaced}, time.Time{}},
		"the announcement":        {[]edit{timed, announcing, announcedNext, readable}, madeAt.Add(time.Hour)},
		"a restart that failed":   {[]edit{restarting, restartDue, restartTried, restartFailed, later(0)}, madeAt.Add(10 * time.Minute)},
		"the grace period":        {[]edit{timed, taking, replacedOther, inGrace}, madeAt.Add(time.Hour)},
		"it holds up what is due": {[]edit{timed, taking, replacedOther, inGrace, longDue}, madeAt.Add(time.Hour)},
		"of one that is parked":   {[]edit{timed, taking, replacedOther, inGrace, parked}, madeAt.Add(day)},
		"a server that is away":   {[]edit{timed, serverDown}, time.Time{}},
		"an end needs no rhythm":  {[]edit{timed, deleting}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Wake(state(c.edits...)); !got.Equal(c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestASecretThatEndsByItselfIsReplacedInTime(t *testing.T) {
	for name, c := range map[string]struct {
		edits []edit
		want  time.Time
	}{
		"never":                            {nil, time.Time{}},
		"after two thirds of its life":     {[]edit{expiring}, madeAt.Add(2 * day)},
		"before the schedule":              {[]edit{expiring, timed}, madeAt.Add(day)},
		"where nobody knows when it began": {[]edit{expiring, func(_ *Desired, o *Observed) { o.Ledger.RotatedAt = time.Time{} }}, madeAt.Add(3 * day)},
		"not where nothing has to work":    {[]edit{expiring, disabled}, time.Time{}},
	} {
		d, o := state(append([]edit{serverIssued}, c.edits...)...)
		if got := NextRotation(d, o); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
