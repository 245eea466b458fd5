package plan

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// ruleCase are the cases of one rule: what makes it speak, and what makes it silent.
type ruleCase struct {
	name   string
	speaks []spoken
	silent [][]edit
}

type spoken struct {
	edits []edit
	step  Step
}

func says(step Step, edits ...edit) spoken { return spoken{edits, step} }

// waitsFor is a Wait of which the message has to say what to do.
func waitsFor(reason string, edits ...edit) spoken { return spoken{edits, Wait{Reason: reason}} }

func failsWith(reason string, edits ...edit) spoken { return spoken{edits, Fail{Reason: reason}} }

// The tables are in the order of the rules, which they pin: each entry is tried on the rule at its own place.
var alwaysCases = []ruleCase{
	{"saveUnsaved", []spoken{says(SaveReply{}, unsaved)}, [][]edit{{}}},
	{"forgetVoid", []spoken{says(ForgetIntent{}, intendedByUs, void)}, [][]edit{{void}, {intendedByUs}}},
	{"failed", []spoken{
		says(Wait{Reason: "ServerUnavailable"}, failing), says(Wait{Reason: "ServerUnavailable"}, failing, letGo),
		says(Disable{ID: appID}, failing, forbidden, disabling, lookedUp(mine), found(appID, enabledReply(mine))),
		says(Wait{Reason: "ServerUnavailable"}, failing, forbidden, found(appID, enabledReply(mine))),
		says(Wait{Reason: "ServerUnavailable"}, failing, forbidden, disabling, found(appID, enabledReply(theirs))),
		says(Wait{Reason: "ServerUnavailable"}, failing, forbidden, disabling, lookedUp(mine)), says(Wait{Reason: "ServerUnavailable"}, failing, forbidden, disabling),
		says(Wait{Reason: "ServerUnavailable"}, failing, forbidden, disabling, found(appID, enabledReply(mine)), disabledNow(appID)),
	}, [][]edit{{}, {failing, letGo, deleting}}},
	{"declareOrphan", []spoken{says(NoteOrphan{}, intended)}, [][]edit{{}, {intendedByUs}}},
}

var livingCases = []ruleCase{
	{"guard", []spoken{says(AddFinalizer{}, unguarded)}, [][]edit{{}}},
	{"possible, unregistered", []spoken{says(Fail{Reason: "Unsupported", Message: "not on this server"}, noLedger, impossible)}, [][]edit{{noLedger}, {impossible}, {noLedger, impossible, disabled}}},
	{"respectForeign, unregistered", []spoken{failsWith("SecretConflict", noLedger, foreignSecret), failsWith("ConfigMapConflict", noLedger, foreignConfig)}, [][]edit{{noLedger}, {foreignSecret}}},
	{"renderable, unregistered", []spoken{failsWith("TemplateInvalid", noLedger, unrenderable)}, [][]edit{{noLedger}, {unrenderable}}},
	{"inspect", []spoken{says(Lookup{ClientID: appID}, suspicious), says(Lookup{ClientID: otherID}, suspicious, taking, onOther), says(Verify{}, suspicious, serverIssued)}, [][]edit{
		{}, {suspicious, unpublished}, {suspicious, serverDown}, {suspicious, serverIssued, proven}, {suspicious, serverIssued, refusedNow}, {suspicious, serverIssued, unverified}, {suspicious, serverIssued, disabled}, {suspicious, serverIssued, serverDown}, {suspicious, lookedUp(mine)}, {suspicious, asked, granted},
	}},
	{"permitted, uncommitted", []spoken{
		failsWith("AccessDenied", unpublished, ungranted), failsWith("AccessDenied", asked, granted, ungranted), failsWith("AccessDenied", unpublished, emptyLedger, ungranted, disabled),
		failsWith("AccessDenied", suspicious, enforcing, lookedUp(mine), ungranted),
	}, [][]edit{{unpublished}, {ungranted}, {unpublished, ungranted, disabled}}},
	{"possible, uncommitted", []spoken{says(Fail{Reason: "Unsupported", Message: "not on this server"}, unpublished, impossible), says(Fail{Reason: "Unsupported", Message: "not on this server"}, asked, granted, impossible)}, [][]edit{{unpublished}, {impossible}, {unpublished, impossible, disabled}}},
	{"awaitServer", []spoken{says(Wait{Reason: "IdentityServerNotReady", Message: "down"}, serverDown, unpublished)}, [][]edit{{serverDown}, {unpublished}}},
	{"lookup", []spoken{
		says(Lookup{ClientID: appID}, unpublished), says(Lookup{ClientID: appID}, asked, granted), says(Lookup{ClientID: otherID}, taking, asked, granted),
		says(Lookup{ClientID: appID}, taking, exposed), says(Lookup{ClientID: appID}, announcing, announcedNext, readable, later(time.Hour)),
		says(Lookup{ClientID: otherID}, taking, unpublished, onOther), says(Lookup{ClientID: appID}, onOther),
		says(Lookup{ClientID: otherID}, taking, noLedger, held, heldOther), says(Lookup{ClientID: appID}, noLedger, held, heldOther),
	}, [][]edit{{asked}, {taking, onOther}, {announcing, asked, granted}, {announcing, announcedNext, readable}, {asked, granted, serverDown}, {}, {unpublished, serverIssued}, {unpublished, absentLooked}}},
	{"respectOwner", []spoken{failsWith("OwnershipConflict", unpublished, lookedUp(theirs))}, [][]edit{{unpublished, lookedUp(mine)}, {unpublished, absentLooked}, {lookedUp(theirs)}}},
	{"preview", []spoken{
		failsWith("AdoptionPending", unpublished, lookedUp(nobody), adopting, observing), says(Observe{}, unpublished, asWanted(nobody), adopting, observing),
		failsWith("AdoptionPending", unpublished, asWanted(theirs), takingOver, observing), failsWith("AdoptionPending", emptyLedger, nothingOut, absentLooked, adopting, observing),
	}, [][]edit{
		{unpublished, lookedUp(mine), adopting, observing}, {unpublished, lookedUp(nobody), adopting}, {unpublished, absentLooked, adopting, observing},
		{unpublished, asWanted(nobody), adopting}, {emptyLedger, nothingOut, absentLooked, observing}, {emptyLedger, absentLooked, adopting, observing},
		{unpublished, lookedUp(formerMark), adopting, observing, leftLedger},
	}},
	{"offered", []spoken{
		failsWith("AdoptionSecretInvalid", noLedger, nothingOut, lookedUp(nobody), adopting, offerProblem),
		failsWith("AdoptionSecretInvalid", noLedger, nothingOut, lookedUp(nobody), adopting, offering, heldRefused),
		failsWith("AdoptionSecretInvalid", noLedger, nothingOut, lookedUp(nobody), adopting, offering, unverified),
	}, [][]edit{
		{noLedger, nothingOut, lookedUp(nobody), adopting, offering}, {noLedger, nothingOut, lookedUp(mine), offerProblem}, {unpublished, lookedUp(nobody), adopting, offerProblem},
		{noLedger, nothingOut, absentLooked, adopting, offerProblem},
	}},
	{"inherit", []spoken{says(Inherit{UID: "u0"}, noLedger, nothingOut, lookedUp(formerMark), leftLedger)}, [][]edit{
		{noLedger, nothingOut, lookedUp(formerMark)}, {unpublished, lookedUp(formerMark), leftLedger}, {noLedger, nothingOut, lookedUp(theirs), leftLedger},
		{noLedger, nothingOut, lookedUp(mine), leftLedger},
	}},
	{"sparing", []spoken{failsWith("SecretConflict", serverIssued, foreignSecret)}, [][]edit{{foreignSecret}, {serverIssued, foreignSecret, disabled}, {serverIssued, unpublished}}},
	{"replace", []spoken{
		says(SaveIntent{}, serverIssued, unpublished, noLedger),
		says(SaveIntent{}, serverIssued, public),
		says(SaveIntent{}, serverIssued, asked, granted),
		says(SaveIntent{}, serverIssued, exposed),
		says(SaveIntent{}, serverIssued, unpublished, absent),
		says(SaveIntent{}, serverIssued, unpublished, lost("n")),
		says(SaveIntent{}, serverIssued, suspicious, enforcing, refusedNow, absent),
		waitsFor("ControlLost", serverIssued, unpublished, replaced, inGrace, lost("n")),
		says(SaveIntent{}, keyed, unpublished, serverIssued, public),
		says(NoteLost{}, serverIssued, public, replaced, lost("o")),
		failsWith("TooManyOrphans", serverIssued, public, replaced, lost("o"), manyOrphans),
		says(Create{}, serverIssued, public, intendedByUs),
		says(Create{}, serverIssued, public, replaced, intendedByUs),
		says(DeleteOld{}, serverIssued, public, replaced),
		says(ForgetOld{}, serverIssued, public, replaced, deleted("o")),
		failsWith("TooManyOrphans", serverIssued, public, manyOrphans),
	}, [][]edit{{unpublished, noLedger}, {serverIssued, unpublished}, {serverIssued}, {serverIssued, unpublished, lost("o")}, {serverIssued, suspicious, refusedNow, absent}, {serverIssued, suspicious, enforcing, refusedNow}, {keyed, serverIssued, unpublished}}},
	{"recall", []spoken{says(Recall{}, noLedger, held, lookedUp(mine))}, [][]edit{
		{held, lookedUp(mine)}, {noLedger, lookedUp(mine)}, {noLedger, held, absentLooked}, {noLedger, held, lookedUp(mine), heldProven},
		{noLedger, held, lookedUp(mine), heldRefused}, {noLedger, held, lookedUp(mine), serverIssued}, {noLedger, held, lookedUp(mine), public},
		{noLedger, held, lookedUp(mine), unverified}, {noLedger, held, lookedUp(mine), disabled},
	}},
	{"stage", []spoken{
		says(Stage{Draw: true, ClientID: appID}, asked, granted), says(Stage{Draw: true, ClientID: otherID}, taking, asked, granted),
		says(Stage{Draw: true, ClientID: appID}, taking, onOther, asked, granted), says(Stage{Draw: true, ClientID: otherID}, taking, onOther, exposed),
		says(Stage{Draw: true, ClientID: appID}, exposed, announcedNext, readable), says(Stage{Draw: true, ClientID: appID}, onOther),
		says(Stage{Announced: true, ClientID: appID}, announcing, announcedNext, readable, later(time.Hour)),
		says(Stage{Announced: true, ClientID: appID}, announcedNext, readable), says(Stage{Announced: true, ClientID: otherID}, taking, announcedNext, readable),
		says(Stage{Held: true}, noLedger, held, lookedUp(mine), heldProven), says(Stage{Draw: true, ClientID: appID}, noLedger, held, lookedUp(mine), heldRefused),
		says(Stage{Draw: true, ClientID: appID}, noLedger, held, absentLooked), says(Stage{Draw: true, ClientID: appID}, noLedger, held, lookedUp(mine), unverified), says(Stage{Draw: true, ClientID: appID}, unpublished, noLedger), says(Stage{Draw: true, ClientID: appID}, public), says(Stage{}, otherTarget), says(Stage{Draw: true, ClientID: appID}, wantsKey), says(Stage{Draw: true, ClientID: appID}, keyed, wantsSecret), says(Stage{Draw: true, ClientID: appID}, keyed, asked, granted), says(Stage{Draw: true, ClientID: appID}, twoKeys, exposed)}, [][]edit{{}, {unpublished}, {asked}, {announcing, announcedNext, readable}, {announcing, announcedNext, later(time.Hour)}, {taking, onOther}, {announcing, announcedNext, readable, later(time.Hour), unrenderable}}},
	{"claim", []spoken{says(Claim{ClientID: appID}, unpublished, lookedUp(nobody)), says(Claim{ClientID: appID}, unpublished, lookedUp(formerMark))}, [][]edit{
		{unpublished, lookedUp(mine)}, {unpublished, absentLooked}, {lookedUp(nobody)}, {unpublished, serverIssued},
	}},
	{"create", []spoken{says(Create{}, unpublished, absentLooked), says(Create{}, suspicious, enforcing, absentLooked)}, [][]edit{{absentLooked}, {unpublished, lookedUp(mine)}, {unpublished, absentLooked, applied}, {unpublished, serverIssued}}},
	{"apply", []spoken{says(Apply{}, suspicious, enforcing, lookedUp(mine)), says(Apply{}, unpublished), says(Apply{}, unpublished, serverIssued), says(Apply{}, serverIssued, suspicious, enforcing, refusedNow)}, [][]edit{{}, {suspicious, lookedUp(mine)}, {suspicious, absentLooked}, {suspicious, enforcing, lookedUp(mine), applied}, {unpublished, applied}}},
	{"verify", []spoken{says(Verify{}, unpublished), says(Verify{}, suspicious, enforcing, lookedUp(mine), applied)}, [][]edit{{}, {unpublished, proven}, {unpublished, unverified}, {unpublished, disabled}, {unpublished, public}}},
	{"respectForeign", []spoken{failsWith("SecretConflict", foreignSecret), failsWith("ConfigMapConflict", foreignConfig)}, [][]edit{{}}},
	{"renderable", []spoken{failsWith("TemplateInvalid", unrenderable)}, [][]edit{{}}},
	{"publish", []spoken{says(Publish{}, unpublished), says(Publish{}, editedByHand)}, [][]edit{{}, {nothingOut}}},
	{"unpublish", []spoken{says(Unpublish{}, stale)}, [][]edit{{}}},
	{"noteAnnounced", []spoken{says(NoteAnnounced{}, announcedNext)}, [][]edit{{}, {announcedNext, editedByHand}, {announcedNext, readable}}},
	{"deleteOld", []spoken{
		says(DeleteOld{}, serverIssued, replaced), says(ForgetOld{}, serverIssued, replaced, deleted("o")),
		says(NoteLost{}, serverIssued, replaced, lost("o")), waitsFor("ControlLost", serverIssued, replaced, revoked, lost("o")), failsWith("TooManyOrphans", serverIssued, replaced, lost("o"), manyOrphans),
		says(Wait{Reason: "IdentityServerNotReady", Message: "down"}, serverIssued, replaced, serverDown),
	}, [][]edit{{}, {serverDown}, {replaced}, {serverIssued, replaced, inGrace}}},
	{"park", []spoken{
		says(Lookup{ClientID: otherID}, taking, replacedOther), says(Disable{ID: otherID}, taking, replacedOther, found(otherID, enabledReply(mine))),
		says(Park{}, taking, replacedOther, found(otherID, nil)), says(Park{}, taking, replacedOther, found(otherID, enabledReply(theirs))),
		says(Park{}, taking, replacedOther, found(otherID, &idserver.Reply{Owner: mine})),
		says(Park{}, taking, replacedOther, found(otherID, enabledReply(mine)), disabledNow(otherID)),
		says(Lookup{ClientID: otherID}, taking, replacedOther, inGrace, disabled), says(Lookup{ClientID: otherID}, taking, replacedOther, inGrace, revoked),
		says(Lookup{ClientID: otherID}, taking, replacedOther, inGrace, later(time.Hour)),
	}, [][]edit{{}, {taking, replacedOther, inGrace}, {taking, replacedOther, inGrace, later(time.Hour - 1)}, {taking, replacedOther, serverDown}, {taking, replacedOther, parked},
		{serverIssued, replaced}}},
	{"retire", []spoken{
		says(Lookup{ClientID: appID}, twoKeys), says(Retire{}, twoKeys, lookedUp(mine)), says(ForgetOld{}, twoKeys, lookedUp(mine), retired),
		says(ForgetOld{}, twoKeys, absentLooked), says(ForgetOld{}, twoKeys, lookedUp(theirs)), says(Retire{}, twoKeys, inGrace, later(time.Hour), lookedUp(mine)),
		says(Retire{}, twoKeys, inGrace, disabled, lookedUp(mine)), says(Retire{}, twoKeys, inGrace, revoked, lookedUp(mine)),
	}, [][]edit{{}, {keyed}, {twoKeys, inGrace}, {twoKeys, serverDown}, {taking, replacedOther}, {twoKeys, onOther}}},
	{"dropParked", []spoken{
		says(Lookup{ClientID: otherID}, keyed, replacedOther, parked), says(DeleteRegistration{ID: otherID}, keyed, replacedOther, parked, found(otherID, enabledReply(mine))),
		says(ForgetOld{}, keyed, replacedOther, parked, found(otherID, enabledReply(mine)), deleted(otherID)), says(ForgetOld{}, keyed, replacedOther, parked, found(otherID, nil)),
		says(ForgetOld{}, keyed, replacedOther, parked, found(otherID, enabledReply(theirs))),
	}, [][]edit{{}, {taking, replacedOther, parked}, {keyed, replacedOther}, {keyed, replacedOther, parked, serverDown}}},
	{"promote", []spoken{says(Promote{}, retiring), says(Promote{}, retiring, replaced), says(Promote{}, retiring, serverIssued)}, [][]edit{{}, {promoted}, {retiring, replaced, serverIssued}}},
	{"restart", []spoken{says(Restart{}, restarting, restartDue), says(NoteRestarted{}, restarting, restartDue, restartTried)}, [][]edit{
		{restarting}, {restartDue}, {restarting, restartDue, restartTried, restartFailed},
	}},
	{"dropFormer", []spoken{says(DropFormer{UID: "u0"}, inherited), says(ForgetFormer{}, inherited, dropped)}, [][]edit{{}, {dropped}}},
	{"denied", []spoken{failsWith("AccessDenied", ungranted), failsWith("AccessDenied", ungranted, disabled)}, [][]edit{{}}},
	{"possible", []spoken{says(Fail{Reason: "Unsupported", Message: "not on this server"}, impossible)}, [][]edit{{}, {impossible, disabled}}},
	{"reserve", []spoken{says(Reserve{}, asked), says(Reserve{}, serverIssued, expiring, later(2*day)), says(Reserve{}, timed, later(day)), says(Reserve{}, asked, taking, replacedOther, parked)}, [][]edit{
		{}, {timed}, {timed, later(day - 1)}, {serverIssued, expiring, later(2*day - 1)}, {asked, granted}, {asked, spaced}, {asked, heeded}, {asked, unpublished}, {asked, public}, {asked, disabled},
		{asked, serverDown}, {asked, retiring}, {asked, taking, replacedOther}, {asked, announcedNext}, {asked, otherTarget}, {exposed}, {asked, unrenderable},
	}},
	{"announce", []spoken{says(Announce{}, announcing, asked, granted), says(Announce{}, announcing, timed, later(day), granted)}, [][]edit{
		{asked, granted}, {announcing, asked}, {announcing, granted}, {announcing, asked, granted, announcedNext}, {announcing, asked, granted, serverIssued},
		{taking, asked, granted}, {announcing, exposed},
	}},
	{"scheduled", []spoken{failsWith("InvalidSchedule", unreadable)}, [][]edit{{}}},
}

var endingCases = []ruleCase{
	{"released", []spoken{says(Done{}, unguarded)}, [][]edit{{}}},
	{"abandon", []spoken{says(RecordAbandoned{}, letGo, serverDown), says(RecordAbandoned{}, letGo, failing), says(RecordAbandoned{}, letGo, serverIssued, failing)}, [][]edit{
		{letGo}, {serverDown}, {failing}, {letGo, serverDown, orphaning}, {letGo, serverDown, noLedger, nothingOut}, {letGo, serverDown, recorded},
	}},
	{"awaitServer", []spoken{
		says(Wait{Reason: "IdentityServerNotReady", Message: "down"}, serverDown),
		says(Wait{Reason: "IdentityServerNotReady", Message: "down"}, serverDown, noLedger), // lost: what is published proves a registration
	}, [][]edit{{}, {serverDown, orphaning}, {serverDown, noLedger, nothingOut}, {serverDown, serverIssued, noLedger}, {serverDown, emptyLedger}}},
	{"lookupAll", []spoken{says(Lookup{ClientID: appID}), says(Lookup{ClientID: appID}, noLedger), says(Lookup{ClientID: otherID}, absentLooked, noLedger),
		says(Lookup{ClientID: otherID}, absentLooked, taking), says(Lookup{ClientID: otherID}, absentLooked, replacedOther)}, [][]edit{{orphaning}, {noLedger, nothingOut}, {absentLooked}, {serverIssued}}},
	{"endByLedger", []spoken{
		says(DeleteRegistration{ID: "n"}, serverIssued, retiring, replaced),
		says(DeleteRegistration{ID: "c"}, serverIssued, retiring, replaced, deleted("n")),
		says(DeleteRegistration{ID: "o"}, serverIssued, retiring, replaced, deleted("n", "c")),
		says(Disable{ID: "n"}, serverIssued, refused("n")),
		says(Disable{ID: "n"}, serverIssued, disableOnly, retiring),
		says(DeleteRegistration{ID: "c"}, serverIssued, disableOnly, retiring, disabledNow("n")),
		says(Disable{ID: "c"}, serverIssued, disableOnly, retiring, disabledNow("n"), refused("c")),
	}, [][]edit{{}, {serverIssued, orphaning}, {serverIssued, deleted("n")}, {serverIssued, refused("n"), disabledNow("n")}}},
	{"endFound", []spoken{
		says(DeleteRegistration{ID: appID}, lookedUp(mine)), says(DeleteRegistration{ID: appID}, lookedUp(mine), noLedger), says(Disable{ID: appID}, lookedUp(mine), disableOnly), says(Disable{ID: appID}, lookedUp(mine), refused(appID)),
		says(DeleteRegistration{ID: otherID}, replacedOther, lookedUp(mine), found(otherID, enabledReply(mine)), deleted(appID)),
		says(DeleteRegistration{ID: otherID}, taking, absentLooked, found(otherID, enabledReply(mine))),
	}, [][]edit{{lookedUp(theirs)}, {absentLooked}, {lookedUp(mine), orphaning}, {lookedUp(mine), deleted(appID)}, {lookedUp(mine), disableOnly, disabledNow(appID)}, {lookedUp(mine), serverIssued}}},
	{"recordOrphans", []spoken{says(RecordOrphans{}, manyOrphans), says(RecordOrphans{}, manyOrphans, orphaning)}, [][]edit{{}, {manyOrphans, orphansRecorded}}},
	{"unpublishAll", []spoken{says(Unpublish{All: true})}, [][]edit{{nothingOut}}},
	{"deleteLedger", []spoken{says(DeleteLedger{})}, [][]edit{{noLedger}}},
	{"release", []spoken{says(RemoveFinalizer{}, noLedger)}, nil}, // the last resort speaks always
}

// Whose registrations may become ours: by policy, or by proof.
func TestClaimable(t *testing.T) {
	ofOther := markOf("c1", "shop", "sales", "u2")
	system := func(_ *Desired, o *Observed) { o.Found[appID].ForeignOwner = "another system" }
	for name, c := range map[string]struct {
		edits []edit
		want  bool
	}{
		"of nobody":                                 {[]edit{lookedUp(nobody)}, false},
		"of nobody, allowed":                        {[]edit{lookedUp(nobody), adopting}, true},
		"of another system":                         {[]edit{lookedUp(nobody), system, adopting}, false},
		"of another system, allowed":                {[]edit{lookedUp(nobody), system, takingOver}, true},
		"of another cluster":                        {[]edit{lookedUp(theirs), adopting}, false},
		"of another cluster, allowed":               {[]edit{lookedUp(theirs), takingOver}, true},
		"of one that lives":                         {[]edit{lookedUp(ofOther), takingOver, ownerLives}, false},
		"of one that is gone":                       {[]edit{lookedUp(ofOther), adopting}, false},
		"of one that is gone, allowed":              {[]edit{lookedUp(ofOther), takingOver}, true},
		"of a former one, without proof":            {[]edit{lookedUp(formerMark)}, false},
		"of a former one, allowed":                  {[]edit{lookedUp(formerMark), adopting}, true},
		"of a former one, with its ledger":          {[]edit{lookedUp(formerMark), leftLedger}, true},
		"of a former one, with its Secret":          {[]edit{lookedUp(formerMark), held}, true},
		"of a former one, with a refused Secret":    {[]edit{lookedUp(formerMark), held, heldRefused}, false},
		"of a former one, which cannot be proven":   {[]edit{lookedUp(formerMark), held, unverified}, false},
		"of a former one in a cluster that is gone": {[]edit{lookedUp(markOf("c0", "shop", "orders", "u0")), leftLedger, restoredFrom}, true},
		"of a former one in another cluster":        {[]edit{lookedUp(markOf("c0", "shop", "orders", "u0")), leftLedger}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d, o := state(append([]edit{noLedger, nothingOut}, c.edits...)...)
			if got := o.claimable(d, o.Server(d)); got != c.want {
				t.Errorf("%t", got)
			}
			if f, stops := respectOwner(d, o).(Fail); stops == c.want || stops && f.Reason != "OwnershipConflict" {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestRules(t *testing.T) {
	for list, pair := range map[string]struct {
		rules []rule
		cases []ruleCase
	}{"always": {always, alwaysCases}, "living": {living, livingCases}, "ending": {ending, endingCases}} {
		if len(pair.rules) != len(pair.cases) {
			t.Fatalf("%s: %d rules, %d in the table", list, len(pair.rules), len(pair.cases))
		}
		for i, c := range pair.cases {
			t.Run(fmt.Sprintf("%s/%d %s", list, i, c.name), func(t *testing.T) { try(t, pair.rules[i], c) })
		}
	}
}

func try(t *testing.T, r rule, c ruleCase) {
	for i, s := range c.speaks {
		if got := r(state(s.edits...)); !same(got, s.step) {
			t.Errorf("case %d: %#v, want %#v", i, got, s.step)
		}
	}
	for i, edits := range c.silent {
		if got := r(state(edits...)); got != nil {
			t.Errorf("silent case %d: %#v", i, got)
		}
	}
}

// same compares steps; of a Fail only the reason, but its message has to say what to do.
func same(got, want Step) bool {
	if w, waits := want.(Wait); waits && w.Message == "" && !reflect.DeepEqual(got, want) {
		g, ok := got.(Wait)
		return ok && g.Reason == w.Reason && strings.Contains(g.Message, ":")
	}
	f, isFail := want.(Fail)
	if !isFail || f.Message != "" {
		return reflect.DeepEqual(got, want)
	}
	g, ok := got.(Fail)
	return ok && g.Reason == f.Reason && strings.Contains(g.Message, ":")
}

func TestOwnershipConflictNamesOnlyWhatTheReaderMayKnow(t *testing.T) {
	for name, c := range map[string]struct {
		edit edit
		want string
	}{
		"unmarked":          {lookedUp(markOf("", "", "", "")), "no mark"},
		"another cluster":   {lookedUp(markOf("c2", "shop", "orders", "u1")), "another cluster"},
		"former":            {lookedUp(markOf("c1", "shop", "orders", "u0")), "former"},
		"neighbour":         {lookedUp(markOf("c1", "shop", "sales", "u2")), "sales of this namespace"},
		"another namespace": {lookedUp(markOf("c1", "secret-team", "sales", "u2")), "another namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			f, ok := Next(state(unpublished, noLedger, c.edit)).(Fail)
			if !ok || !strings.Contains(f.Message, c.want) || strings.Contains(f.Message, "secret-team") {
				t.Errorf("%#v", f)
			}
		})
	}
}

// Each rung makes the rule before silent: the next in the order has to speak.
func TestOrder(t *testing.T) {
	for name, rungs := range map[string][]struct {
		edit edit
		want Step
	}{
		"client-chosen": {
			{both(blank, serverDown), AddFinalizer{}},
			{guardedNow, Wait{Reason: "IdentityServerNotReady", Message: "down"}},
			{func(d *Desired, _ *Observed) { d.ServerReady = true }, Lookup{ClientID: appID}},
			{absentLooked, Stage{Draw: true, ClientID: appID}},
			{func(_ *Desired, o *Observed) {
				o.Ledger = o.Ledger.Stage("t1", credential("n"), false, o.Ledger.RotatedAt)
			}, Create{}},
			{lookedUp(mine), Apply{}},
			{both(applied, failing), Wait{Reason: "ServerUnavailable"}},
			{func(_ *Desired, o *Observed) { o.Failure = nil }, Verify{}},
			{both(proven, stale, retiring), Publish{}},
			{func(_ *Desired, o *Observed) {
				o.Output.Secret, o.Output.Revisions = Matches, []string{o.Ledger.Revision()}
			}, Unpublish{}},
			{func(_ *Desired, o *Observed) { o.Output.Stale = false }, Promote{}},
			{promoted, Done{}},
		},
		"server-issued": {
			{both(blank, serverIssued), AddFinalizer{}},
			{guardedNow, SaveIntent{}},
			{intendedByUs, Create{}},
			{both(unsaved, applied, failing), SaveReply{}},
			{func(_ *Desired, o *Observed) {
				o.Unsaved, o.Failure, o.Ledger = nil, nil, o.Ledger.Answer(*credential("n"), o.Ledger.RotatedAt)
			}, Verify{}},
			{both(proven, retiring, replaced), Publish{}},
			{func(_ *Desired, o *Observed) {
				o.Output.Secret, o.Output.Revisions = Matches, []string{o.Ledger.Revision()}
			}, DeleteOld{}},
			{deleted("o"), ForgetOld{}},
			{func(_ *Desired, o *Observed) { o.Ledger = o.Ledger.ForgetOld() }, Promote{}},
			{func(_ *Desired, o *Observed) { o.Ledger = o.Ledger.Promote(true, false, o.Now) }, DeleteOld{}},
			{func(_ *Desired, o *Observed) { o.Ledger = o.Ledger.ForgetOld() }, Done{}},
		},
		"end": {
			{both(deleting, serverDown, intended), NoteOrphan{}},
			{func(_ *Desired, o *Observed) { o.Ledger = o.Ledger.DeclareOrphan() }, Wait{Reason: "IdentityServerNotReady", Message: "down"}},
			{func(d *Desired, _ *Observed) { d.ServerReady = true }, Lookup{ClientID: appID}},
			{lookedUp(mine), DeleteRegistration{ID: appID}},
			{refused(appID), Disable{ID: appID}},
			{disabledNow(appID), RecordOrphans{}},
			{orphansRecorded, Unpublish{All: true}},
			{nothingOut, DeleteLedger{}},
			{func(_ *Desired, o *Observed) { o.LedgerExists = false }, RemoveFinalizer{}},
			{unguarded, Done{}},
		},
		"end that is given up": {
			{both(deleting, letGo), Lookup{ClientID: appID}},
			{failing, RecordAbandoned{}},
			{recorded, Unpublish{All: true}},
			{nothingOut, DeleteLedger{}},
			{func(_ *Desired, o *Observed) { o.LedgerExists = false }, RemoveFinalizer{}},
			{unguarded, Done{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, o := state()
			for i, rung := range rungs {
				rung.edit(&d, &o)
				if got := Next(d, o); !reflect.DeepEqual(got, rung.want) {
					t.Fatalf("rung %d: %#v, want %#v", i, got, rung.want)
				}
			}
		})
	}
}
