package plan

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
)

var theirs = markOf("c2", "shop", "orders", "u1")

func markOf(cluster, namespace, name, uid string) idserver.Mark {
	return idserver.Mark{Cluster: cluster, Namespace: namespace, Name: name, UID: uid}
}

// randomState draws any state, also impossible ones: the plan is total.
func randomState(r *rand.Rand) (Desired, Observed) {
	coin := func() bool { return r.IntN(2) == 0 }
	maybe := func(id string) *ledger.Credential {
		c := credential(id)
		if coin() {
			c.Secret = ""
		}
		if coin() {
			return nil
		}
		return c
	}
	some := func(of ...string) []string { return of[:r.IntN(len(of)+1)] }
	d, o := state()
	if r.IntN(8) == 0 { // a lost ledger
		d, o := state(noLedger, held, lookedUp([]idserver.Mark{mine, theirs, formerMark, nobody}[r.IntN(4)]))
		for _, e := range []edit{adopting, takingOver, observing, leftLedger, heldRefused, offering, offerProblem, nothingOut, heldProven} {
			if r.IntN(4) == 0 {
				e(&d, &o)
			}
		}
		if d.Adoption.Observe && o.HeldRefused {
			asWanted(nobody)(&d, &o)
		}
		return d, o
	}
	if r.IntN(4) == 0 { // at rest, or where a rotation leads to from there
		randomRotation(r, &d, &o)
		return d, o
	}
	d.Want.Public, d.Want.Enabled, d.ServerReady, d.Verify, d.Deleting = coin(), coin(), coin(), coin(), coin()
	d.Deletion, d.Abandon = Deletion(r.IntN(3)), r.IntN(4) == 0
	if coin() {
		d.Capabilities = issued
	}
	o = Observed{
		Finalizer: coin(), LedgerExists: coin(), IntentMine: coin(), IntentVoid: coin(), Granted: coin(), Absent: coin(), Applied: coin(),
		Verified: []string{"", "n", "c"}[r.IntN(3)], Deleted: some(appID, "n", "c", "o"), DeleteRefused: some("n", appID), Disabled: some(otherID, "n"),
	}
	o.Ledger = ledger.Record{Current: maybe("c"), Next: maybe("n"), Old: maybe("o"), Target: []string{"", "t1", "t2"}[r.IntN(3)], Staged: r.IntN(3)}
	o.Ledger.Orphans = make([]string, r.IntN(ledger.MaxOrphans+1))
	if r.IntN(4) == 0 {
		o.Ledger.Intent = &ledger.Intent{Name: "orders"}
	}
	for _, id := range []string{appID, otherID} {
		if r.IntN(3) > 0 {
			found(id, nil)(&d, &o)
		}
		if coin() {
			found(id, enabledReply([]idserver.Mark{mine, theirs, {}, formerMark}[r.IntN(4)]))(&d, &o)
		}
	}
	randomRotation(r, &d, &o)
	o.Output = Output{Secret: ObjectState(r.IntN(5)), ConfigMap: ObjectState(r.IntN(5)), Stale: coin(), Any: coin(), Revisions: some(o.Ledger.Revision(), "n.t2.0", "junk")}
	if coin() {
		o.Output.Held, o.HeldRefused = &Held{Credential: *credential("c")}, coin()
	}
	if r.IntN(8) == 0 {
		o.Unsaved = &ledger.Record{}
	}
	if r.IntN(8) == 0 {
		o.Failure = Wait{After: time.Second}
	}
	return d, o
}

// randomRotation draws where a rotation stands.
func randomRotation(r *rand.Rand, d *Desired, o *Observed) {
	coin := func() bool { return r.IntN(2) == 0 }
	for _, e := range []edit{asked, timed, exposed, heeded, announcedNext, readable, onOther, replacedOther, inGrace, revoked, later(day), longDue, spaced, granted, suspicious, enforcing, inherited, dropped, adopting, restarting, restartDue, restartTried} {
		if r.IntN(4) == 0 {
			e(d, o)
		}
	}
	strategy([]v1alpha1.RotationStrategy{v1alpha1.RotationInPlace, v1alpha1.RotationAnnounce, v1alpha1.RotationAlternate}[r.IntN(3)])(d, o)
	if o.Ledger.Old != nil && coin() {
		parked(d, o)
	}
	if r.IntN(4) == 0 {
		[]edit{keyed, twoKeys, wantsKey, both(keyed, wantsSecret), both(twoKeys, lookedUp(mine)), both(twoKeys, lookedUp(mine), retired)}[r.IntN(6)](d, o)
	}
	if r.IntN(8) == 0 {
		ungranted(d, o)
	}
	if r.IntN(4) == 0 {
		lost([]string{"n", "c", "o"}[r.IntN(3)])(d, o)
	}
}

func TestNextIsTotalAndDeterministic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	met := map[reflect.Type]int{}
	for range 200_000 {
		d, o := randomState(r)
		s := Next(d, o)
		if s == nil {
			t.Fatalf("no step for %+v, %+v", d, o)
		}
		if again := Next(d, o); !reflect.DeepEqual(s, again) {
			t.Fatalf("%#v, then %#v", s, again)
		}
		met[reflect.TypeOf(s)]++
	}
	if len(met) != 38 {
		t.Errorf("the random states lead to %d of the 38 kinds of steps: %v", len(met), met)
	}
}

// Nothing may ever be told to a server, published or changed for what belongs to somebody else, in whatever state.
func TestNoStateTouchesWhatIsForeign(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200_000 {
		d, o := randomState(r)
		s := Next(d, o)
		switch step := s.(type) {
		case Publish:
			if o.Output.Secret == Foreign || o.Output.ConfigMap == Foreign {
				t.Fatalf("it publishes over a foreign object: %+v", o.Output)
			}
		case Apply:
			if d.Capabilities.Lookup && o.Server(d).Owner != mine { // it is claimed first
				t.Fatalf("it changes the registration of %+v", o.Server(d).Owner)
			}
		case Claim:
			if have := o.Server(d); !o.claimable(d, have) {
				t.Fatalf("it claims the registration of %+v", have.Owner)
			}
		case DeleteRegistration:
			if !d.serverIssued() && o.Found[step.ID].Owner != mine {
				t.Fatalf("it deletes the registration of %+v", o.Found[step.ID].Owner)
			}
		case Retire:
			if o.Found[o.Ledger.Old.ClientID].Owner != mine {
				t.Fatal("it changes the keys of a registration of somebody else")
			}
		case Disable:
			if !d.serverIssued() && o.Found[step.ID].Owner != mine {
				t.Fatalf("it disables the registration of %+v", o.Found[step.ID].Owner)
			}
		case Verify:
			if !o.Applied && !o.Proving(d) {
				t.Fatal("it verifies what was not applied")
			}
		}
	}
}

func TestDoneIsAFixedPoint(t *testing.T) {
	for name, edits := range map[string][]edit{
		"first credential":      {},
		"promoted":              {promoted},
		"server-issued":         {serverIssued},
		"server down":           {serverDown},
		"disabled":              {disabled},
		"orphans are no reason": {serverIssued, manyOrphans},
		"gone":                  {deleting, unguarded},
	} {
		t.Run(name, func(t *testing.T) {
			if s := Next(state(edits...)); s != (Done{}) {
				t.Errorf("%#v", s)
			}
		})
	}
}

// A target that was published before does not count once the server was told another one in between (S0 -> S1 -> S0).
func TestAnEditThatIsTakenBackIsApplied(t *testing.T) {
	d, o := state()
	o.Ledger = o.Ledger.Stage("t2", nil, true, time.Time{}) // S1 is staged and told, and the operator dies
	if s := Next(d, o); s != (Lookup{ClientID: appID}) {
		t.Fatalf("%#v", s)
	}
	lookedUp(mine)(&d, &o)
	if s := Next(d, o); s != (Stage{}) {
		t.Fatalf("%#v", s)
	}
	o.Ledger = o.Ledger.Stage("t1", nil, true, time.Time{})
	if s := Next(d, o); s != (Apply{}) {
		t.Fatalf("%#v", s)
	}
}

// A run that ended with nothing left to do is not begun again at once, for ever.
func TestDoneRests(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	rests := 0
	for range 200_000 {
		d, o := randomState(r)
		if Next(d, o) != (Done{}) {
			continue
		}
		wake := Wake(d, o)
		if !wake.IsZero() && !wake.After(o.Now) {
			t.Fatalf("it wakes at %s, and it is %s: %+v, %+v", wake, o.Now, d, o)
		}
		rests++
	}
	if rests < 1000 {
		t.Errorf("only %d states were at rest", rests)
	}
}
